"""Counters, windows and percentiles: what is added up, and what nobody may conclude."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.signals import (
    LONGEST_GAP,
    Baseline,
    Counts,
    Signals,
    Traffic,
    Window,
    baseline,
    difference,
    error_permille,
    error_share,
    merge,
    percentile,
    total,
    window,
)

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def traffic(
    observed: int = 0, *buckets: tuple[int, int], requests: int = 0, failed: int = 0, **other: int | None
) -> Traffic:
    return Traffic(1, 1, NOW - timedelta(minutes=5), NOW, requests, failed, observed, buckets, **other)


def said(life: str = "1", **services: Counts) -> Signals:
    return Signals(life, services)


def before(life: str = "1", ago: timedelta = timedelta(seconds=10), **services: Counts) -> Baseline:
    return Baseline(life, services, NOW - ago)


TEN = Counts(10, 1, 10, (5, 50), (6, 9))
THIRTY = Counts(30, 1, 30, (5, 50), (20, 29))
BETWEEN = Counts(20, 0, 20, (5, 50), (14, 20))


@pytest.mark.parametrize(
    ("known", "report", "ran", "found"),
    [
        pytest.param(None, said(a=TEN), NEW, Window(NEW, {}), id="nobody knows since when it counts"),
        pytest.param(before(a=TEN), said(a=TEN), NEW, Window(NEW, {}), id="the same again adds nothing"),
        pytest.param(before(a=TEN), said(a=THIRTY), NEW, Window(NEW, {"a": BETWEEN}), id="what came since"),
        pytest.param(before(), said(a=TEN), NEW, Window(NEW, {"a": TEN}), id="a service that is new"),
        pytest.param(before(a=TEN), said(), NEW, Window(NEW, {}), id="a service that went away"),
        pytest.param(before(a=TEN), said(a=THIRTY), OLD, Window("", {"a": BETWEEN}), id="across a change: nobody's"),
        pytest.param(before(a=THIRTY), said("2", a=TEN), NEW, Window(NEW, {"a": TEN}), id="started again"),
        pytest.param(before(a=THIRTY), said("2", a=TEN), OLD, Window(NEW, {"a": TEN}), id="started with what runs now"),
        pytest.param(before(a=THIRTY), said(a=TEN), NEW, Window(NEW, {}), id="fell without a start: nothing"),
        pytest.param(before(a=TEN, b=TEN), said(a=THIRTY, b=Counts(9, 0, 9, (5, 50), (9, 9))), NEW,
                     Window(NEW, {"a": BETWEEN}), id="one fell, the other counts"),
        pytest.param(before(ago=LONGEST_GAP, a=TEN), said(a=THIRTY), NEW, Window(NEW, {"a": BETWEEN}), id="in time"),
        pytest.param(before(ago=LONGEST_GAP + timedelta(seconds=1), a=TEN), said(a=THIRTY), NEW, Window(NEW, {}),
                     id="silent for too long"),
        pytest.param(before(ago=LONGEST_GAP * 2, a=THIRTY), said("2", a=TEN), NEW, Window(NEW, {}),
                     id="started at some time of a long silence"),
    ],
)  # fmt: skip
def test_what_a_report_adds(known: Baseline | None, report: Signals, ran: str, found: Window) -> None:
    assert window(known, report, ran, NEW, now=NOW) == found


def test_no_counter_of_a_life_ever_falls_or_goes_away() -> None:
    known = before(a=THIRTY, b=TEN)
    assert baseline(known, said(a=TEN), now=NOW) == Baseline("1", {"a": THIRTY, "b": TEN}, NOW)
    assert baseline(known, said(b=THIRTY), now=NOW).services == {"a": THIRTY, "b": THIRTY}
    assert baseline(known, said("2", a=TEN), now=NOW) == Baseline("2", {"a": TEN}, NOW)
    assert baseline(None, said(a=TEN), now=NOW) == Baseline("1", {"a": TEN}, NOW)


def test_another_histogram_is_not_subtracted() -> None:
    assert difference(TEN, Counts(30, 1, 30, (5, 100), (20, 29))) == Counts()
    assert difference(Counts(), TEN) == TEN


def test_sums_have_the_buckets_that_all_of_them_have() -> None:
    other = Counts(5, 5, 5, (5, 20, 50), (1, 2, 3))
    assert TEN + other == Counts(15, 6, 15, (5, 50), (7, 12))
    assert TEN + Counts(3, 3) == Counts(13, 4, 10, TEN.bounds, TEN.within), (
        "failures without a latency hide no latency"
    )
    assert TEN + Counts(1, 0, 1, (7,), (1,)) == Counts(11, 1, 11)
    assert total([]) == Counts()


@pytest.mark.parametrize(
    ("found", "percent", "milliseconds"),
    [
        (traffic(), 50, None),
        (traffic(1, (5, 1)), 100, 5),
        (traffic(100, (5, 50), (50, 99), (500, 100)), 50, 5),
        (traffic(100, (5, 50), (50, 99), (500, 100)), 51, 50),
        (traffic(100, (5, 50), (50, 99), (500, 100)), 99, 50),
        (traffic(100, (5, 50), (50, 99), (500, 100)), Fraction("99.1"), 500),
        (traffic(100, (5, 50), (50, 98)), 99, None),
        (traffic(100), 1, None),
        (traffic(3, (5, 1), (50, 2)), Fraction(200, 3), 50),
    ],
)
def test_percentiles_are_bounds_that_are_never_too_low(
    found: Traffic, percent: int | Fraction, milliseconds: int | None
) -> None:
    assert percentile(found, percent) == milliseconds


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_there_is_no_such_percentile(percent: int) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile(traffic(), percent)


def test_a_percentile_of_a_sum_is_no_mean_of_percentiles() -> None:
    fast = traffic(900, (10, 900), (1000, 900))
    slow = traffic(100, (10, 0), (1000, 100))
    assert (percentile(fast, 95), percentile(slow, 95)) == (10, 1000)
    assert percentile(merge([fast, slow]), 95) == 1000
    assert percentile(merge([fast, slow]), 90) == 10


@pytest.mark.parametrize(
    ("requests", "failed", "share", "permille"),
    [(0, 0, None, None), (1000, 0, 0, 0), (1000, 1, Fraction(1, 1000), 1), (10**6, 1, Fraction(1, 10**6), 1),
     (3, 3, 1, 1000)],
)  # fmt: skip
def test_shares_of_errors(requests: int, failed: int, share: Fraction | None, permille: int | None) -> None:
    found = traffic(requests=requests, failed=failed)
    assert error_share(found) == share
    assert error_permille(found) == permille


def test_merged_traffic() -> None:
    one = traffic(requests=10, failed=1, cpu_permille=100, memory_permille=None)
    two = traffic(requests=20, failed=2, cpu_permille=300, memory_permille=None, open_breakers=2)
    both = merge([one, two])
    assert (both.nodes, both.reporting, both.requests, both.failed) == (2, 2, 30, 3)
    assert (both.cpu_permille, both.memory_permille, both.open_breakers) == (300, None, 2)
    with pytest.raises(ValueError, match="nothing to merge"):
        merge([])


def test_json_and_back() -> None:
    found = traffic(7, (5, 1), (50, 7), requests=8, failed=1, cpu_permille=5)
    assert Traffic.from_json(found.to_json()) == found
    assert Counts.from_json(TEN.to_json()) == TEN


def counts() -> st.SearchStrategy[Counts]:
    def build(steps: list[int], beyond: int, failed: int) -> Counts:
        within = [sum(steps[: index + 1]) for index in range(len(steps))]
        observed = sum(steps) + beyond
        return Counts(observed, min(failed, observed), observed, (1, 10, 100), tuple(within))

    numbers = st.integers(0, 50)
    return st.builds(build, st.lists(numbers, min_size=3, max_size=3), numbers, numbers)


@given(counts(), counts())
def test_what_is_added_can_be_taken_away_again(one: Counts, other: Counts) -> None:
    assert difference(one, one + other) == other or not one.observed
    assert one + other == other + one
