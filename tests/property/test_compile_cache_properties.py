"""What is remembered of files changes no bundle and no finding: every tree compiles to what it does without a cache."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.bundle.build import build_bundle
from reconciler.cli.folder import config_files
from reconciler.compile.compiler import Compilation
from reconciler.config import resource_reading, snapshot
from reconciler.config.findings import Finding
from reconciler.config.remembered import Memory
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.flows import compiling
from reconciler.flows.compiling import compile_confined, compile_files
from reconciler.flows.parts import take_apart
from tests.benchmarks.corpus import corpus
from tests.property.mutations import mutations

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = tuple(config_files(ROOT / "repo-template"))
SHOP = {file.path: file.content for file in TEMPLATE}
FLEET = corpus(40)

RULE = b"""validation-rule "ports" {
    kinds "listener"
    severity "warning"
    forbid "8080" field="address"
}
"""

Tree = Mapping[str, bytes]


class Remembering:
    """Compiles one tree after the other, each with what was remembered of those before it, and held to the last."""

    def __init__(self) -> None:
        self.entries: dict[bytes, memoryview] = {}
        self.former: Former | None = None

    def compile(self, tree: Tree) -> tuple[Compilation | None, tuple[Finding, ...]]:
        files = _sources(tree)
        made, findings, remembered = _answered(compile_files(files, NOW, self.former, Memory(self.entries)))
        self.entries |= {tree[path]: memoryview(entry) for path, entry in remembered.items()}
        if made is not None:
            self.former = Former("the last one", files)
        return made, findings


def _sources(tree: Tree) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(path, content) for path, content in tree.items())


def _answered(
    answers: Iterator[tuple[bytes, ...]],
) -> tuple[Compilation | None, tuple[Finding, ...], Mapping[str, bytes]]:
    first, second = (take_apart(b"".join(answer)) for answer in answers)
    verdict = compiling._verdict(*second)
    made = verdict.compilation or compiling._compilation(*first)
    if made is None or verdict.policies is None:
        return None, verdict.findings, verdict.remembered
    return made, verdict.findings, verdict.remembered


def _cold(tree: Tree, former: Former | None) -> tuple[Compilation | None, tuple[Finding, ...]]:
    made, findings, _ = _answered(compile_files(_sources(tree), NOW, former))
    return made, findings


def _agree(cache: Remembering, tree: Tree) -> bool:
    """That the tree compiles alike with what is remembered and without; whether it does compile."""
    former = cache.former
    warm, findings = cache.compile(tree)
    cold, expected = _cold(tree, former)
    assert findings == expected
    assert warm == cold
    if warm is None or cold is None:
        return False
    assert build_bundle(warm).tar == build_bundle(cold).tar
    return True


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files that are parsed."""
    found: list[str] = []
    real = snapshot.parse_file

    def noted(text: str | bytes, path: str) -> object:
        found.append(path)
        return real(text, path)

    monkeypatch.setattr(snapshot, "parse_file", noted)
    return found


