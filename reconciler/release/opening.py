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
from reconciler.release.state import EnvironmentState, Ledger, Plan, Reason, Release
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
    plan = _plan(ledger, wish, policy, facts)
    terms = expected_plan(state, policy) or plan_hash(policy, wish, facts.policy_commit)
    plan = replace(plan, hash=terms, approved=tally(state, policy, facts).counted)
    too_many = too_large(plan)
    if too_many is not None:
        return wait(too_many)
    return act(OpenRollout(wish, plan), wish.why or f"{RELEASE} names {short(wish.digest)}")


def unfit(ledger: Ledger, wish: Release, policy: EnvironmentPolicy, facts: Facts) -> tuple[Reason, ...]:
    """Why no rollout of the wish could open when the open one has made way for it: asked before it does."""
    too_many = too_large(_plan(ledger, wish, policy, facts))
    return () if too_many is None else (too_many,)


def _plan(ledger: Ledger, wish: Release, policy: EnvironmentPolicy, facts: Facts) -> Plan:
    return make_plan(
        next_name(ledger),
        wish.digest,
        policy,
        facts.ranks,
        only=only_of(wish, policy),
        already=already_of(ledger, wish),
        apart=ledger.pins,
        serving=ledger.serving,
    )
