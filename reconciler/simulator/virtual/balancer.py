"""The balancer in front of one environment's nodes: it shares requests out by the weights that they publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from reconciler.fleet.cohorts import cohort_of
from reconciler.fleet.slots import SLOTS
from reconciler.fleet.staleness import is_fresh
from reconciler.release.assignment import assignment_of
from reconciler.release.signals import Mark, Shares, StepSignals, marked
from reconciler.release.state import Ledger
from reconciler.simulator.virtual.nodes import Node

WINDOW = timedelta(minutes=1)
SECOND = 1000
"""In milliseconds. A node with full weight gets a hundred requests in it."""


class Balancer:
    """Until `stuck_until` it shares requests out as it did before. What nodes counted is added up from look to look."""

    def __init__(self) -> None:
        self.stuck_until = 0
        self._looked_at = 0
        self._step: tuple[str, int, datetime] | None = None
        self._requests = dict.fromkeys(SLOTS, 0)
        self._marks: tuple[Mark, ...] = ()

    def measure(
        self, ledger: Ledger, nodes: Iterable[Node], moment: datetime, now: int
    ) -> StepSignals | None:
        """What the control plane knows of the shares of an open blue-green rollout, None for any other."""
        rollout, plan = ledger.open_rollout, ledger.plan
        active = rollout.active if rollout is not None else None
        if rollout is None or plan is None or plan.swap is None or active is None or active.since is None:
            return None
        length, self._looked_at = now - self._looked_at, now
        members = dict.fromkeys(SLOTS, 0)
        stale = plan.rules.stale_after_seconds
        for slot, node in in_slots(ledger, nodes):
            self.follow(node, now)
            if is_fresh(node.reported_at, now=moment, stale_after_seconds=stale):
                members[slot] += 1
                if node.down_until <= now:
                    self._requests[slot] += node.balanced * length // SECOND
        since = rollout.returning.since if rollout.returning is not None else active.since
        step = (rollout.name, active.number, since)
        if step != self._step:
            self._step, self._marks = step, ()
        self._marks = marked(self._marks, Mark(moment, dict(self._requests)), WINDOW)
        return StepSignals(moment, moment, shares=Shares(members, self._marks))

    def follow(self, node: Node, now: int) -> None:
        """Take over what a node publishes."""
        if now >= self.stuck_until:
            node.balanced = node.weight


def in_slots(ledger: Ledger, nodes: Iterable[Node]) -> Iterator[tuple[str, Node]]:
    """The nodes of both slots."""
    assignment = assignment_of(ledger)
    for node in nodes:
        cohort = cohort_of(node.id, node.labels, node.registered_at, assignment)
        if cohort in SLOTS:
            yield cohort, node
