"""Counting attempts, on both databases and from many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from reconciler.db import session, throttling
from reconciler.settings import Settings

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
EMAIL, ADDRESS = "ada@acme.example", "192.0.2.7"


def tries(count: int, *, email: str = EMAIL, address: str = ADDRESS, now: datetime = NOW) -> list[float]:
    """How many seconds each of some attempts has to wait."""
    waits = (throttling.admit(email, address, now=now) for _ in range(count))
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
        throttling.forgive(EMAIL, ADDRESS)


def test_many_addresses_of_one_account_and_many_accounts_of_one_address(database: Settings) -> None:
    spread = [tries(1, address=f"192.0.2.{number}")[0] for number in range(60)]
    assert spread.index(5.0) == 51
    swept = [tries(1, email=f"p{number}@acme.example", address="198.51.100.1")[0] for number in range(40)]
    assert swept.index(5.0) == 31


def test_attempts_at_once_are_counted_each(database: Settings) -> None:
    def attempt(_: int) -> bool:
        admitted = throttling.admit(EMAIL, ADDRESS, now=NOW) is None
        session.close()
        return admitted

    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(attempt, range(40)))
    assert sum(admitted) == 6
