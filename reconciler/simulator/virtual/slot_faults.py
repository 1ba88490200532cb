"""What may not be where traffic is shifted between slots: each function finds one such fault, or nothing ("")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from reconciler.fleet.slots import SLOTS
from reconciler.fleet.staleness import is_fresh
from reconciler.release.assignment import Offer
from reconciler.release.state import Ledger
from reconciler.simulator.virtual.balancer import in_slots
from reconciler.simulator.virtual.nodes import Node

FEW = 50
"""A slot moves while it gets at most one in so many requests: a share is measured over a while, and rounded."""

Told = Mapping[str, str]


def weights_fault(offers: Mapping[str, Offer]) -> str:
    """Both slots have the weight 0. Before anything is live, one of them may have nothing to serve yet."""
    weights = [offers[slot].weight for slot in SLOTS if slot in offers]
    return "both slots have the weight 0" if len(weights) == len(SLOTS) and not any(weights) else ""


def ending_fault(before: Ledger, offers: Mapping[str, Offer]) -> str:
    """A rollout ends while its release is meant to get requests, and nobody sent them back."""
    rollout = before.open_rollout
    if rollout is None or rollout.returning is not None or not before.live:
        return ""
    gets = [s for s in SLOTS if s in offers and offers[s].digest == rollout.digest and offers[s].weight]
    return f"{rollout.name} ends, and {gets} still get requests" if gets else ""


def traffic_fault(
    before: Ledger, nodes: Iterable[Node], moves: tuple[Told, Told], moment: datetime, now: int
) -> str:
    """A step moves nodes of a slot that gets requests. `moves` are what each node is told before and after.

    Nodes that nobody hears of cannot be told either, and are nobody's fault.
    """
    rollout, plan = before.open_rollout, before.plan
    if rollout is None or plan is None or plan.swap is None or not rollout.previous:
        return ""
    told, will = moves
    gets, moved = dict.fromkeys(SLOTS, 0), set()
    for slot, node in in_slots(before, nodes):
        heard = is_fresh(node.reported_at, now=moment, stale_after_seconds=plan.rules.stale_after_seconds)
        if heard and node.down_until <= now:
            gets[slot] += node.balanced
            moved |= {slot} if told[node.id] != will[node.id] else set()
    late = [slot for slot in sorted(moved) if gets[slot] * FEW > sum(gets.values())]
    return f"{late} moves while the slots get {gets}" if late else ""
