"""One step that moves every node, or as few as failure domains allow."""

from __future__ import annotations

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.spreading import divide
from reconciler.release.state import PlannedStep
from reconciler.release.strategies.strategy import Ranks, Strategy


def steps(ranks: Ranks, policy: EnvironmentPolicy, standby: str = "") -> tuple[PlannedStep, ...]:
    """One step of all nodes."""
    return divide(ranks, [(sum(map(len, ranks.values())), 0)], policy.spread_percent)


STRATEGY = Strategy("all-at-once", steps)
