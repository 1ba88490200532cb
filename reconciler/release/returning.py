"""The way back of a blue-green rollout: the traffic leaves the release before its nodes do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.config.gates import GateSpec
from reconciler.fleet.batches import Batch
from reconciler.release.actions import RollBack, Supersede, TurnBack
from reconciler.release.assignment import carries, weights_of
from reconciler.release.decision import Decision, act, wait
from reconciler.release.facts import Facts
from reconciler.release.gates import traffic
from reconciler.release.gates.gate import GateFacts
from reconciler.release.serving import returning_words
from reconciler.release.state import Ledger, Plan, Reason, Rollout
from reconciler.release.swap import DRAIN, FAILED, REPLACED, RESTORE, Returning
from reconciler.release.verdict import Pass

PATIENCE = timedelta(minutes=2)
"""How long each phase may take, where the plan's deadline is not shorter. Nodes that run what failed are not left on it
because a balancer does not follow, or because some nodes do not go back."""

LOOK_AGAIN = timedelta(seconds=2)
"""How often an open rollout is looked at: nodes report at any time, and nothing tells us."""


def turned(decision: Decision, ledger: Ledger) -> Decision:
    """The decision, or, where it would end a rollout whose release gets requests, the first phase of the way back."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if not decision.actions or rollout is None or plan is None or not carries(ledger):
        return decision
    (action,) = decision.actions
    phase = RESTORE if rollout.steps[-1].state != "waiting" else DRAIN
    if isinstance(action, RollBack):
        return act(TurnBack(action.because, phase, FAILED, action.verdicts, action.counts), decision.because)
    if isinstance(action, Supersede):
        return act(TurnBack(action.because, phase, REPLACED), decision.because)
    return decision


def going_back(
    ledger: Ledger, rollout: Rollout, plan: Plan, facts: Facts, *, now: datetime
) -> Decision | None:
    """What is waited for, or the next phase; None when the rollout may end."""
    returning = rollout.returning
    if returning is None:
        raise RuntimeError(f"the traffic of {rollout.name} does not go back")
    late = returning.since + min(PATIENCE, timedelta(seconds=plan.rules.progress_deadline_seconds))
    if returning.phase == RESTORE:
        batch = facts.returned or Batch()
        there = batch.total - batch.absent
        # Where no node went back there is nobody to give the requests to: they stay until all nodes have gone back.
        enough = batch.settled == there if now < late else batch.settled > 0
        if there and enough:
            because = f"{returning.because}; {batch.settled} of {batch.total} nodes are back"
            return act(TurnBack(returning.because, DRAIN, returning.cause), because)
        waits = f"{batch.settled} of {there} are back"
    else:
        verdict = traffic.judge(_asked(ledger, rollout, plan, returning, facts, now), GateSpec("traffic"))
        if isinstance(verdict, Pass):
            return None
        waits = verdict.because
    if now >= late:
        return None
    words = f"{rollout.name}: {returning_words(ledger)}: {waits}; it ends: {returning.because}"
    return wait(Reason("W-REL-074", words), until=min(now + LOOK_AGAIN, late))


def _asked(
    ledger: Ledger, rollout: Rollout, plan: Plan, returning: Returning, facts: Facts, now: datetime
) -> GateFacts:
    """The weights of the way back, as if they were a step's."""
    step = replace(plan.steps[-1], weights=weights_of(ledger))
    return GateFacts(
        step,
        Batch(),
        Batch(),
        plan.rules,
        returning.since,
        now,
        signals=facts.signals,
        swap=plan.swap,
        first=not rollout.previous,
    )
