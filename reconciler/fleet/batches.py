"""Counts of the nodes of each step of a rollout: the only thing that gates are told about nodes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from reconciler.fleet.cohorts import NEXT, Assignment
from reconciler.fleet.domains import Reaches, reach_in
from reconciler.fleet.observations import Observed
from reconciler.fleet.ranks import rank
from reconciler.fleet.staleness import is_fresh
from reconciler.fleet.versions import Versions, is_older

EXAMPLES = 3
"""How many nodes are named in a reason. Counts are complete; names are there so that a person knows where to look."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The nodes of one step as counts.

    Every node of `total` is in exactly one of: `absent` (silent already when the step began), `silent` (was there
    then, is not now or has not reported since), `refused`, `pending` (reports, runs something else), `unhealthy`,
    `unsure` (runs it, says neither healthy nor unhealthy), `settling` (healthy, not yet for long enough), `settled`.
    `pinned` counts nodes that would belong to the step if no pin kept them, `outdated` those that would if their proxy
    or agent were not too old; they are in no other count.
    `settles_at` is when the last of the settling would be settled; None when nobody is settling.
    `lapsed_at` is when the first of the silent and settling was heard of last, or became healthy; None when there are
    none. `examples` names a few of the refused, unhealthy, absent and silent, sorted, each with its reason.
    """

    total: int = 0
    absent: int = 0
    silent: int = 0
    refused: int = 0
    pending: int = 0
    unhealthy: int = 0
    unsure: int = 0
    settling: int = 0
    settled: int = 0
    settles_at: datetime | None = None
    examples: tuple[str, ...] = ()
    pinned: int = 0
    outdated: int = 0
    lapsed_at: datetime | None = None

    @property
    def lapses(self) -> bool:
        """Whether nothing is wrong but that nodes are silent, or not healthy for long enough yet."""
        return self.lapsed_at is not None and not (
            self.refused or self.pending or self.unhealthy or self.unsure
        )

    @property
    def running(self) -> int:
        """Nodes that say they run the digest, and said so since the step began."""
        return self.unhealthy + self.unsure + self.settling + self.settled

    @property
    def healthy(self) -> int:
        return self.settling + self.settled

    @property
    def broken(self) -> int:
        """Nodes of which we know that this digest does them no good."""
        return self.refused + self.unhealthy

    @property
    def unavailable(self) -> int:
        """Nodes that were there when they were moved and of which nobody can say that they serve now."""
        return self.silent + self.refused + self.pending + self.unhealthy + self.unsure

    def to_counts(self) -> dict[str, int]:
        """The counts that pages show and the ledger keeps."""
        return {
            "total": self.total,
            "running": self.running,
            "healthy": self.healthy,
            "unhealthy": self.unhealthy,
            "refused": self.refused,
            "silent": self.silent + self.absent,
        }


@dataclass(frozen=True, slots=True)
class StepWindow:
    """What of a step matters for counting: its reaches, when it began (or was resumed) and the sequence it began with.

    `since` None: the step has not begun, so that its nodes are only counted in `total`.
    """

    reaches: Reaches
    since: datetime | None
    sequence: int


@dataclass(slots=True)
class _Tally:
    counts: dict[str, Any] = field(default_factory=dict)
    settles_at: datetime | None = None
    lapsed_at: datetime | None = None
    examples: list[str] = field(default_factory=list)

    def lapse(self, at: datetime) -> None:
        self.lapsed_at = at if self.lapsed_at is None else min(self.lapsed_at, at)


def eligible_ranks(assignment: Assignment, nodes: Iterable[Observed]) -> Mapping[str, tuple[str, ...]]:
    """By failure domain the sorted ranks of the nodes that the assignment's rollout is to move: what a plan is made of.

    Without a rollout there are none.
    """
    rollout = assignment.rollout
    if rollout is None:
        return {}
    found: dict[str, list[str]] = {}
    for node in nodes:
        if assignment.pin_of(node.id, node.labels) is not None or assignment.outdated(NEXT, node.versions):
            continue
        if rollout.concerns(node.id, node.labels, node.registered_at):
            domain = rollout.domain(node.id, node.labels)
            found.setdefault(domain, []).append(rank(rollout.name, node.id))
    return {domain: tuple(sorted(ranks)) for domain, ranks in sorted(found.items())}


@dataclass(frozen=True, slots=True)
class Outdated:
    """How many `nodes` keep what they run because the `part` of them ("proxy" or "agent") is older than `needs`, which
    `digest` needs. `examples` names a few, each with its version."""

    part: str
    nodes: int
    digest: str
    needs: str
    examples: tuple[str, ...]


def outdated(
    assignment: Assignment, digest: str, needs: Versions, nodes: Sequence[Observed]
) -> tuple[Outdated, ...]:
    """The nodes that would be brought a digest, by the rollout of the assignment or without one, were their proxies and
    agents not older than it needs. Of two parts that are too old both count."""
    rollout = assignment.rollout
    told = []
    for part, wanted in needs._asdict().items():
        found = sorted(
            (node.name, getattr(node.versions, part))
            for node in nodes
            if is_older(getattr(node.versions, part), wanted)
            and assignment.pin_of(node.id, node.labels) is None
            and (rollout is None or rollout.is_for(node.id, node.labels, node.registered_at))
        )
        if found:
            examples = tuple(f"{name}: {version}" for name, version in found[:EXAMPLES])
            told.append(Outdated(part, len(found), digest, wanted, examples))
    return tuple(told)


def left_out(assignment: Assignment, nodes: Iterable[Observed]) -> int:
    """How many nodes that are not pinned the rollout is not for: because of its target, a pin, or they came later."""
    rollout = assignment.rollout
    if rollout is None:
        return 0
    return sum(
        not rollout.is_for(node.id, node.labels, node.registered_at)
        for node in nodes
        if assignment.pin_of(node.id, node.labels) is None
    )


def count_batches(
    assignment: Assignment,
    digest: str,
    steps: Sequence[StepWindow],
    nodes: Iterable[Observed],
    *,
    now: datetime,
    stale_after_seconds: int,
    min_healthy_seconds: int,
) -> tuple[Batch, ...]:
    """Count the nodes of each step of the assignment's rollout. Nodes that it does not concern belong to no step.

    `steps` are in the order of their reaches; the last one reaches every rank of every domain.
    """
    rollout = assignment.rollout
    if rollout is None:
        return ()
    ladders: dict[str, list[str]] = {}
    tallies = [_Tally() for _ in steps]
    stale = timedelta(seconds=stale_after_seconds)
    for node in sorted(nodes, key=attrgetter("name", "id")):
        if not rollout.concerns(node.id, node.labels, node.registered_at):
            continue
        domain = rollout.domain(node.id, node.labels)
        if domain not in ladders:
            ladders[domain] = [reach_in(step.reaches, domain) for step in steps]
        index = bisect_left(ladders[domain], rank(rollout.name, node.id))
        if index == len(steps):
            continue
        step, tally = steps[index], tallies[index]
        if assignment.pin_of(node.id, node.labels) is not None:
            tally.counts["pinned"] = tally.counts.get("pinned", 0) + 1
            continue
        if assignment.outdated(NEXT, node.versions):
            tally.counts["outdated"] = tally.counts.get("outdated", 0) + 1
            continue
        tally.counts["total"] = tally.counts.get("total", 0) + 1
        if step.since is None:
            continue
        state, example = _state(node, digest, step.since, step.sequence, now, stale)
        if state == "healthy":
            healthy = max(node.running_since or step.since, node.health_since or step.since)
            ready = healthy + timedelta(seconds=min_healthy_seconds)
            state = "settled" if now >= ready else "settling"
            if state == "settling":
                tally.lapse(healthy)
                tally.settles_at = ready if tally.settles_at is None else max(tally.settles_at, ready)
        elif state == "silent":
            tally.lapse(max(node.reported_at or step.since, step.since))
        tally.counts[state] = tally.counts.get(state, 0) + 1
        if example and len(tally.examples) < EXAMPLES:
            tally.examples.append(f"{node.name}: {example}")
    return tuple(
        replace(
            Batch(**tally.counts),
            settles_at=tally.settles_at,
            lapsed_at=tally.lapsed_at,
            examples=tuple(tally.examples),
        )
        for tally in tallies
    )


def _state(
    node: Observed, digest: str, since: datetime, sequence: int, now: datetime, stale: timedelta
) -> tuple[str, str]:
    """The count a node belongs to and, when a person should look at it, why."""
    # An older refusal may be of the same digest before somebody repaired the node and resumed the rollout.
    if node.refused == digest and node.refused_sequence >= sequence:
        return "refused", f"refused it, {node.refused_because or 'without a reason'}"
    if node.reported_at is None or node.reported_at < since:
        if node.alive_at + stale < since:
            return "absent", "silent since before the step"
        return ("silent", "not heard of since the step began") if now - since > stale else ("silent", "")
    if not is_fresh(node.reported_at, now=now, stale_after_seconds=int(stale.total_seconds())):
        return "silent", "fell silent during the step"
    if node.running != digest:
        return "pending", ""
    if node.health == "unhealthy":
        return "unhealthy", f"unhealthy, {node.health_reason or 'without a reason'}"
    return (node.health, "") if node.health == "healthy" else ("unsure", "")


def merge(batches: Iterable[Batch]) -> Batch:
    """Several batches as one: what is true of all moved nodes together."""
    found = tuple(batches)
    settles = [batch.settles_at for batch in found if batch.settles_at is not None]
    return Batch(
        total=sum(b.total for b in found),
        absent=sum(b.absent for b in found),
        silent=sum(b.silent for b in found),
        refused=sum(b.refused for b in found),
        pending=sum(b.pending for b in found),
        unhealthy=sum(b.unhealthy for b in found),
        unsure=sum(b.unsure for b in found),
        settling=sum(b.settling for b in found),
        settled=sum(b.settled for b in found),
        settles_at=max(settles, default=None),
        lapsed_at=min((batch.lapsed_at for batch in found if batch.lapsed_at is not None), default=None),
        examples=tuple(example for batch in found for example in batch.examples)[:EXAMPLES],
        pinned=sum(b.pinned for b in found),
        outdated=sum(b.outdated for b in found),
    )
