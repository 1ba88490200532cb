"""Requests by name whose answers are told once: one of several at once is done, on either database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest

from reconciler.db.models import JoinToken
from reconciler.db.once import Repeated, ToldOnce, telling_once
from reconciler.db.session import close, reading
from reconciler.settings import Settings

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SAME = 6


def make(number: int) -> str:
    row = JoinToken.create(
        organization="acme", project="shop", environment="dev", token_sha256=f"{number:064}", created_at=NOW
    )
    return f"/join-tokens/{row.id}"


def test_of_the_same_requests_at_once_one_makes_something(database: Settings) -> None:
    together = Barrier(SAME)

    def ask(number: int) -> str:
        try:
            together.wait(30)
            with telling_once("ada", "rack-4", "0" * 64, now=NOW) as made:
                path = make(number)
                made(path)
                return path
        except Repeated as again:
            return f"again {again.row.made}"
        finally:
            close()

    with ThreadPoolExecutor(SAME) as pool:
        told = list(pool.map(ask, range(SAME)))
    [first] = [one for one in told if not one.startswith("again")]
    assert sorted(told) == sorted([first, *[f"again {first}"] * (SAME - 1)])
    with reading():
        assert JoinToken.select().count() == ToldOnce.select().count() == 1


def test_without_a_name_each_request_is_another_one_and_a_failure_keeps_no_name(database: Settings) -> None:
    for number in range(2):
        with telling_once("ada", None, "0" * 64, now=NOW) as made:
            made(make(number))

    def fail() -> None:
        with telling_once("ada", "rack-4", "0" * 64, now=NOW) as made:
            made(make(2))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with reading():
        assert (JoinToken.select().count(), ToldOnce.select().count()) == (2, 0)
    with telling_once("ada", "rack-4", "0" * 64, now=NOW) as made:
        made(make(3))

    def again() -> None:
        with telling_once("ada", "rack-4", "0" * 64, now=NOW) as made:
            made(make(4))

    with pytest.raises(Repeated):
        again()
    with reading():
        assert (JoinToken.select().count(), ToldOnce.select().count()) == (3, 1)
