"""A growing share of the fleet, each watched for a while; then all others."""

from __future__ import annotations

from itertools import pairwise

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.spreading import divide
from reconciler.release.state import PlannedStep
from reconciler.release.strategies.strategy import Ranks, Strategy


def sizes(nodes: int, policy: EnvironmentPolicy) -> tuple[int, ...]:
    """How many nodes each step moves.

    Shares are rounded down, the first one to one node at least. A share that adds no node to the one before is left
    out, and so is one that leaves nobody: as long as there are two nodes, one goes first and one is there to compare.
    """
    marks = [min(max(1, nodes * share // 100), max(1, nodes - 1)) for share in policy.canary_shares]
    return tuple(after - before for before, after in pairwise((0, *marks, nodes)) if after > before)


def steps(ranks: Ranks, policy: EnvironmentPolicy, standby: str = "") -> tuple[PlannedStep, ...]:
    """A step of each size; all but the last one are watched for the bake time."""
    *shares, rest = sizes(sum(map(len, ranks.values())), policy)
    moves = [*((size, policy.bake_seconds) for size in shares), (rest, 0)]
    return divide(ranks, moves, policy.spread_percent)


STRATEGY = Strategy("canary", steps)
