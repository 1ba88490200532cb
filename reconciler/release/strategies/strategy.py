"""What a strategy is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.state import PlannedStep

Ranks = Mapping[str, tuple[str, ...]]
"""By failure domain the sorted ranks of its nodes."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """`steps(ranks, policy, standby)`: the steps that bring a release to the nodes of these ranks, one at least.

    Together they move every node. Each moves one at least, unless it shifts traffic. `standby` is the slot without
    traffic, for those that know slots.
    """

    name: str
    steps: Callable[[Ranks, EnvironmentPolicy, str], tuple[PlannedStep, ...]]
