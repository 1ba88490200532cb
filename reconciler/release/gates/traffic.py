"""The balancer in front follows: the release's slot really gets the share of requests that its weight means."""

from __future__ import annotations

from reconciler.config.gates import GateSpec
from reconciler.fleet.slots import SLOTS
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.gates.reported import enough
from reconciler.release.verdict import Pass, Verdict, Wait

NOTHING = 10
"""Permille: what a slot that is meant to get no requests may still get, such as checks of the balancer."""


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Asked of steps with weights. A weight is a node's, so how many nodes each slot has counts for its share."""
    swap, weights = facts.swap, facts.step.weights
    if swap is None or weights is None:
        raise RuntimeError("a step without weights shifts no traffic")
    if facts.first:
        return Pass("nothing was released before: there is no traffic to shift")
    shares = facts.signals.shares if facts.signals is not None else None
    if shares is None or len(shares.marks) < 2:
        return Wait("nobody has counted requests twice since the weights changed")
    meant = {slot: shares.nodes[slot] * weights[slot] for slot in SLOTS}
    if not any(meant.values()):
        slot = max(SLOTS, key=lambda one: weights[one])
        return Wait(f"no node of the slot {slot}, which is meant to get the requests, is heard of")
    seen = shares.requests
    few = enough(sum(seen.values()), max(1, swap.samples))
    if few is not None:
        return few
    wanted = 1000 * meant[swap.standby] // sum(meant.values())
    got = 1000 * seen[swap.standby] // sum(seen.values())
    evidence = {"requests": sum(seen.values()), "meant-permille": wanted, "seen-permille": got}
    words = f"{swap.standby} gets {got / 10:g}% of {sum(seen.values())} requests, {wanted / 10:g}% is meant"
    if abs(got - wanted) <= allowed(wanted, swap.within):
        return Pass(words, evidence)
    return Wait(f"{words}: the balancer '{swap.balancer}' does not follow", None, evidence)


def allowed(wanted: int, within: int) -> int:
    """By how many permille the share may differ: never by so much that no shift at all would pass for this one."""
    if wanted in (0, 1000):
        return NOTHING
    return max(1, min(within * 10, wanted // 2, (1000 - wanted) // 2))


GATE = Gate("traffic", judge)
