"""Steps of one size, by number of nodes or by share of the fleet; the last one takes what is left."""

from __future__ import annotations

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.strategies.strategy import Strategy


def sizes(nodes: int, policy: EnvironmentPolicy) -> tuple[int, ...]:
    """A share is rounded down, so that a batch is never larger than the policy says, but it has at least one node."""
    if policy.batch_size is not None:
        size = policy.batch_size
    else:
        size = nodes * (policy.batch_percent or 0) // 100
    size = max(1, min(size, nodes))
    whole, rest = divmod(nodes, size)
    return (size,) * whole + ((rest,) if rest else ())


STRATEGY = Strategy("rolling", sizes)
