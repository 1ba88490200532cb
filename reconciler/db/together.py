"""Writes of several threads in one transaction, where a transaction for each would cost more than what they write.

Whoever comes while nobody writes, writes at once. Whoever comes while somebody does waits, and the first of those who
wait then writes for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reconciler.errors import Transient

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    """What one thread wants written. Once its turn has come it is done, well or not, or its thread shall write.

    `done`: it was written, or cannot be; until then what happens to the batch happens to it."""

    item: Item
    turn: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    result: Result | None = None
    failure: BaseException | None = None


class Together(Generic[Item, Result]):
    """`write(items)` makes all of them durable, or none and raises; it gives their results in the same order."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Item, Result]] = []
        self._busy = False

    def submit(self, item: Item) -> Result:
        """Have `item` written and give its result; its thread waits for as long as that takes.

        Raises what `write` raises. An item that cannot be written fails alone: the others of its transaction are then
        written each by itself. A database that is away fails all that are not written yet, for it would keep each
        waiting.
        """
        mine: _Waiting[Item, Result] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            leads = not self._busy
            self._busy = True
        if not leads:
            mine.turn.wait()
        if not mine.done:
            self._lead()
        if mine.failure is not None:
            raise mine.failure
        return mine.result  # type: ignore[return-value]  # It is done and has not failed.

    def _lead(self) -> None:
        """Write what waits, this thread's own item with it, and let the first of those who came meanwhile lead."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._settle(batch)
        except BaseException as failure:
            for waiting in batch:
                if not waiting.done:
                    waiting.failure = failure
            if not isinstance(failure, Exception):
                raise
        finally:
            with self._lock:
                self._busy = bool(self._waiting)
                following = self._waiting[0] if self._busy else None
            for waiting in batch:
                waiting.done = True
                waiting.turn.set()
            if following is not None:
                following.turn.set()

    def _settle(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = self._write([waiting.item for waiting in batch])
        except Exception as failure:
            if isinstance(failure, Transient):
                raise
            if len(batch) > 1:
                for waiting in batch:
                    self._settle([waiting])
                return
            batch[0].failure, batch[0].done = failure, True
            return
        for waiting, result in zip(batch, results, strict=True):
            waiting.result, waiting.done = result, True
