"""Strategies: how many nodes each step moves. One file each, found through one explicit table.

A strategy plans sizes and nothing else. Forbidden here: facts, clocks, judging.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from reconciler.release.strategies import all_at_once, blue_green, canary, rolling
from reconciler.release.strategies.strategy import Strategy


def table(strategies: Iterable[Strategy]) -> Mapping[str, Strategy]:
    """The strategies by name. ValueError when a name is taken twice."""
    found: dict[str, Strategy] = {}
    for strategy in strategies:
        if strategy.name in found:
            raise ValueError(f"two strategies are called '{strategy.name}'")
        found[strategy.name] = strategy
    return MappingProxyType(found)


STRATEGIES: Mapping[str, Strategy] = table(
    (all_at_once.STRATEGY, rolling.STRATEGY, canary.STRATEGY, blue_green.STRATEGY)
)
