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
    """`steps(ranks, policy)`: the steps that bring a release to the nodes of these ranks, at least one of them.

    Together they move every node, and each moves one at least.
    """

    name: str
    steps: Callable[[Ranks, EnvironmentPolicy], tuple[PlannedStep, ...]]
