"""How much each node downloaded lately. One that fetches the same bundle for ever takes nothing from the others."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

WINDOW = 600.0
"""Seconds."""

BUNDLES = 6
"""So many times the bundle it asks for: a rollout, its rollback, and what broke off on the way."""

LEAST = 8 * 1024 * 1024
"""Bytes that a node may have however small its bundles are."""

MOST_NODES = 200_000


@dataclass(slots=True)
class Downloads:
    """Bytes by node since its window began, on one worker. Of too many nodes the longest unseen is forgotten."""

    _spent: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)

    def wait(self, node_id: str, length: int, whole: int, now: float) -> float:
        """Count `length` bytes of a bundle of `whole` and give 0, or give the seconds until it may be asked for again.
        `now` is `time.monotonic`."""
        began, spent = self._spent.get(node_id, (now, 0))
        if now - began >= WINDOW:
            began, spent = now, 0
        if spent + length > max(LEAST, BUNDLES * whole):
            return began + WINDOW - now
        self._spent[node_id] = began, spent + length
        self._spent.move_to_end(node_id)
        if len(self._spent) > MOST_NODES:
            self._spent.popitem(last=False)
        return 0.0
