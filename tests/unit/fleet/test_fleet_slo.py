"""Burn rates."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from reconciler.fleet.signals import Traffic
from reconciler.fleet.slo import Counted, Pair, burn, counted, rate

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
PAIR = Pair(3600, 300, Fraction("14.4"))


@pytest.mark.parametrize(
    ("found", "objective", "expected"),
    [
        (Counted(1000, 1), 999_000, 1000),
        (Counted(1000, 0), 999_000, 0),
        (Counted(1000, 1000), 999_000, 1_000_000),
        (Counted(100_000, 1439), 999_000, 14_390),
        (Counted(3, 1), 990_000, 33_333),
        (Counted(99, 99), 990_000, None),
        (Counted(0, 0), 990_000, None),
    ],
)
def test_rate(found: Counted, objective: int, expected: int | None) -> None:
    assert rate(found, objective, 100 if found.requests != 3 else 3) == expected


def test_without_a_minimum_nothing_is_still_not_healthy() -> None:
    assert rate(Counted(), 990_000, 0) is None


def test_an_objective_of_everything_has_no_budget() -> None:
    with pytest.raises(ValueError, match="no budget"):
        rate(Counted(1, 0), 1_000_000, 1)


def test_the_limit_scales_with_the_window_of_the_objective() -> None:
    limits = {
        days: burn(PAIR, {}, objective_ppm=990_000, days=days, minimum=1).limit for days in (7, 28, 30, 90)
    }
    assert limits == {7: 3360, 28: 13_440, 30: 14_400, 90: 43_200}


def test_a_window_that_nobody_counted_is_unknown() -> None:
    found = burn(PAIR, {3600: Counted(100, 100)}, objective_ppm=990_000, days=30, minimum=1)
    assert (found.long, found.short, found.known, found.too_fast) == (100_000, None, False, False)


def test_both_windows_have_to_burn_faster_than_the_limit() -> None:
    for bad, fast in ((144, False), (145, True)):
        windows = {3600: Counted(1000, bad), 300: Counted(1000, bad)}
        assert burn(PAIR, windows, objective_ppm=990_000, days=30, minimum=1).too_fast is fast


def test_what_counts_as_bad() -> None:
    traffic = Traffic(
        1, 1, NOW, NOW, requests=100, failed=7, observed=90, buckets=((100, 50), (300, 80), (500, 85))
    )
    assert counted(traffic, "availability", 0) == Counted(100, 7)
    assert counted(traffic, "latency", 300) == Counted(90, 10)
    # Between two bounds the slower end counts: what took 300 to 500 ms may have taken longer than 400.
    assert counted(traffic, "latency", 400) == Counted(90, 10)
    assert counted(traffic, "latency", 50) == Counted(90, 90)
    assert counted(Traffic(1, 0, NOW, NOW), "latency", 50) == Counted(0, 0)
