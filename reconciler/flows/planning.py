"""Reads and compiles the sides of a merge, and makes its plan. The caller says how to compile: a worker confines it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from reconciler.bundle.build import BuiltBundle
from reconciler.compile.compiler import Compilation
from reconciler.config.findings import Finding, Place, has_errors, sort_findings
from reconciler.config.rules.step import Former
from reconciler.config.source import SourceFile
from reconciler.flows.compiling import read_project
from reconciler.git.merging import merge, merge_base
from reconciler.git.mirror import Mirror
from reconciler.plan.model import Plan, Side, Standing
from reconciler.plan.planning import make_plan

Build = Callable[
    [Sequence[SourceFile], Former | None], tuple[Compilation | None, BuiltBundle | None, tuple[Finding, ...]]
]
"""Compiles files, held to what they come from; the bundle is there when no error is among the findings."""

MOST_COMMITS = 1000
"""Commits of a branch whose trailers are read."""


def plan_merge(
    mirror: Mirror,
    onto: str,
    head: str,
    folder: str,
    *,
    build: Build,
    standings: Mapping[str, Standing],
    now: datetime,
    raw: bool = True,
) -> Plan:
    """The plan of merging commit `head` into a branch that stands at `onto`, for the project in `folder`.

    Compared are `onto` and the result; where `onto` makes no bundle, what both have in common. The result is held to
    what it is compared with, as trunk will hold it. Raises `Refused` E-GIT-020 for a commit that is not there.
    """
    merged = merge(mirror, onto, head)
    tip = Side(head, mirror.commit(head).tree)
    base = side_of(mirror, onto, folder, build)
    if not base.sound:
        shared = merge_base(mirror, onto, head)
        base = side_of(mirror, shared, folder, build) if shared not in (None, onto) and shared else base
    if not merged.commit:
        return make_plan(tip, base, None, now=now, standings=standings, conflicts=merged.conflicts)
    files, _ = read_project(mirror, base.commit, folder)
    trailers = tuple(info.trailers for info in mirror.since(base.commit, merged.commit, limit=MOST_COMMITS))
    former = (
        Former(f"{base.commit[:12]}, which this is merged into,", files, trailers) if base.sound else None
    )
    result = side_of(mirror, merged.commit, folder, build, former=former)
    return make_plan(tip, base, result, now=now, standings=standings, raw=raw)


def side_of(mirror: Mirror, sha: str, folder: str, build: Build, *, former: Former | None = None) -> Side:
    """One side, read and compiled."""
    tree = mirror.commit(sha).tree
    files, findings = read_project(mirror, sha, folder, others=True)
    if has_errors(findings):
        return Side(sha, tree, sort_findings(findings))
    compilation, built, found = build(files, former)
    findings = sort_findings(in_repository(finding, folder) for finding in found)
    if built is None:
        return Side(sha, tree, findings)
    return Side(sha, tree, findings, compilation, built.digest)


def in_repository(finding: Finding, folder: str) -> Finding:
    """The finding with its path from the root of the repository, as people see it."""
    place = finding.place
    if not folder or place is None:
        return finding
    return Finding(
        finding.code,
        finding.severity,
        Place(f"{folder}/{place.path}", place.line, place.column),
        finding.message,
        finding.expected,
        finding.hint,
    )
