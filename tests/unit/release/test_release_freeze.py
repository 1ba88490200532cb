"""Freeze windows: which hold when, across summer time, the turn of the year and leap days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.freezes import FreezeWindow
from reconciler.release.freeze import frozen, frozen_for, next_freeze, thaws_at

BERLIN = "Europe/Berlin"
START = datetime(2026, 1, 1, tzinfo=UTC)
WEEKENDS = FreezeWindow("weekends", "Nobody is there", BERLIN, weekly=(("friday 16:00", "monday 07:00"),))
PEAK = FreezeWindow("peak", "Busy", BERLIN, ("production",), yearly=(("12-20", "01-02"),))


def local(text: str, zone: str = BERLIN, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def holds(window: FreezeWindow, moment: datetime, environment: str = "production") -> bool:
    return bool(frozen((window,), environment, moment))


@pytest.mark.parametrize(
    ("window", "moment", "expected"),
    [
        pytest.param(WEEKENDS, "2026-11-27T15:59", False, id="the minute before a weekend"),
        pytest.param(WEEKENDS, "2026-11-27T16:00", True, id="its first minute"),
        pytest.param(WEEKENDS, "2026-11-29T12:00", True, id="its middle, in another week"),
        pytest.param(WEEKENDS, "2026-11-30T06:59", True, id="its last minute"),
        pytest.param(WEEKENDS, "2026-11-30T07:00", False, id="its end is excluded"),
        pytest.param(PEAK, "2026-12-19T23:59", False, id="the day before"),
        pytest.param(PEAK, "2026-12-20T00:00", True, id="the first day"),
        pytest.param(PEAK, "2027-01-02T23:59", True, id="the last day is included, in the next year"),
        pytest.param(PEAK, "2027-01-03T00:00", False, id="the day after"),
        pytest.param(PEAK, "2026-01-01T12:00", True, id="one that began in the year before"),
    ],
)
def test_recurring_windows(window: FreezeWindow, moment: str, expected: bool) -> None:
    assert holds(window, local(moment)) is expected


def test_a_window_concerns_its_environments_alone() -> None:
    assert holds(PEAK, local("2026-12-24T12:00"))
    assert not holds(PEAK, local("2026-12-24T12:00"), "staging")
    assert holds(WEEKENDS, local("2026-11-28T12:00"), "staging")


@pytest.mark.parametrize(
    ("span", "moment", "expected"),
    [
        pytest.param(("02-29", "03-02"), "2027-03-01T12:00", True, id="a leap day to begin with, elsewhere"),
        pytest.param(("02-20", "02-29"), "2027-02-28T12:00", True, id="a leap day to end with, elsewhere"),
        pytest.param(("02-20", "02-29"), "2027-03-01T00:00", False, id="February ends"),
        pytest.param(("02-20", "02-29"), "2028-02-29T23:00", True, id="in a leap year"),
        pytest.param(("07-01", "07-01"), "2027-07-01T23:59", True, id="one day"),
    ],
)
def test_days_of_the_year(span: tuple[str, str], moment: str, expected: bool) -> None:
    assert holds(FreezeWindow("w", "r", BERLIN, yearly=(span,)), local(moment)) is expected


def test_a_holiday_lasts_from_midnight_to_midnight_of_its_zone() -> None:
    window = FreezeWindow("w", "r", "America/New_York", holidays=("2026-07-03",))
    assert not holds(window, datetime(2026, 7, 3, 3, 59, tzinfo=UTC))
    assert holds(window, datetime(2026, 7, 3, 4, 0, tzinfo=UTC))
    assert holds(window, datetime(2026, 7, 4, 3, 59, tzinfo=UTC))
    assert not holds(window, datetime(2026, 7, 4, 4, 0, tzinfo=UTC))


def test_a_freeze_is_not_shortened_by_clocks_that_are_put_back() -> None:
    # On 2026-10-25 at 03:00 clocks in Berlin go back to 02:00, so 02:30 is there twice.
    begins = FreezeWindow("w", "r", BERLIN, once=(("2026-10-25T02:30", "2026-10-25T12:00"),))
    assert holds(begins, local("2026-10-25T02:30", fold=0))
    ends = FreezeWindow("w", "r", BERLIN, once=(("2026-10-24T12:00", "2026-10-25T02:30"),))
    assert holds(ends, local("2026-10-25T02:29", fold=1))
    assert not holds(ends, local("2026-10-25T02:30", fold=1))


def test_a_freeze_is_not_shortened_by_clocks_that_are_put_forward() -> None:
    # On 2026-03-29 at 02:00 clocks in Berlin go forward to 03:00, so 02:30 is not there.
    ends = FreezeWindow("w", "r", BERLIN, once=(("2026-03-28T12:00", "2026-03-29T02:30"),))
    assert holds(ends, local("2026-03-29T03:29"))
    assert not holds(ends, local("2026-03-29T03:30"))


def test_windows_that_follow_each_other_thaw_together() -> None:
    holiday = FreezeWindow("monday", "r", BERLIN, holidays=("2026-11-30",))
    friday = local("2026-11-27T17:00")
    assert thaws_at((WEEKENDS,), "production", friday) == local("2026-11-30T07:00")
    assert thaws_at((WEEKENDS, holiday), "production", friday) == local("2026-12-01T00:00")
    assert thaws_at((WEEKENDS,), "production", local("2026-11-26T12:00")) == local("2026-11-26T12:00")


def test_a_freeze_without_an_end_in_sight_has_none() -> None:
    always = FreezeWindow("w", "r", "UTC", once=(("2026-01-01T00:00", "2099-01-01T00:00"),))
    assert thaws_at((always,), "production", datetime(2026, 5, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("since", "until", "minutes"),
    [
        (
            "2026-11-24T20:00",
            "2026-11-24T20:01",
            0,
        ),  # before everything: a freeze that comes takes nothing away
        ("2026-11-26T23:50", "2026-11-27T00:10", 10),
        ("2026-11-27T01:00", "2026-11-27T01:20", 20),
        ("2026-11-27T02:50", "2026-11-27T04:10", 80),  # two windows overlap, and count once
        ("2026-11-27T05:50", "2026-11-27T06:10", 10),
        ("2026-12-02T10:00", "2026-12-02T11:00", 0),
    ],
)
def test_how_much_of_a_time_was_frozen(since: str, until: str, minutes: int) -> None:
    windows = (
        FreezeWindow("first", "Because", BERLIN, once=(("2026-11-27T00:00", "2026-11-27T04:00"),)),
        FreezeWindow("second", "Because", BERLIN, once=(("2026-11-27T03:00", "2026-11-27T06:00"),)),
        FreezeWindow("weekends", "Because", BERLIN, weekly=(("saturday 16:00", "monday 07:00"),)),
        FreezeWindow("new-year", "Because", BERLIN, holidays=("2027-01-01",)),
        FreezeWindow(
            "elsewhere", "Because", BERLIN, ("dev",), once=(("2026-11-20T00:00", "2026-12-20T00:00"),)
        ),
    )
    assert frozen_for(windows, "production", local(since), local(until)) == timedelta(minutes=minutes)


def test_what_comes_next() -> None:
    found = next_freeze((WEEKENDS, PEAK), "production", local("2026-11-25T12:00"))
    assert found == (WEEKENDS, local("2026-11-27T16:00"))
    assert next_freeze((), "production", local("2026-11-25T12:00")) is None


@given(
    st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.sampled_from([WEEKENDS, PEAK]),
    st.sampled_from([BERLIN, "America/Sao_Paulo", "Pacific/Auckland", "UTC", "Asia/Kathmandu"]),
)
def test_a_thaw_is_the_first_moment_that_is_not_frozen(
    now: datetime, window: FreezeWindow, zone: str
) -> None:
    windows = (FreezeWindow(window.name, "r", zone, weekly=window.weekly, yearly=window.yearly),)
    thaw = thaws_at(windows, "production", now)
    assert thaw is not None
    assert not frozen(windows, "production", thaw)
    if thaw > now:
        assert frozen(windows, "production", now)
        assert frozen(windows, "production", thaw - timedelta(seconds=1))


def test_the_json_form_gives_the_same_window() -> None:
    window = FreezeWindow(
        "w", "r", BERLIN, ("dev",), (("a", "b"),), (("c", "d"),), (("e", "f"),), ("g",), "me"
    )
    assert FreezeWindow.from_json(window.to_json()) == window
