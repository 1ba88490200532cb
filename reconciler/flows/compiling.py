"""Reads a commit's files, parses and compiles them in a confined child, and reads its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, TypeVar

from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.compile.compiler import Compilation, check_snapshot, is_bounded, make_compilation
from reconciler.compile.expiry import expiry_findings
from reconciler.config.findings import Finding, Place, Severity, has_errors
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.remembered import Memory
from reconciler.config.rules.step import Former, hold_to
from reconciler.config.secret_age import due_secrets
from reconciler.config.snapshot import Snapshot, Tree, checked, read_files, snapshot_of
from reconciler.config.source import SourceFile, is_read
from reconciler.errors import Refused, Transient
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.confined import SEVERED, Broken, Child, Confinement, Hearing
from reconciler.flows.parts import Parts, take_apart
from reconciler.git.mirror import Mirror
from reconciler.git.reading import read_tree

T = TypeVar("T")

LIMITS = Confinement()
SENTENCES = {
    "memory": "the configuration needs more memory to compile than a commit may use",
    "cpu": "the configuration takes more time to compile than a commit may use",
    "answer": "the configuration compiles to more than a bundle may hold",
    "crash": "the compiler failed on this configuration",
}


def read_project(
    mirror: Mirror, sha: str, folder: str, *, others: bool = False, seen: dict[str, bytes] | None = None
) -> tuple[tuple[SourceFile, ...], tuple[Finding, ...]]:
    """The project's files in a commit, by path from its folder; with `others` those too that nothing is compiled from.

    `seen` is handed from one commit to the next, so that what both have is read once. What we do not accept in a tree
    is a finding. Raises `Refused` (E-GIT-020) when the mirror has no such commit.
    """
    found = read_tree(mirror, sha, folder, select=is_read, others=others, seen=seen)
    findings = tuple(
        Finding(p.code, Severity.error, Place(p.path, 1, 1) if p.path else None, p.message)
        for p in found.problems
    )
    start = len(folder) + 1 if folder else 0
    read = (*found.files, *found.others)
    return tuple(SourceFile(path[start:], content) for path, _, content in read), findings


def compile_confined(
    files: Sequence[SourceFile],
    limits: Confinement = LIMITS,
    *,
    now: datetime,
    former: Former | None = None,
) -> tuple[Compilation | None, tuple[Finding, ...]]:
    """What `read_snapshot` and `compile_snapshot` say of the files; None with at least one error.

    What has ended at `now` is told as a warning: time alone never refuses a commit. The files are held to the stricter
    of their own rules and policies and those of `former`. Nothing is taken from a cache.

    A child that used up its limits or crashed is a finding (E-TRK-002, E-TRK-003): the same files would do it again.
    Raises `Transient` (E-TRK-004) when it was ended from outside.
    """
    with Compiling(files, limits, now=now, former=former) as compiling:
        return compiling.verdict()


def build_confined(
    files: Sequence[SourceFile],
    *,
    now: datetime,
    former: Former | None,
    cache: CompileCache,
    ahead: Ahead | None = None,
) -> tuple[Compilation | None, BuiltBundle | None, tuple[Finding, ...]]:
    """As `compile_confined`, with the bundle, which is made while the child goes on with its checks.

    What no node would accept is a finding, and then there is no bundle. What is known of single files is taken from
    `cache`, and what is new goes there. `ahead` is used when it began with the files of `former`.
    """
    with Compiling(files, now=now, former=former, cache=cache, ahead=ahead) as compiling:
        made = compiling.contents()
        built = _built(made) if made is not None else None
        compilation, findings = compiling.verdict()
    if compilation is None:
        return None, None, findings
    if built is None:
        built = _built(compilation)
    return (
        (compilation, None, (*findings, built))
        if isinstance(built, Finding)
        else (compilation, built, findings)
    )


def _built(compilation: Compilation) -> BuiltBundle | Finding:
    try:
        return build_bundle(compilation)
    except Refused as refusal:
        return Finding(refusal.code, Severity.error, None, refusal.message)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A child's second answer. Without policies the commit is refused. `compilation` is there when it was made late,
    `remembered` is by path of the file."""

    findings: tuple[Finding, ...]
    policies: tuple[EnvironmentPolicy, ...] | None
    compilation: Compilation | None
    remembered: Mapping[str, bytes]


class Ahead:
    """A child that recalls the last valid commit while its parent still asks the forge for the next one.

    Most of what a push leaves as it was is then at hand when the push is there. The child has no keys, as every other;
    whoever is about to load one ends it.
    """

    def __init__(
        self, files: tuple[SourceFile, ...], cache: CompileCache, now: datetime, limits: Confinement = LIMITS
    ) -> None:
        hearing = Hearing()
        self._files = files
        self._child = Child(
            lambda: _compile_told(files, _memory(cache, files), now, hearing), limits, hearing
        )

    def go_on(self, files: Sequence[SourceFile], former: Former) -> Child | None:
        """Let the child compile these files; None, and it is gone, when it began with others than the former ones."""
        if former.files != self._files:
            self.end()
            return None
        places = {file: index for index, file in enumerate(self._files)}
        parts = Parts()
        listed = [
            [file.path, places.get(file), parts.keep(b"" if file in places else file.content)]
            for file in files
        ]
        self._child.tell(
            parts.behind(
                {"files": listed, "former": former.name, "trailers": [list(one) for one in former.trailers]}
            )
        )
        return self._child

    def end(self) -> None:
        """Let the child go."""
        self._child.end()


