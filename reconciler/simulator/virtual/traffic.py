"""What nodes count of their requests: as many each second as any other, of which a share fails by the bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.fleet.signals import Traffic
from reconciler.release.assignment import assignment_of
from reconciler.release.signals import StepSignals
from reconciler.release.state import Ledger
from reconciler.simulator.virtual.nodes import Node
from reconciler.simulator.virtual.scenario import Bundle

RATE = 20
"""Requests of one node in a second."""

SLOW = 20
"""Permille of the requests that take longer than the first bound, whatever runs."""

BOUNDS = (100, 1000)

RECENT = timedelta(minutes=3)

GATES = frozenset({"error-rate", "canary"})
"""The gates that read what is counted here."""


def counted(
    found: StepSignals | None,
    ledger: Ledger,
    nodes: Iterable[Node],
    bundles: Mapping[str, Bundle],
    now: datetime,
) -> StepSignals | None:
    """The signals with what the nodes counted of the step that is under way, as `flows.measuring` adds it up."""
    rollout, plan = ledger.open_rollout, ledger.plan
    active = rollout.active if rollout is not None else None
    if rollout is None or plan is None or rollout.state != "open" or active is None or active.since is None:
        return found
    if not any(gate.kind in GATES for gate in plan.rules.gates):
        return found
    assignment = assignment_of(ledger)
    moved, control = [], []
    for node in nodes:
        if assignment.moved(node.id, node.labels, node.registered_at):
            moved += [node] if node.running == rollout.digest else []
        elif node.running and node.running == rollout.previous and node.registered_at < rollout.opened_at:
            control += [node] if assignment.pin_of(node.id, node.labels) is None else []
    since = active.since
    return replace(
        found or StepSignals(now, now),
        moved=_traffic(moved, bundles, since, now),
        recent=_traffic(moved, bundles, now - RECENT, now),
        control=_traffic(control, bundles, since, now),
    )


def _traffic(nodes: list[Node], bundles: Mapping[str, Bundle], since: datetime, now: datetime) -> Traffic:
    """What is known of it is what was reported: nothing comes in after a node's last report."""
    requests = failed = reporting = 0
    for node in nodes:
        begins = since if node.running_since is None else max(since, node.running_since)
        if node.reported_at is None or node.reported_at <= begins:
            continue
        # A node's own clock may be wrong; what it counts reaches the control plane all the same.
        count = RATE * ((node.reported_at - begins) // timedelta(milliseconds=1)) // 1000
        bundle = bundles.get(node.runs)
        requests += count
        failed += count * bundle.failing // 1000 if bundle is not None else 0
        reporting += 1
    buckets = ((BOUNDS[0], requests - requests * SLOW // 1000), (BOUNDS[1], requests))
    return Traffic(len(nodes), reporting, since, now, requests, failed, requests, buckets)
