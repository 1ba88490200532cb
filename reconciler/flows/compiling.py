"""Reads a commit's files, parses and compiles them in a confined child, and reads its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.compile.expiry import expiry_findings
from reconciler.config.findings import Finding, Place, Severity, has_errors
from reconciler.config.rules.step import Former, hold_to
from reconciler.config.secret_age import due_secrets
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile, is_read
from reconciler.errors import Transient
from reconciler.flows.confined import Broken, Confinement, run_confined
from reconciler.flows.parts import Parts, take_apart
from reconciler.git.mirror import Mirror
from reconciler.git.reading import read_tree

LIMITS = Confinement()
SENTENCES = {
    "memory": "the configuration needs more memory to compile than a commit may use",
    "cpu": "the configuration takes more time to compile than a commit may use",
    "answer": "the configuration compiles to more than a bundle may hold",
    "crash": "the compiler failed on this configuration",
}
SEVERED = frozenset({"time", "killed"})


def read_project(
    mirror: Mirror, sha: str, folder: str, *, others: bool = False
) -> tuple[tuple[SourceFile, ...], tuple[Finding, ...]]:
    """The project's files in a commit, by path from its folder; with `others` those too that nothing is compiled from.

    What we do not accept in a tree is a finding. Raises `Refused` (E-GIT-020) when the mirror has no such commit.
    """
    found = read_tree(mirror, sha, folder, select=is_read, others=others)
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
    of their own rules and policies and those of `former`.

    A child that used up its limits or crashed is a finding (E-TRK-002, E-TRK-003): the same files would do it again.
    Raises `Transient` (E-TRK-004) when it was ended from outside.
    """
    try:
        return decode(run_confined(lambda: compile_files(files, now, former), limits))
    except Broken as broken:
        if broken.cause in SEVERED:
            raise Transient("E-TRK-004", f"the compiler was ended before its time: {broken.words}") from None
        return None, (_finding(broken),)
    except (AttributeError, KeyError, TypeError, ValueError):
        # Only a child that is not ours any more answers like this.
        return None, (_finding(Broken("crash", "its answer cannot be read")),)


def compile_files(
    files: Sequence[SourceFile], now: datetime, former: Former | None = None
) -> tuple[bytes, ...]:
    """What runs in the child: the answer as `decode` reads it."""
    snapshot, findings = read_snapshot(files)
    compilation = None
    if snapshot is not None:
        compilation, more = compile_snapshot(snapshot)
        held = hold_to(former, snapshot)
        findings = (*findings, *more, *held.findings)
        if compilation is not None:
            ended = (replace(one, severity=Severity.warning) for one in expiry_findings(snapshot, now=now))
            findings = (*findings, *ended, *due_secrets(snapshot, now.date()))
            compilation = None if has_errors(held.findings) else replace(compilation, policies=held.policies)
    parts = Parts()
    answer = {
        "findings": [finding.to_json() for finding in findings],
        "compilation": None if compilation is None else compilation.to_json(parts.keep),
    }
    return parts.behind(answer)


def decode(answer: bytes | bytearray) -> tuple[Compilation | None, tuple[Finding, ...]]:
    """Read a child's answer. Raises AttributeError, KeyError, TypeError or ValueError when it is something else."""
    document, kept = take_apart(answer)
    findings = tuple(Finding.from_json(item) for item in document["findings"])
    found = document["compilation"]
    return None if found is None else Compilation.from_json(found, kept), findings


def _finding(broken: Broken) -> Finding:
    return Finding(
        code="E-TRK-003" if broken.cause == "crash" else "E-TRK-002",
        severity=Severity.error,
        place=None,
        message=f"{SENTENCES[broken.cause]}: {broken.words}",
        hint="Make the last change smaller, or report it with the commit",
    )
