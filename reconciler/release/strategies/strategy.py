"""What a strategy is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.config.policy import EnvironmentPolicy


@dataclass(frozen=True, slots=True)
class Strategy:
    """`sizes(nodes, policy)`: how many nodes each step moves. `nodes` is above zero, and so is every size.

    The sizes add up to `nodes`.
    """

    name: str
    sizes: Callable[[int, EnvironmentPolicy], tuple[int, ...]]
