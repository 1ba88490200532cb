"""Owed work: what is asked for is done, by one at a time, and nothing asked for is forgotten."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.db import session
from reconciler.db.models import Work
from reconciler.db.owed import LEASE, Claim, ask, claim, due, finish, renew
from reconciler.errors import LostRace
from reconciler.settings import Settings

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = ("acme", "shop", "trunk")


def take(now: datetime = NOW, holder: str = "w1") -> Claim | None:
    return claim(*KEY, holder=holder, now=now)


def names(now: datetime = NOW) -> list[tuple[str, str, str, str]]:
    return [(owed.organization, owed.project, owed.kind, owed.subject) for owed in due(now)]


def test_nothing_is_owed_before_it_is_asked_for(database: Settings) -> None:
    assert due(NOW) == []
    assert take() is None


def test_what_is_asked_for_is_done_once(database: Settings) -> None:
    for _ in range(3):
        ask(*KEY, now=NOW)
    assert names() == [("acme", "shop", "trunk", "")]
    held = take()
    assert held is not None
    assert due(NOW) == []
    assert take(holder="w2") is None
    assert finish(held, "changed", "because", now=NOW)
    assert due(NOW) == []
    assert take() is None
    with session.reading():
        row = Work.get()
    assert (row.outcome, row.reason, row.finished_at, row.holder) == ("changed", "because", NOW, "")


def test_requests_during_a_run_cause_exactly_one_more(database: Settings) -> None:
    ask(*KEY, now=NOW)
    held = take()
    assert held is not None
    ask(*KEY, now=NOW)
    ask(*KEY, now=NOW)
    assert due(NOW) == []
    finish(held, "changed", "", now=NOW)
    assert len(due(NOW)) == 1
    again = take()
    assert again is not None
    finish(again, "unchanged", "", now=NOW)
    assert due(NOW) == []


def test_work_is_owed_again_at_its_moment(database: Settings) -> None:
    ask(*KEY, now=NOW)
    held = take()
    assert held is not None
    finish(held, "waiting", "", now=NOW, look_again_at=NOW + 5 * SECOND)
    assert due(NOW + 4 * SECOND) == []
    assert take(NOW + 4 * SECOND) is None
    assert len(due(NOW + 5 * SECOND)) == 1
    assert take(NOW + 5 * SECOND) is not None


def test_a_request_breaks_a_wait(database: Settings) -> None:
    ask(*KEY, now=NOW)
    held = take()
    assert held is not None
    finish(held, "failed", "", now=NOW, look_again_at=NOW + 60 * SECOND, attempts=3)
    ask(*KEY, now=NOW + SECOND)
    again = take(NOW + SECOND)
    assert again is not None
    assert again.attempts == 3


def test_the_earliest_of_several_moments_counts(database: Settings) -> None:
    for seconds in (30, 10, 20):
        ask(*KEY, now=NOW, due_at=NOW + seconds * SECOND)
    assert due(NOW + 9 * SECOND) == []
    assert len(due(NOW + 10 * SECOND)) == 1


def test_a_moment_asked_for_during_a_run_is_kept(database: Settings) -> None:
    ask(*KEY, now=NOW)
    held = take()
    assert held is not None
    ask(*KEY, now=NOW, due_at=NOW + 10 * SECOND)
    finish(held, "waiting", "", now=NOW, look_again_at=NOW + 60 * SECOND)
    assert len(due(NOW + 10 * SECOND)) == 1
    held = take(NOW + 10 * SECOND)
    assert held is not None
    ask(*KEY, now=NOW, due_at=NOW + 90 * SECOND)
    finish(held, "waiting", "", now=NOW, look_again_at=NOW + 70 * SECOND)
    assert due(NOW + 69 * SECOND) == []
    assert len(due(NOW + 70 * SECOND)) == 1


def test_a_past_moment_means_now(database: Settings) -> None:
    ask(*KEY, now=NOW, due_at=NOW - SECOND)
    assert len(due(NOW)) == 1


def test_the_work_of_a_dead_holder_is_owed_when_its_lease_ends(database: Settings) -> None:
    ask(*KEY, now=NOW)
    held = take()
    assert held is not None
    finish(held, "waiting", "", now=NOW, look_again_at=NOW + SECOND)
    dead = take(NOW + SECOND)
    assert dead is not None
    # The moment that brought it back has been used up, and still it is not forgotten.
    assert due(NOW + LEASE) == []
    after = NOW + SECOND + LEASE
    assert len(due(after)) == 1
    other = take(after, holder="w2")
    assert other is not None
    assert other.fence == dead.fence + 1


def test_the_fence_refuses_a_holder_that_comes_back(database: Settings) -> None:
    ask(*KEY, now=NOW)
    dead = take()
    other = take(NOW + LEASE, holder="w2")
    assert dead is not None
    assert other is not None
    with pytest.raises(LostRace, match="E-DB-004"):
        renew(dead, now=NOW + LEASE)
    assert not finish(dead, "changed", "late", now=NOW + LEASE)
    renew(other, now=NOW + LEASE)
    assert finish(other, "changed", "in time", now=NOW + LEASE)
    with session.reading():
        assert Work.get().reason == "in time"
    assert not finish(other, "changed", "twice", now=NOW + LEASE)


def test_renewing_keeps_the_work(database: Settings) -> None:
    ask(*KEY, now=NOW)
    held = take()
    assert held is not None
    renew(held, now=NOW + LEASE - SECOND)
    assert take(NOW + LEASE, holder="w2") is None
    assert take(NOW + 2 * LEASE, holder="w2") is not None


def test_the_generation_is_shared_by_requests_and_changes_with_each_claim(database: Settings) -> None:
    def generation(now: datetime) -> str:
        [owed] = due(now)
        return owed.generation

    ask(*KEY, now=NOW)
    first = generation(NOW)
    ask(*KEY, now=NOW)
    assert generation(NOW) == first
    held = take()
    assert held is not None
    ask(*KEY, now=NOW)
    finish(held, "changed", "", now=NOW)
    second = generation(NOW)
    assert second != first
    ask(*KEY, now=NOW)
    assert generation(NOW) == second


def test_due_lists_one_project_alone(database: Settings) -> None:
    ask("acme", "shop", "trunk", now=NOW)
    ask("acme", "blog", "environment", "dev", now=NOW)
    assert [owed.project for owed in due(NOW, organization="acme", project="blog")] == ["blog"]
    assert len(due(NOW, organization="acme")) == 2
    assert due(NOW, organization="other") == []
    assert len(due(NOW, limit=1)) == 1


def test_asking_is_undone_with_its_transaction(database: Settings) -> None:
    def fail() -> None:
        with session.writing():
            ask(*KEY, now=NOW)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert due(NOW) == []


def test_of_many_threads_one_gets_the_work(database: Settings) -> None:
    winners: list[int] = []
    faults: list[BaseException] = []

    def contend(number: int) -> None:
        try:
            if claim(*KEY, "dev", holder=f"w{number}", now=NOW) is not None:
                winners.append(number)
        except BaseException as fault:  # noqa: BLE001
            faults.append(fault)
        finally:
            session.close()

    for round_number in range(5):
        ask(*KEY, "dev", now=NOW)
        threads = [threading.Thread(target=contend, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert len(winners) == round_number + 1
        with session.writing():
            Work.update(holder="", leased_until=None, done=Work.wanted).execute()


def _work(
    settings: Settings, number: int, rounds: int, answers: multiprocessing.Queue[tuple[int, int]]
) -> None:
    session.connect(settings)
    finished = 0
    for step in range(rounds):
        moment = NOW + step * timedelta(milliseconds=1)
        held = claim(*KEY, holder=f"p{number}", now=moment)
        if held is not None:
            assert finish(held, "changed", str(number), now=moment, look_again_at=moment)
            finished += 1
        ask(*KEY, now=moment)
    session.disconnect()
    answers.put((number, finished))


def test_processes_share_the_work_without_losing_a_request(database: Settings) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[tuple[int, int]] = context.Queue()
    ask(*KEY, now=NOW)
    processes = [context.Process(target=_work, args=(database, n, 30, answers)) for n in range(2)]
    for process in processes:
        process.start()
    done = Counter(dict(answers.get(timeout=60) for _ in processes))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with session.reading():
        row = Work.get()
    # Each claim raised the fence once and was finished by the process that made it.
    assert row.fence == sum(done.values())
    assert row.wanted == 61
    assert len(due(NOW + timedelta(hours=1))) == 1
