"""A thousand mutations of the template: each mistake is found where it was made, and what is no mistake is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache

import pytest

from reconciler.cli.folder import config_files
from reconciler.cli.validate import check
from reconciler.config import snapshot
from reconciler.config.findings import Finding, Severity
from reconciler.config.kinds import KINDS
from reconciler.config.source import LANGUAGE, SourceFile
from tests.property import gallery, tls_gallery
from tests.property.mutations import MUTATORS, Mutation, Verdict, mutations
from tests.unit.config.trees import TEMPLATE

SEED = 3

FILES = {file.path: file for file in config_files(TEMPLATE)}
GALLERY = {path: SourceFile(path, text.encode()) for path, text in gallery.FILES.items()}

TLS = tls_gallery.FILES

Files = Mapping[str, SourceFile]
Answer = tuple[bool, tuple[Finding, ...]]


def texts(files: Files) -> dict[str, str]:
    """Those files that are configuration, as text."""
    return {path: file.content.decode() for path, file in files.items() if path.endswith(LANGUAGE)}


def attached(files: Files) -> list[SourceFile]:
    """Those files that the configuration names."""
    return [file for path, file in files.items() if not path.endswith(LANGUAGE)]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Files, Mutation], Answer]:
    """Validates files with a mutation. A file that is the same as before is parsed once."""
    monkeypatch.setattr(snapshot, "parse_file", lru_cache(maxsize=400)(snapshot.parse_file))

    def run(files: Files, mutation: Mutation) -> Answer:
        changed = {**files, mutation.path: SourceFile(mutation.path, mutation.text.encode())}
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
@pytest.mark.parametrize(
    ("files", "count"),
    [
        pytest.param(FILES, 1000, id="template"),
        pytest.param(GALLERY, 500, id="gallery"),
        pytest.param(TLS, 500, id="TLS"),
    ],
)
def test_every_mutation_is_answered_rightly(
    files: Files, count: int, checked: Callable[[Files, Mutation], Answer]
) -> None:
    wrong: list[str] = []
    verdicts: Counter[Verdict] = Counter()
    for mutation in mutations(texts(files), attached(files), SEED, count):
        verdicts[mutation.verdict] += 1
        told = complaint(mutation, *checked(files, mutation))
        if told:
            where = f"{mutation.path}:{mutation.line}:{mutation.column}"
            wrong.append(f"{where} {mutation.what} ({mutation.verdict.name}): {told}")
    assert wrong == [], f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:60])
    assert verdicts.total() == count
    assert verdicts[Verdict.invalid] > count // 2
    assert verdicts[Verdict.valid] > count // 20


def test_what_is_mutated_is_sound_and_the_template_is_clean() -> None:
    for files in (FILES, GALLERY, TLS):
        compilation, findings = check(files.values())
        assert compilation is not None, "\n".join(map(str, findings))
    assert [finding for finding in check(FILES.values())[1] if finding.severity is not Severity.info] == []


def test_the_gallery_uses_every_kind_that_needs_no_further_file() -> None:
    used = {text.split()[0] for text in "".join(gallery.FILES.values()).splitlines() if text[:1].isalpha()}
    assert used >= {"service", "upstream", "middleware", "auth-policy", "waf-policy", "slo", "alert"}
    assert used <= set(KINDS)


def test_mutations_are_the_same_for_the_same_seed() -> None:
    one, again, other = (list(mutations(texts(FILES), attached(FILES), seed, 50)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert len(MUTATORS) == 10
