"""Turns the sizes that a strategy wants into the plan of a rollout."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.ranks import LAST_REACH
from reconciler.release.state import Ledger, Plan, PlannedStep, Rules
from reconciler.release.strategies import STRATEGIES


def next_name(ledger: Ledger | None) -> str:
    """The name of the rollout that would open next: `r-0001`, `r-0002` …"""
    last = 0 if ledger is None or ledger.rollout is None else int(ledger.rollout.name.removeprefix("r-"))
    return f"r-{last + 1:04d}"


def make_plan(rollout: str, digest: str, policy: EnvironmentPolicy, ranks: Sequence[str]) -> Plan:
    """The plan for nodes of these sorted ranks. The last step reaches every rank.

    Without nodes there is one empty step. KeyError for a strategy that is not in the table.
    """
    rules = Rules(
        strategy=policy.strategy,
        max_unavailable=policy.max_unavailable,
        on_failure=policy.on_failure,
        min_healthy_seconds=policy.min_healthy_seconds,
        progress_deadline_seconds=policy.progress_deadline_seconds,
        stale_after_seconds=policy.stale_after_seconds,
        gates=policy.gates,
    )
    sizes = STRATEGIES[policy.strategy].sizes(len(ranks), policy) if ranks else (0,)
    steps, end = [], 0
    for number, size in enumerate(sizes, start=1):
        end += size
        reach = LAST_REACH if number == len(sizes) else ranks[end - 1]
        steps.append(PlannedStep(number, size, reach))
    return Plan(rollout, digest, rules, tuple(steps))
