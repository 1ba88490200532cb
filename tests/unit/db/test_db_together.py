"""Writes of several threads in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from reconciler.db.together import Together
from reconciler.errors import Transient

PATIENCE = 20.0


class Desk:
    """A `write` whose first batch waits until `open` is set."""

    def __init__(self, refuse: Callable[[Sequence[int]], None] = lambda items: None) -> None:
        self.batches: list[list[int]] = []
        self.began, self.open = threading.Event(), threading.Event()
        self._refuse = refuse

    def write(self, items: Sequence[int]) -> list[str]:
        self.batches.append(list(items))
        self.began.set()
        if len(self.batches) == 1:
            assert self.open.wait(PATIENCE)
        self._refuse(items)
        return [f"wrote {item}" for item in items]


def submit_during_the_first(desk: Desk, items: Sequence[int]) -> list[Future[str]]:
    """Submit 0, and the others in their order while it is being written."""
    together = Together(desk.write)
    with ThreadPoolExecutor(len(items) + 1) as threads:
        found = [threads.submit(together.submit, 0)]
        assert desk.began.wait(PATIENCE)
        for place, item in enumerate(items, start=1):
            found.append(threads.submit(together.submit, item))
            while len(together._waiting) < place:
                threading.Event().wait(0.001)
        desk.open.set()
    return found


def test_one_alone_is_written_at_once() -> None:
    desk = Desk()
    desk.open.set()
    together = Together(desk.write)
    assert [together.submit(1), together.submit(2)] == ["wrote 1", "wrote 2"]
    assert desk.batches == [[1], [2]]


def test_those_who_come_meanwhile_share_the_next_write_and_each_gets_its_own_result() -> None:
    desk = Desk()
    found = submit_during_the_first(desk, [1, 2, 3])
    assert [future.result() for future in found] == ["wrote 0", "wrote 1", "wrote 2", "wrote 3"]
    assert desk.batches == [[0], [1, 2, 3]]


def test_one_that_cannot_be_written_fails_alone() -> None:
    def refuse(items: Sequence[int]) -> None:
        if 2 in items:
            raise ValueError("2 is none of ours")

    desk = Desk(refuse)
    found = submit_during_the_first(desk, [1, 2, 3])
    assert [future.result() for future in (found[0], found[1], found[3])] == ["wrote 0", "wrote 1", "wrote 3"]
    with pytest.raises(ValueError, match="2 is none of ours"):
        found[2].result()
    assert desk.batches == [[0], [1, 2, 3], [1], [2], [3]]


def test_a_database_that_is_away_fails_all_of_them_after_one_attempt() -> None:
    def refuse(items: Sequence[int]) -> None:
        if items != [0]:
            raise Transient("E-DB-001", "away")

    desk = Desk(refuse)
    found = submit_during_the_first(desk, [1, 2])
    assert found[0].result() == "wrote 0"
    for future in found[1:]:
        with pytest.raises(Transient):
            future.result()
    assert desk.batches == [[0], [1, 2]]


def test_a_database_that_goes_away_between_them_fails_those_that_are_left() -> None:
    def refuse(items: Sequence[int]) -> None:
        if len(items) > 1:
            raise ValueError("together they cannot be")
        if items == [2]:
            raise Transient("E-DB-001", "away")

    desk = Desk(refuse)
    found = submit_during_the_first(desk, [1, 2, 3])
    assert [future.result() for future in found[:2]] == ["wrote 0", "wrote 1"]
    for future in found[2:]:
        with pytest.raises(Transient):
            future.result()
    assert desk.batches == [[0], [1, 2, 3], [1], [2]]


def test_a_thread_that_is_ended_while_it_writes_leaves_nobody_waiting() -> None:
    def refuse(items: Sequence[int]) -> None:
        if items == [0]:
            raise SystemExit(1)

    desk = Desk(refuse)
    found = submit_during_the_first(desk, [1])
    with pytest.raises(SystemExit):
        found[0].result()
    assert found[1].result() == "wrote 1"


def test_hundreds_of_threads_lose_nothing() -> None:
    batches: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        return [item * 2 for item in items]

    together = Together(write)
    with ThreadPoolExecutor(32) as threads:
        assert list(threads.map(together.submit, range(2000))) == [item * 2 for item in range(2000)]
    assert sum(batches) == 2000
