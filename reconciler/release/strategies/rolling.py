"""Steps of one size, by number of nodes or by share of the fleet; the last one takes what is left."""

from __future__ import annotations

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.spreading import divide
from reconciler.release.state import PlannedStep
from reconciler.release.strategies.strategy import Ranks, Strategy


def sizes(nodes: int, policy: EnvironmentPolicy) -> tuple[int, ...]:
    """How many nodes each step moves.

    A share is rounded down, so that a batch is never larger than the policy says, but it has at least one node.
    """
    if policy.batch_size is not None:
        size = policy.batch_size
    else:
        size = nodes * (policy.batch_percent or 0) // 100
    size = max(1, min(size, nodes))
    whole, rest = divmod(nodes, size)
    return (size,) * whole + ((rest,) if rest else ())


def steps(ranks: Ranks, policy: EnvironmentPolicy, standby: str = "") -> tuple[PlannedStep, ...]:
    """A step of each size."""
    moves = [(size, 0) for size in sizes(sum(map(len, ranks.values())), policy)]
    return divide(ranks, moves, policy.spread_percent)


STRATEGY = Strategy("rolling", steps)
