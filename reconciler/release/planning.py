"""Makes the plan of a rollout from the steps of its strategy."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.domains import OTHERS
from reconciler.fleet.ranks import LAST_REACH
from reconciler.fleet.slots import GREEN, Slots, other
from reconciler.release.pins import Standing
from reconciler.release.state import Ledger, Moved, Only, Plan, PlannedStep, Reason, Rules
from reconciler.release.strategies import STRATEGIES
from reconciler.release.strategies.strategy import Ranks
from reconciler.release.swap import Serving, Swap

MOST_STEPS = 200
MOST_REACHES = 2_000
"""A larger plan, or the ledger of its steps, would outgrow the files that are read back (`document.MAX_BYTES`)."""


def next_name(ledger: Ledger | None) -> str:
    """The name of the rollout that would open next: `r-0001`, `r-0002` …"""
    last = 0 if ledger is None or ledger.rollout is None else int(ledger.rollout.name.removeprefix("r-"))
    return f"r-{last + 1:04d}"


def rules_of(policy: EnvironmentPolicy) -> Rules:
    """What of a policy a rollout keeps for its whole life."""
    return Rules(
        strategy=policy.strategy,
        max_unavailable=policy.max_unavailable,
        on_failure=policy.on_failure,
        min_healthy_seconds=policy.min_healthy_seconds,
        progress_deadline_seconds=policy.progress_deadline_seconds,
        stale_after_seconds=policy.stale_after_seconds,
        gates=policy.gates,
        spread=policy.spread_label,
    )


def slots_of(policy: EnvironmentPolicy) -> Slots | None:
    """The slots of a blue-green policy, None for any other."""
    wanted = policy.blue_green
    return None if wanted is None else Slots(wanted.label, wanted.blue, wanted.green)


def make_plan(
    rollout: str,
    digest: str,
    policy: EnvironmentPolicy,
    ranks: Ranks,
    *,
    only: Only | None = None,
    already: tuple[Moved, ...] = (),
    apart: tuple[Standing, ...] = (),
    serving: Serving | None = None,
) -> Plan:
    """The plan for nodes of these sorted ranks. The last step reaches every rank of every domain.

    Without nodes there is one empty step. `serving` says which slot has the traffic, if one has.
    KeyError for a strategy that is not in the table.
    """
    nobody = (PlannedStep(1, 0, {OTHERS: LAST_REACH}),)
    swap = _swap(policy, serving) if ranks else None
    standby = swap.standby if swap is not None else ""
    *steps, last = STRATEGIES[policy.strategy].steps(ranks, policy, standby) if ranks else nobody
    last = replace(last, reaches=dict.fromkeys(last.reaches, LAST_REACH))
    return Plan(
        rollout, digest, rules_of(policy), (*steps, last), only=only, already=already, apart=apart, swap=swap
    )


def _swap(policy: EnvironmentPolicy, serving: Serving | None) -> Swap | None:
    """What is swapped: the release goes to the slot without traffic. Where none has had it yet, blue has."""
    slots, wanted = slots_of(policy), policy.blue_green
    if slots is None or wanted is None:
        return None
    standby = other(serving.active) if serving is not None and serving.slots == slots else GREEN
    return Swap(slots, standby, wanted.balancer, wanted.within, wanted.samples)


def too_large(plan: Plan) -> Reason | None:
    """Why a plan cannot be kept, or None."""
    steps = len(plan.steps)
    reaches = len(plan.steps[0].reaches) + sum(
        one.reaches[domain] != reach
        for one, two in pairwise(plan.steps)
        for domain, reach in two.reaches.items()
    )
    reaches += sum(len(moved.reaches) for moved in plan.already)
    if steps <= MOST_STEPS and reaches <= MOST_REACHES:
        return None
    return Reason(
        "W-REL-020",
        f"the plan would have {steps} steps and {reaches} places in failure domains, more than {MOST_STEPS} or "
        f"{MOST_REACHES}; make the batches larger, or spread over a label with fewer values",
    )
