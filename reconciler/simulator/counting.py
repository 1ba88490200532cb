"""What a simulated fleet saw of its control plane: requests, their times and faults, and how fast a release spread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

PERCENTILES = (50, 90, 99, 100)


@dataclass(slots=True)
class Meter:
    """Told by the lines of all nodes, from their threads. `monotonic` gives seconds that only rise."""

    monotonic: Callable[[], float]
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, by what went wrong."""
    _took: Counter[int] = field(default_factory=Counter)
    """Answers by how many milliseconds they took."""
    _offered: dict[str, float] = field(default_factory=dict)
    _spread: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, status: int, seconds: float | None) -> None:
        """A request was answered; None when it was not to be answered at once."""
        with self._lock:
            self.requests += 1
            self.statuses[status] += 1
            if seconds is not None:
                self._took[round(seconds * 1000)] += 1

    def failed(self, words: str) -> None:
        """A request got no answer."""
        with self._lock:
            self.requests += 1
            self.faults[words.partition(":")[0]] += 1

    def offered(self, etag: str) -> None:
        """A node was answered with this pointer."""
        with self._lock:
            self._offered.setdefault(etag, self.monotonic())

    def activated(self, etag: str, digest: str) -> None:
        """A node runs what this pointer named."""
        with self._lock:
            since = self._offered.get(etag)
            if since is not None:
                self._spread.setdefault(digest, []).append(self.monotonic() - since)

    def counts(self) -> tuple[Counter[int], Counter[str], Counter[int]]:
        """Copies: how many answers had which status, what went wrong, and how many milliseconds answers took."""
        with self._lock:
            return self.statuses.copy(), self.faults.copy(), self._took.copy()

    @property
    def errors(self) -> int:
        """Requests that got no answer, or one of the 5xx."""
        return self.faults.total() + sum(count for status, count in self.statuses.items() if status >= 500)

    def milliseconds(self) -> dict[str, int]:
        """Percentiles of the time that answers took."""
        with self._lock:
            took = sorted(self._took.items())
        return _percentiles(took)

    def spread(self) -> dict[str, dict[str, Any]]:
        """For each digest how many nodes activated it, and percentiles of the seconds since any was offered it."""
        with self._lock:
            found = {digest: sorted(seconds) for digest, seconds in self._spread.items()}
        return {
            digest: {
                "nodes": len(seconds),
                "seconds": {
                    f"p{percent}": round(seconds[_place(percent, len(seconds))], 2) for percent in PERCENTILES
                },
            }
            for digest, seconds in found.items()
        }


def _percentiles(counted: Iterable[tuple[int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    rows = list(counted)
    total = sum(count for _, count in rows)
    for percent in PERCENTILES if total else ():
        wanted, seen = _place(percent, total), 0
        for value, count in rows:
            seen += count
            if seen > wanted:
                found[f"p{percent}"] = value
                break
    return found


def _place(percent: int, total: int) -> int:
    """Where in a sorted list of so many the percentile stands."""
    return max(0, -(-total * percent // 100) - 1)
