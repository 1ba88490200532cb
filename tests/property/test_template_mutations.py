"""A thousand mutations of the template: each mistake is found where it was made, and what is no mistake is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import pytest

from reconciler.cli.folder import config_files
from reconciler.cli.validate import check
from reconciler.config import snapshot
from reconciler.config.findings import Finding
from reconciler.config.source import LANGUAGE, SourceFile
from tests.property.mutations import MUTATORS, Mutation, Verdict, mutations
from tests.unit.config.trees import TEMPLATE

COUNT = 1000
SEED = 3

FILES = {file.path: file for file in config_files(TEMPLATE)}
TEXTS = {path: file.content.decode() for path, file in FILES.items() if path.endswith(LANGUAGE)}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mutation], tuple[bool, tuple[Finding, ...]]]:
    """Validates the template with a mutation. A file that is the same as before is parsed once."""
    monkeypatch.setattr(snapshot, "parse_file", lru_cache(maxsize=4 * len(FILES))(snapshot.parse_file))

    def run(mutation: Mutation) -> tuple[bool, tuple[Finding, ...]]:
        changed = FILES | {mutation.path: SourceFile(mutation.path, mutation.text.encode())}
        compilation, findings = check(changed.values())
        return compilation is not None, findings

    return run


def complaint(mutation: Mutation, sound: bool, findings: tuple[Finding, ...]) -> str:
    """What is wrong with the answer to a mutation; nothing when it is right."""
    errors = [finding for finding in findings if finding.is_error]
    if sound is bool(errors):
        return "sound and with errors, or neither"
    if mutation.verdict is Verdict.valid and errors:
        return f"harmless, and an error: {errors[0]}"
    if any(not finding.hint for finding in errors):
        return f"without a hint: {next(f for f in errors if not f.hint)}"
    if mutation.verdict is not Verdict.invalid:
        return ""
    if sound:
        return "not found"
    places = [f.place for f in errors if f.place is not None and f.place.path == mutation.path]
    there = [place for place in places if place.line == mutation.line]
    if not there:
        return f"found elsewhere: {errors[0]}"
    if mutation.column and mutation.column not in {place.column for place in there}:
        return f"found in another column: {errors[0]}"
    return ""


@pytest.mark.slow
def test_every_mutation_is_answered_rightly(
    checked: Callable[[Mutation], tuple[bool, tuple[Finding, ...]]],
) -> None:
    wrong: list[str] = []
    verdicts: Counter[Verdict] = Counter()
    for mutation in mutations(TEXTS, SEED, COUNT):
        verdicts[mutation.verdict] += 1
        told = complaint(mutation, *checked(mutation))
        if told:
            where = f"{mutation.path}:{mutation.line}:{mutation.column}"
            wrong.append(f"{where} {mutation.what} ({mutation.verdict.name}): {told}")
    assert wrong == [], f"{len(wrong)} of {COUNT}:\n" + "\n".join(wrong[:60])
    assert verdicts.total() == COUNT
    assert verdicts[Verdict.invalid] > COUNT // 2
    assert verdicts[Verdict.valid] > COUNT // 20


def test_the_template_itself_is_sound_and_clean() -> None:
    compilation, findings = check(FILES.values())
    assert compilation is not None
    assert findings == ()


def test_mutations_are_the_same_for_the_same_seed() -> None:
    assert list(mutations(TEXTS, 1, 50)) == list(mutations(TEXTS, 1, 50))
    assert list(mutations(TEXTS, 1, 50)) != list(mutations(TEXTS, 2, 50))
    assert len(MUTATORS) == 10
