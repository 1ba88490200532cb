"""The order of environments: each after all that it names in `after`; those that tie, by name."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.config.resources import Resource


def promotion_order(environments: Iterable[Resource]) -> tuple[str, ...]:
    """Names in promotion order. Environments on a cycle, or behind one, are left out."""
    waiting = {e.name: set(e.data.get("after", ())) for e in environments}
    ordered: list[str] = []
    while True:
        ready = sorted(name for name, after in waiting.items() if not after & waiting.keys())
        if not ready:
            return tuple(ordered)
        # One at a time, so that an environment comes as early as its name and its predecessors let it.
        ordered.append(ready[0])
        del waiting[ready[0]]
