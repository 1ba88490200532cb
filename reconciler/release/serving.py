"""Which slot has the traffic after each action, and the words for it."""

from __future__ import annotations

from reconciler.fleet.slots import SLOTS
from reconciler.release.assignment import weights_of
from reconciler.release.paths import short
from reconciler.release.state import Ledger, Plan
from reconciler.release.swap import DRAIN, Serving


def opened_serving(plan: Plan) -> Serving | None:
    """When a rollout opens: the slot that its release does not go to. Without slots every node serves again."""
    return None if plan.swap is None else Serving(plan.swap.slots, plan.swap.former)


def advanced_serving(ledger: Ledger, following: int) -> Serving | None:
    """When a step begins: the last one moves the slot that has no traffic any more."""
    plan = ledger.plan
    if plan is None or plan.swap is None or following < len(plan.steps):
        return ledger.serving
    return Serving(plan.swap.slots, plan.swap.standby)


def returned_serving(ledger: Ledger, phase: str) -> Serving | None:
    """When the traffic goes back."""
    plan = ledger.plan
    if plan is None or plan.swap is None or phase != DRAIN:
        return ledger.serving
    return Serving(plan.swap.slots, plan.swap.former)


def ended_serving(ledger: Ledger) -> Serving | None:
    """When a rollout ends before its time: the slot that gets most of the requests, and gets all from then on."""
    rollout, plan, weights = ledger.open_rollout, ledger.plan, weights_of(ledger)
    if rollout is None or plan is None or plan.swap is None or weights is None:
        return ledger.serving
    swap = plan.swap
    if not ledger.live:
        # Before the first release the other slot has nothing to serve.
        return Serving(swap.slots, swap.standby if weights[swap.standby] else swap.former)
    return Serving(swap.slots, max((swap.former, swap.standby), key=lambda slot: weights[slot]))


def weight_words(plan: Plan | None, number: int) -> str:
    """The weights that a step gives, "" for one without."""
    weights = plan.steps[number - 1].weights if plan is not None else None
    return "" if weights is None else ", ".join(f"{slot} at {weights[slot]}" for slot in SLOTS)


def returning_words(ledger: Ledger) -> str:
    """What is being done about a rollout whose traffic goes back, "" when it does not."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if rollout is None or plan is None or plan.swap is None or rollout.returning is None:
        return ""
    swap = plan.swap
    if rollout.returning.phase == DRAIN:
        return f"{swap.former} gets all requests again, then {swap.standby} leaves {short(rollout.digest)}"
    return f"{swap.former} goes back to {short(rollout.previous)}, then it gets the requests"