def test_only_what_changed_is_read_again(parsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Remembering()
    cache.compile(FLEET)
    assert set(parsed) == set(FLEET)
    parsed.clear()
    alone: list[str] = []
    real = resource_reading._check_alone
    monkeypatch.setattr(
        resource_reading, "_check_alone", lambda one, report: (alone.append(one.name), real(one, report))
    )
    changed = FLEET["services/team-0002.kdl"].replace(b'"15s"', b'"16s"', 1)
    made, _ = cache.compile({**FLEET, "services/team-0002.kdl": changed})
    assert made is not None
    assert parsed == ["services/team-0002.kdl"]
    assert set(alone) == {f"service-{number:05d}" for number in range(20, 30)}


def test_what_comes_from_templates_or_has_findings_is_not_remembered() -> None:
    cache = Remembering()
    assert cache.compile(SHOP)[0] is not None
    remembered = {path for path, content in SHOP.items() if content in cache.entries}
    templated = {path for path, content in SHOP.items() if b'template "' in content}
    assert remembered
    assert templated
    assert templated.isdisjoint(remembered)
    other = Remembering()
    made, findings = other.compile({**FLEET, "rules.kdl": RULE})
    assert made is not None
    assert {finding.place.path for finding in findings if finding.place} == {"environments.kdl"}
    assert FLEET["environments.kdl"] not in other.entries
    assert RULE in other.entries


def test_a_file_in_which_a_credential_is_allowed_is_searched_every_time() -> None:
    allowed = (
        b"// sentinelctl:allow github because it is the example of our own guide\n// ghp_"
        + b"a1B2c3D4e5F6" * 3
    )
    cache = Remembering()
    made, findings = cache.compile(
        {**FLEET, "note.kdl": allowed + b'\nnode-group "a" {\n    label "x" "y"\n}\n'}
    )
    assert "note.kdl" not in {finding.place.path for finding in findings if finding.place}, findings
    assert not any(b"ghp_" in content for content in cache.entries)
    assert made is not None


EDITS: Mapping[str, Callable[[dict[str, bytes]], object]] = {
    "a file has another name": lambda tree: tree.update({"zz/moved.kdl": tree.pop("services/team-0001.kdl")}),
    "a file is gone": lambda tree: tree.pop("services/team-0001.kdl"),
    "a file is there twice": lambda tree: tree.update({"twice.kdl": tree["services/team-0001.kdl"]}),
    "a file has a comment more": lambda tree: tree.update(
        {"services/team-0001.kdl": b"// Moved all by a line.\n" + tree["services/team-0001.kdl"]}
    ),
    "a resource is in another file": lambda tree: _move(tree, "services/team-0001.kdl", "services/team-0003.kdl"),
    "a name is taken by another file": lambda tree: tree.update(
        {"a.kdl": tree["services/team-0001.kdl"].split(b"\n}\n", 1)[0] + b"\n}\n"}
    ),
    "an upstream that others name is gone": lambda tree: tree.update(
        {"services/team-0001.kdl": tree["services/team-0001.kdl"].split(b'upstream "service-00010" {')[0]}
    ),
    "two services want the same requests": lambda tree: tree.update(
        {
            "b.kdl": b'service "other" {\n    hosts "service-00011.example.com"\n    path-prefix "/api/4"\n'
            b'    methods "GET"\n    upstream "service-00011"\n    priority 61\n}\n'
        }
    ),
    "an environment has another version": lambda tree: _policy(tree, b"0.6.20", b"0.6.19"),
    "an environment is gone": lambda tree: _policy(
        tree, b'environment "dev" {\n    proxy-version "0.6.20"\n}\n', b""
    ),
    "there is no listener": lambda tree: tree.update(
        {"environments.kdl": tree["environments.kdl"].split(b"listener")[0]}
    ),
    "a rule objects": lambda tree: tree.update({"rules.kdl": RULE + RULE.replace(b"ports", b"weights").replace(
        b'kinds "listener"', b'kinds "service"').replace(b'"8080" field="address"', b'"00017" field="hosts"')}),
    "a file holds a token": lambda tree: tree.update(
        {"services/team-0001.kdl": b"// ghp_" + b"a1B2c3D4e5F6" * 3 + b"\n" + tree["services/team-0001.kdl"]}
    ),
    "a file is no KDL": lambda tree: tree.update({"services/team-0001.kdl": b'service "a" {'}),
    "a secret is named that is not there": lambda tree: _policy(
        tree, b'title "Bench"', b'title "${secret:none}"'
    ),
    "a service comes from a template": lambda tree: tree.update(
        {"t.kdl": b'service "made" {\n    template "static-site" {\n        root "/srv"\n    }\n}\n'}
    ),
}  # fmt: skip


def _move(tree: dict[str, bytes], source: str, target: str) -> None:
    first, rest = tree[source].split(b"\n}\n", 1)
    tree[source] = rest
    tree[target] += b"\n" + first + b"\n}\n"


def _policy(tree: dict[str, bytes], old: bytes, new: bytes) -> None:
    tree["environments.kdl"] = tree["environments.kdl"].replace(old, new, 1)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_compiles_as_without_a_cache(edit: Callable[[dict[str, bytes]], object]) -> None:
    cache = Remembering()
    assert _agree(cache, FLEET)
    tree = dict(FLEET)
    edit(tree)
    assert tree != FLEET
    _agree(cache, tree)
    assert _agree(cache, FLEET)


def test_one_edit_after_the_other_compiles_as_without_a_cache() -> None:
    cache, rng = Remembering(), random.Random(7)
    tree, compiled = dict(FLEET), 0
    for _ in range(40):
        before = dict(tree)
        path = rng.choice(sorted(tree))
        lines = tree[path].split(b"\n")
        rng.choice([_without_a_line, _a_line_twice, _another_number])(lines, rng)
        tree[path] = b"\n".join(lines)
        if _agree(cache, dict(rng.sample(sorted(tree.items()), len(tree)))):
            compiled += 1
        else:
            tree = before
    assert 5 < compiled < 40


def _without_a_line(lines: list[bytes], rng: random.Random) -> None:
    lines.pop(rng.randrange(len(lines)))


def _a_line_twice(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines.insert(at, lines[at])


def _another_number(lines: list[bytes], rng: random.Random) -> None:
    at = rng.choice([index for index, line in enumerate(lines) if b"priority" in line] or [0])
    lines[at] = lines[at].replace(b"priority ", b"priority 1")


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_a_realistic_repository_compile_as_without_a_cache(seed: int) -> None:
    texts = {path: content.decode() for path, content in SHOP.items() if path.endswith(".kdl")}
    rest = [file for file in TEMPLATE if file.path not in texts]
    cache = Remembering()
    assert _agree(cache, SHOP)
    compiled = sum(
        _agree(cache, {**SHOP, mutation.path: mutation.text.encode()})
        for mutation in mutations(texts, rest, seed, 20)
    )
    assert 0 < compiled < 20


BAD = [b"", b"\0", b"N", b"(\0\0\0\0", b"i\x01\0\0\0", b"\xff" * 40, b"[" + b"\xff" * 4, b'{"a": 1}']


@pytest.mark.parametrize("entry", BAD, ids=ascii)
def test_what_is_no_entry_counts_for_nothing(entry: bytes) -> None:
    cache = Remembering()
    cache.entries = {content: memoryview(entry) for content in FLEET.values()}
    assert _agree(cache, FLEET)
    assert all(bytes(cache.entries[content]) != entry for path, content in FLEET.items() if "team" in path)


def test_an_entry_that_is_cut_or_changed_counts_for_nothing_or_is_read_in_bounds() -> None:
    cache, rng = Remembering(), random.Random(3)
    cache.compile(FLEET)
    content = FLEET["services/team-0001.kdl"]
    whole = bytes(cache.entries[content])
    for length in rng.sample(range(len(whole)), 40):
        cache.entries[content] = memoryview(whole[:length])
        assert _agree(cache, FLEET)


def test_a_lie_in_an_entry_is_seen_when_the_tree_is_compiled_without_it() -> None:
    cache = Remembering()
    cache.compile(FLEET)
    content = FLEET["services/team-0001.kdl"]
    lie = bytes(cache.entries[content]).replace(b"10.0.11.10:8080", b"192.0.2.9:66666"[:15])
    assert lie != cache.entries[content]
    cache.entries[content] = memoryview(lie)
    warm, _ = cache.compile(FLEET)
    cold, _ = compile_confined(_sources(FLEET), now=NOW)
    assert warm is not None
    assert cold is not None
    assert b"192.0.2.9" in warm.environments[0].config
    assert b"192.0.2.9" not in cold.environments[0].config


RUN = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from reconciler.config.source import SourceFile
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.compiling import build_confined
from tests.benchmarks.corpus import corpus

files = [SourceFile(path, content) for path, content in corpus(30).items()]
cache = CompileCache(Path(sys.argv[1]), "acme", "shop", 1 << 28)
assert len(cache.known(files)) == (len(files) if sys.argv[2] == "warm" else 0)
_, built, findings = build_confined(files, now=datetime(2026, 1, 1, tzinfo=UTC), former=None, cache=cache)
cache.write()
print(built.digest)
"""


def _in_a_process(folder: Path, state: str, seed: str) -> str:
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command: Sequence[str] = (sys.executable, "-c", RUN, str(folder), state)
    done = subprocess.run(
        command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_process_with_another_hash_seed_makes_the_same_bundle(tmp_path: Path) -> None:
    first = _in_a_process(tmp_path / "a", "cold", "1")
    assert first.startswith("sha256:")
    assert _in_a_process(tmp_path / "a", "warm", "2") == first
    assert _in_a_process(tmp_path / "b", "cold", "3") == first
