"""The event loop of virtual time: a heap of moments, each with what is called then."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Call = Callable[[Any], None]


class Loop:
    """Moments are whole milliseconds since the beginning. Events of one moment happen in the order they were added."""

    __slots__ = ("_heap", "_number", "events", "now")

    def __init__(self) -> None:
        self.now = 0
        self.events = 0
        self._number = 0
        self._heap: list[tuple[int, int, Call, Any]] = []

    def at(self, moment: int, call: Call, argument: Any = None) -> None:
        """Have `call(argument)` happen at a moment; at once, but after what is due already, when that is past."""
        self._number += 1
        heappush(self._heap, (max(self.now, moment), self._number, call, argument))

    def next(self) -> int | None:
        """The moment of the next event; None when nothing is left to happen."""
        return self._heap[0][0] if self._heap else None

    def run(self, until: int, every: int, check: Callable[[], None]) -> None:
        """Let everything happen that is due by `until`, then put the clock there; `check` after each so many events."""
        heap = self._heap
        left = every - self.events % every
        while heap and heap[0][0] <= until:
            self.now, _, call, argument = heappop(heap)
            call(argument)
            self.events += 1
            left -= 1
            if not left:
                left = every
                check()
        self.now = until

    def again(self, length: int, call: Call, argument: Any) -> None:
        """Have `call(argument)` happen so many milliseconds from now: `at` for those who do little else."""
        self._number += 1
        heappush(self._heap, (self.now + length, self._number, call, argument))

    def leap(self, length: int) -> None:
        """Put the clock and everything that is to come forward by so many milliseconds."""
        self.now += length
        self._heap = [
            (moment + length, number, call, argument) for moment, number, call, argument in self._heap
        ]
