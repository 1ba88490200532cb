"""One step that moves every node."""

from __future__ import annotations

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.strategies.strategy import Strategy


def sizes(nodes: int, policy: EnvironmentPolicy) -> tuple[int, ...]:
    """One step of all nodes."""
    return (nodes,)


STRATEGY = Strategy("all-at-once", sizes)
