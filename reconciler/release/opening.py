"""Whether the wish may open a rollout now, and with which plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release import rules
from reconciler.release.actions import OpenRollout
from reconciler.release.approvals import expected_plan, tally
from reconciler.release.assignment import already_of, only_of
from reconciler.release.decision import Decision, act, wait
from reconciler.release.facts import Facts
from reconciler.release.paths import RELEASE, short
from reconciler.release.planning import make_plan, next_name, too_large
from reconciler.release.state import EnvironmentState, Ledger, Release
from reconciler.release.terms import plan_hash


def open_rollout(
    state: EnvironmentState,
    ledger: Ledger,
    wish: Release,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    """Open it, or wait for every rule that stands against it."""
    reasons = rules.judge(rules.Case(wish, state, policy, facts, now))
    if reasons:
        return wait(*reasons, until=rules.try_again(reasons, state, policy, now))
    only, already = only_of(wish, policy), already_of(ledger, wish)
    plan = make_plan(
        next_name(ledger),
        wish.digest,
        policy,
        facts.ranks,
        only=only,
        already=already,
        apart=ledger.pins,
        serving=ledger.serving,
    )
    terms = expected_plan(state, policy) or plan_hash(policy, wish, facts.policy_commit)
    plan = replace(plan, hash=terms, approved=tally(state, policy, facts).counted)
    unfit = too_large(plan)
    if unfit is not None:
        return wait(unfit)
    return act(OpenRollout(wish, plan), wish.why or f"{RELEASE} names {short(wish.digest)}")
