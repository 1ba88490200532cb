"""A plan as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.compile.compiler import Compilation
from reconciler.compile.diff.changes import AREAS, Action, Change, Difference
from reconciler.compile.risk import Level, Risk
from reconciler.config.findings import Finding, has_errors


class Verdict(StrEnum):
    """What a plan comes to, the worst first."""

    conflict = "conflict"
    refused = "refused"
    empty = "empty"
    nothing = "nothing"
    ready = "ready"


@dataclass(frozen=True, slots=True)
class Side:
    """One commit, or a merge that nobody has made yet, and what became of it.

    `commit` is empty for such a merge. `tree` is the id of its tree. `compilation` is None when an error is among the
    `findings`; `digest` is then empty.
    """

    commit: str
    tree: str
    findings: tuple[Finding, ...] = ()
    compilation: Compilation | None = None
    digest: str = ""

    @property
    def sound(self) -> bool:
        """Whether it makes a bundle."""
        return self.compilation is not None and not has_errors(self.findings)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an environment now. `digest` is what it was brought to last, empty for nothing.

    `digest` and `nodes` are None when nobody has looked. `waiting` are things that stand in the way of any release, for
    people.
    """

    digest: str | None = None
    nodes: int | None = None
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """What the merge does to one environment. `nodes` is how many would be given another configuration, None when
    nobody has looked; `start` is the earliest moment at which that may begin, None when that is not a question of
    time, and `start_words` say which."""

    name: str
    now: str | None
    next: str | None
    nodes: int | None
    difference: Difference
    risk: Risk
    strategy: str
    gates: tuple[str, ...]
    waiting: tuple[str, ...]
    start: datetime | None
    start_words: str

    @property
    def touched(self) -> bool:
        """Whether any proxy of it would do, or be told, something else."""
        return not self.difference.same


@dataclass(frozen=True, slots=True)
class Plan:
    """What merging `head` into a branch at `base` would do, of which `merged` is the result.

    `merged` is None when the two cannot be merged: `conflicts` then names files. `environments` is empty unless the
    result is sound. `compiler` is the version that compiled both sides.
    """

    head: Side
    base: Side
    merged: Side | None
    compiler: str
    at: datetime
    conflicts: tuple[str, ...] = ()
    environments: tuple[EnvironmentPlan, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of what would be on trunk after the merge; of the head where it cannot be merged."""
        return (self.merged or self.head).findings

    @property
    def verdict(self) -> Verdict:
        """Green needs something that was looked at: an empty set of environments is not fine, it is empty."""
        if self.merged is None:
            return Verdict.conflict
        if not self.merged.sound:
            return Verdict.refused
        if self.merged.compilation is None or not self.merged.compilation.environments:
            return Verdict.empty
        return Verdict.ready if self.touched else Verdict.nothing

    @property
    def touched(self) -> tuple[EnvironmentPlan, ...]:
        """The environments in which something changes."""
        return tuple(environment for environment in self.environments if environment.touched)

    @property
    def level(self) -> Level:
        """Of the worst environment."""
        return max((environment.risk.level for environment in self.environments), default=Level.low)

    @property
    def nodes(self) -> int | None:
        """How many nodes would be given another configuration; None when it is not known of one of the environments."""
        counts = [environment.nodes for environment in self.touched]
        return None if None in counts else sum(count for count in counts if count is not None)


@dataclass(frozen=True, slots=True)
class Shared:
    """One change and the environments in which it is the same."""

    change: Change
    environments: tuple[str, ...]


def shared_changes(plan: Plan) -> list[Shared]:
    """Every change once, deletions first, each with its environments, in the order in which they are told."""
    found: dict[Change, list[str]] = {}
    for environment in plan.environments:
        for change in environment.difference.changes:
            found.setdefault(change, []).append(environment.name)
    actions, areas = list(Action), list(AREAS)

    def order(shared: Shared) -> tuple[int, int]:
        return actions.index(shared.change.action), areas.index(shared.change.area)

    return sorted((Shared(change, tuple(names)) for change, names in found.items()), key=order)
