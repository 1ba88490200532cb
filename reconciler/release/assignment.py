"""What a ledger says about which node gets what: the value that node API, flows and simulation decide cohorts by."""

from __future__ import annotations

from reconciler.fleet.cohorts import Assignment, OpenRollout
from reconciler.fleet.domains import OTHERS, Reaches
from reconciler.fleet.ranks import NO_REACH
from reconciler.release.state import Ledger, Plan, Rollout


def assignment_of(ledger: Ledger) -> Assignment:
    """The assignment that holds from this ledger's sequence on."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if rollout is None or plan is None:
        return Assignment()
    return Assignment(
        OpenRollout(rollout.name, rollout.opened_at, _reached(rollout, plan), plan.rules.spread)
    )


def _reached(rollout: Rollout, plan: Plan) -> Reaches:
    """The reaches of the last step that has begun."""
    begun = [
        planned.reaches
        for planned, step in zip(plan.steps, rollout.steps, strict=True)
        if step.state != "waiting"
    ]
    return begun[-1] if begun else {OTHERS: NO_REACH}
