"""Rebuilds a bundle from the commit that its statement names, and says whether the same bytes come out.

It needs a statement and any clone that has the commit: neither database, nor object store, nor keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.bundle.statement import Statement
from reconciler.compile.compiler import COMPILER
from reconciler.config.findings import Finding, has_errors
from reconciler.errors import Refused
from reconciler.flows.compiling import compile_confined, read_project
from reconciler.git.mirror import Mirror


class Verdict(StrEnum):
    """What came of it. `other_compiler` is no fault: only the compiler that made a bundle makes its very bytes."""

    identical = "identical"
    different = "different"
    other_compiler = "other-compiler"
    no_commit = "no-commit"
    other_tree = "other-tree"
    not_compiled = "not-compiled"


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that is not the same. None is a file that one side does not have."""

    path: str
    original: bytes | None
    rebuilt: bytes | None

    @property
    def how(self) -> str:
        """In one word, from the original to what was rebuilt."""
        if self.original is None:
            return "added"
        return "missing" if self.rebuilt is None else "changed"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """`because` is a sentence for people; `rebuilt` the digest of what came out, empty when nothing did.

    `original` and `files` are what both bundles hold, as far as they are known, and `differences` what differs.
    """

    verdict: Verdict
    because: str
    rebuilt: str = ""
    original: Mapping[str, bytes] | None = None
    files: Mapping[str, bytes] | None = None

    @property
    def differences(self) -> tuple[FileDifference, ...]:
        """By path; empty unless both sides are known."""
        if self.original is None or self.files is None:
            return ()
        old, new = self.original, self.files
        return tuple(
            FileDifference(path, old.get(path), new.get(path))
            for path in sorted({*old, *new})
            if old.get(path) != new.get(path)
        )


def reproduce(
    mirror: Mirror, stated: Statement, original: Mapping[str, bytes] | None, *, now: datetime
) -> Reproduction:
    """Rebuild the bundle that a statement is about. `original` are its files, if they are at hand.

    Raises `Transient` (E-TRK-004) when the compiler was ended from outside.
    """
    if stated.compiler != COMPILER:
        return Reproduction(
            Verdict.other_compiler,
            f"it was made by {stated.compiler}, and this is {COMPILER}: "
            "only the same compiler makes the same bytes",
        )
    if not mirror.has_commit(stated.commit):
        return Reproduction(
            Verdict.no_commit, f"the repository has no commit {stated.commit}, which the statement names"
        )
    tree = mirror.commit(stated.commit).tree
    if tree != stated.tree:
        return Reproduction(
            Verdict.other_tree,
            f"commit {stated.commit[:12]} has the tree {tree[:12]}, and the statement says {stated.tree[:12]}",
        )
    files, findings = read_project(mirror, stated.commit, stated.path)
    compilation = None
    if not has_errors(findings):
        compilation, findings = compile_confined(files, now=now)
    if compilation is None:
        return Reproduction(Verdict.not_compiled, f"commit {stated.commit[:12]} {_refusal(findings)}")
    try:
        built = build_bundle(compilation)
    except Refused as refusal:
        return Reproduction(Verdict.not_compiled, f"commit {stated.commit[:12]} makes no bundle: {refusal}")
    if built.digest == stated.digest:
        return Reproduction(
            Verdict.identical,
            f"commit {stated.commit[:12]} compiles to this very bundle with {COMPILER}",
            built.digest,
        )
    rebuilt = archive.read_tar(built.tar)
    found = Reproduction(Verdict.different, "", built.digest, original, rebuilt)
    return Reproduction(Verdict.different, _difference(stated, found), built.digest, original, rebuilt)


def _refusal(findings: tuple[Finding, ...]) -> str:
    first = next(finding for finding in findings if finding.is_error)
    return f"does not compile with {COMPILER}: {first}"


def _difference(stated: Statement, found: Reproduction) -> str:
    what = f"commit {stated.commit[:12]} compiles to {found.rebuilt}, not to {stated.digest}"
    if not found.differences:
        return what
    names = [difference.path for difference in found.differences]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what}; different: {', '.join(names[:3])}{more}"
