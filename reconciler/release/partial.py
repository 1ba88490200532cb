"""Decisions while a rollout has ended for the nodes of its target, and all others are held back by it."""

from __future__ import annotations

from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release import rules
from reconciler.release.actions import RollBack, Supersede
from reconciler.release.assignment import settled
from reconciler.release.decision import Decision, act, wait
from reconciler.release.facts import Facts
from reconciler.release.opening import open_rollout, unfit
from reconciler.release.paths import short
from reconciler.release.state import EnvironmentState, Ledger, Plan, Reason, Rollout


def partial(
    state: EnvironmentState,
    ledger: Ledger,
    rollout: Rollout,
    plan: Plan,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    """It goes back when its digest is forbidden, ends when another one is wished, and is widened when it is wished for
    other nodes. Otherwise it stays as it is: time alone changes nothing, and no gate is asked."""
    quarantine = state.quarantined(rollout.digest)
    if quarantine is not None:
        because = f"{short(rollout.digest)} was quarantined: {quarantine.why or 'no reason given'}"
        if rollout.previous and state.quarantined(rollout.previous) is None:
            return act(RollBack(because, None), because)
        return wait(Reason("W-REL-005", f"{because}; there is none to go back to"))
    wish = state.files.release
    if wish is None:
        return wait(rules.no_wish(state))
    words = wish.why or "no reason given"
    if wish.digest == ledger.live:
        held = rules.going_back(state, wish.digest)
        because = f"{short(wish.digest)}, which is live, is wished again: {words}"
        return wait(*held) if held else act(Supersede(because, back=True), because)
    if settled(ledger, wish):
        return wait(left_out(state, rollout, plan, facts))
    if wish.digest == rollout.digest:
        return open_rollout(state, ledger, wish, policy, facts, now=now)
    reasons = (
        rules.judge(rules.Case(wish, state, policy, facts, now))
        or unfit(ledger, wish, policy, facts)
        or tuple(rules.abandoning(state, ledger))
    )
    if reasons:
        return wait(*reasons, until=rules.try_again(reasons, state, policy, now))
    because = f"{short(wish.digest)} is wished instead: {words}"
    return act(Supersede(because, back=False), because)


def left_out(state: EnvironmentState, rollout: Rollout, plan: Plan, facts: Facts) -> Reason:
    """Why nodes do not run what was released last."""
    base = short(rollout.previous) if rollout.previous else "nothing"
    return Reason(
        "W-REL-021",
        f"{rollout.name} is for {plan.wished} alone: {facts.left_out} other nodes are held by its target and run "
        f"{base}; to go on with all nodes: sentinelctl resume {state.name} --all",
    )