def _compile_told(
    before: tuple[SourceFile, ...], memory: Memory, now: datetime, hearing: Hearing
) -> Iterator[tuple[bytes, ...]]:
    """What runs in a child that is ahead."""
    for file in before:
        memory.recall(file)
    document, kept = take_apart(hearing.hear())
    files = tuple(
        SourceFile(path, kept(pair)) if index is None else before[index]
        for path, index, pair in document["files"]
    )
    trailers = tuple(tuple((name, value) for name, value in one) for one in document["trailers"])
    yield from compile_files(files, now, Former(document["former"], before, trailers), memory)


class Compiling:
    """A compilation in a confined child. It is a context: at the end of the block the child is gone.

    The child answers twice: what the files compile to as soon as that is made, and what it finds. The contents count
    for nothing before the verdict.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        limits: Confinement = LIMITS,
        *,
        now: datetime,
        former: Former | None = None,
        cache: CompileCache | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self._files, self._cache = files, cache
        child = ahead.go_on(files, former) if ahead is not None and former is not None else None
        if child is None:
            before = former.files or () if former is not None else ()
            child = Child(
                lambda: compile_files(files, now, former, _memory(cache, (*files, *before))), limits
            )
        self._child = child
        self._made: Compilation | None = None
        self._broken: Broken | None = None
        self._asked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.end()

    def contents(self) -> Compilation | None:
        """What the files compile to, unless the verdict is that they do not; None when that is not known before."""
        if not self._asked:
            self._asked = True
            self._made = self._answer(_compilation)
        return self._made

    def verdict(self) -> tuple[Compilation | None, tuple[Finding, ...]]:
        """The compilation, or None, and all findings. Raises `Transient` (E-TRK-004)."""
        made = self.contents()
        found = self._answer(_verdict) if self._broken is None else None
        if found is None:
            broken = self._broken or Broken("crash", "its answer cannot be read")
            if broken.cause in SEVERED:
                raise Transient(
                    "E-TRK-004", f"the compiler was ended before its time: {broken.words}"
                ) from None
            return None, (_finding(broken),)
        compilation = found.compilation or made
        if found.policies is None or compilation is None:
            return None, found.findings
        if self._cache is not None:
            self._cache.keep(self._files, found.remembered)
        return replace(compilation, policies=found.policies), found.findings

    def _answer(self, read: Callable[[Any, Callable[[Any], bytes]], T]) -> T | None:
        try:
            return read(*take_apart(self._child.answer()))
        except Broken as broken:
            self._broken = broken
        except (AttributeError, KeyError, TypeError, ValueError):
            # Only a child that is not ours any more answers like this.
            self._broken = Broken("crash", "its answer cannot be read")
        return None


def _memory(cache: CompileCache | None, files: Iterable[SourceFile]) -> Memory:
    return Memory(cache.known(files)) if cache is not None else Memory()


def compile_files(
    files: Sequence[SourceFile],
    now: datetime,
    former: Former | None = None,
    memory: Memory | None = None,
) -> Iterator[tuple[bytes, ...]]:
    """What runs in the child: the two answers that `Compiling` reads. `memory` is what the cache has."""
    memory = memory or Memory()
    tree = read_files(files, memory)
    snapshot, early = _early(tree)
    parts = Parts()
    yield parts.behind({"compilation": None if early is None else early.to_json(parts.keep)})
    later, policies = None, None
    snapshot, findings = checked(tree, snapshot)
    if snapshot is not None:
        more = check_snapshot(snapshot)
        held = hold_to(former, snapshot, memory)
        findings = (*findings, *more, *held.findings)
        if not has_errors(more):
            later = make_compilation(snapshot) if early is None else None
            ended = (replace(one, severity=Severity.warning) for one in expiry_findings(snapshot, now=now))
            findings = (*findings, *ended, *due_secrets(snapshot, now.date()))
            policies = None if has_errors(held.findings) else held.policies
    remembered = (
        memory.entries(snapshot.resources.values(), _named(findings)) if snapshot and policies else ()
    )
    parts = Parts()
    yield parts.behind(
        {
            "findings": [finding.to_json() for finding in findings],
            "policies": None if policies is None else [policy.to_json() for policy in policies],
            "compilation": None if later is None else later.to_json(parts.keep),
            "remembered": {path: parts.keep(entry) for path, entry in remembered},
        }
    )


def _early(tree: Tree) -> tuple[Snapshot | None, Compilation | None]:
    """The snapshot of a tree and what it compiles to, before they are checked, as far as they can be made then."""
    snapshot = None
    if not tree.whole or tree.report.failed:
        return None, None
    try:
        snapshot = snapshot_of(tree.resources, tree.attached)
        return snapshot, make_compilation(snapshot) if is_bounded(snapshot) else None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the checks are there for what is relied on here, and have not been made
        # They say what is wrong. When they find nothing, all is made again, and what was raised here is raised there.
        return snapshot, None


def _named(findings: Iterable[Finding]) -> frozenset[str]:
    """The files in which something was found."""
    return frozenset(finding.place.path for finding in findings if finding.place is not None)


def _compilation(document: Any, kept: Callable[[Any], bytes]) -> Compilation | None:
    found = document["compilation"]
    return None if found is None else Compilation.from_json(found, kept)


def _verdict(document: Any, kept: Callable[[Any], bytes]) -> Verdict:
    policies = document["policies"]
    return Verdict(
        findings=tuple(Finding.from_json(item) for item in document["findings"]),
        policies=None if policies is None else tuple(EnvironmentPolicy.from_json(item) for item in policies),
        compilation=_compilation(document, kept),
        remembered={str(path): kept(pair) for path, pair in document["remembered"].items()},
    )


def _finding(broken: Broken) -> Finding:
    return Finding(
        code="E-TRK-003" if broken.cause == "crash" else "E-TRK-002",
        severity=Severity.error,
        place=None,
        message=f"{SENTENCES[broken.cause]}: {broken.words}",
        hint="Make the last change smaller, or report it with the commit",
    )
