"""Counting attempts, on both databases and from many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from reconciler.db import session, throttling
from reconciler.db.people import SignInAttempts
from reconciler.settings import Settings

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
EMAIL, ADDRESS = "ada@acme.example", "192.0.2.7"


def tries(count: int, *, email: str = EMAIL, address: str = ADDRESS, now: datetime = NOW) -> list[float]:
    """How many seconds each of some attempts has to wait."""
    waits = (throttling.admit(throttling.of_password(email, address), now=now) for _ in range(count))
    return [wait.total_seconds() if wait else 0.0 for wait in waits]


def test_the_wait_doubles_and_ends(database: Settings) -> None:
    assert tries(8) == [0, 0, 0, 0, 0, 0, 5, 5]
    assert tries(2, now=NOW + timedelta(seconds=5)) == [0, 10]
    assert tries(2, now=NOW + timedelta(seconds=15)) == [0, 20]
    assert tries(1, email="bob@acme.example") == [0]
    assert tries(1, address="192.0.2.8") == [0]
    assert tries(6, now=NOW + timedelta(minutes=16)) == [0] * 6


def test_an_attempt_that_was_right_costs_nothing(database: Settings) -> None:
    for _ in range(40):
        assert tries(1) == [0]
        throttling.forgive(throttling.of_password(EMAIL, ADDRESS))


def test_many_addresses_of_one_account_and_many_accounts_of_one_address(database: Settings) -> None:
    spread = [tries(1, address=f"192.0.2.{number}")[0] for number in range(60)]
    assert spread.index(5.0) == 51
    swept = [tries(1, email=f"p{number}@acme.example", address="198.51.100.1")[0] for number in range(40)]
    assert swept.index(5.0) == 31


def test_attempts_at_once_are_counted_each(database: Settings) -> None:
    def attempt(_: int) -> bool:
        admitted = throttling.admit(throttling.of_password(EMAIL, ADDRESS), now=NOW) is None
        session.close()
        return admitted

    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(attempt, range(40)))
    assert sum(admitted) == 6


def test_those_who_try_and_those_who_were_right_do_not_wait_for_each_other(database: Settings) -> None:
    def attempt(number: int) -> None:
        subjects = throttling.of_password(f"p{number % 7}@acme.example", ADDRESS)
        for _ in range(5):
            throttling.admit(subjects, now=NOW)
            throttling.forgive(subjects)
        session.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(24)))


def test_who_has_to_wait_leaves_nothing(database: Settings) -> None:
    for number in range(31):
        tries(1, email=f"p{number}@acme.example")
    before = rows()
    assert tries(1, email="nobody-yet@acme.example")[0] > 0
    assert rows() == before


def test_attempts_at_a_factor_are_forgotten_after_a_day_and_are_nobodys_password(database: Settings) -> None:
    subjects = throttling.of_factor("p-1", "codes")
    waits = [throttling.admit(subjects, now=NOW) for _ in range(7)]
    assert waits == [None] * 6 + [timedelta(seconds=5)]
    later = NOW + timedelta(minutes=16)
    assert throttling.admit(subjects, now=later) is None
    assert throttling.admit(subjects, now=later) == timedelta(seconds=10), "the sixth was not forgotten"
    assert throttling.admit(subjects, now=later + timedelta(days=1, seconds=1)) is None
    assert throttling.admit(subjects, now=later + timedelta(days=1, seconds=1)) is None
    assert tries(1, email="p-1\ncodes") == [0]
    throttling.forgive(subjects)
    assert rows() == 3


def rows() -> int:
    with session.reading():
        return SignInAttempts.select().count()
