"""Finds the shortest scenario that still goes wrong in the same way: delta debugging over timeline and nodes.

Source: A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28 (2002), ddmin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from reconciler.simulator.virtual.invariants import Broken
from reconciler.simulator.virtual.scenario import Scenario
from reconciler.simulator.virtual.world import World

T = TypeVar("T")
Fails = Callable[[Scenario], bool]


def failure(scenario: Scenario) -> Broken | None:
    """What playing the scenario breaks, or None."""
    try:
        World(scenario).run()
    except Broken as error:
        return error
    return None


def shortest(scenario: Scenario, broken: Broken, *, plays: int = 300) -> Scenario:
    """The smallest scenario found in so many plays that breaks the same invariant."""
    left = plays

    def fails(candidate: Scenario) -> bool:
        nonlocal left
        if left <= 0:
            return False
        left -= 1
        found = failure(candidate)
        return found is not None and found.number == broken.number

    found = scenario
    kept = least(
        found.timeline, lambda events: bool(events) and fails(replace(found, timeline=tuple(events)))
    )
    found = replace(found, timeline=tuple(kept))
    groups = least(found.groups, lambda some: bool(some) and fails(replace(found, groups=tuple(some))))
    found = replace(found, groups=tuple(groups))
    for number, group in enumerate(found.groups):
        count = group.count
        while count > 1:
            smaller = _with_count(found, number, count // 2)
            if not fails(smaller):
                break
            found, count = smaller, count // 2
    return found


def least(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """A part of the items, in their order, that fails and of which no single one can be left out: ddmin."""
    parts = 2
    while len(items) >= 2:
        size = -(-len(items) // parts)
        for start in range(0, len(items), size):
            rest = [*items[:start], *items[start + size :]]
            if fails(rest):
                items, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(items):
                break
            parts = min(len(items), parts * 2)
    return items


def _with_count(scenario: Scenario, number: int, count: int) -> Scenario:
    groups = list(scenario.groups)
    groups[number] = replace(groups[number], count=count)
    return replace(scenario, groups=tuple(groups))
