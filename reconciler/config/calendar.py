"""Types of dates and times of day, all local to a zone that stands beside them. Form: ISO 8601, to the minute."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.suggest import nearest
from reconciler.config.values import Json, Pattern, wrong_type
from reconciler.config.zones import ZONES

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CITIES = {zone.rpartition("/")[2].lower(): zone for zone in sorted(ZONES, reverse=True)}


@dataclass(frozen=True, slots=True)
class Zone:
    """The IANA name of a time zone."""

    name: str = "time zone"
    expected: str = "the IANA name of a time zone, such as 'Europe/Berlin' or 'UTC'"

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return wrong_type(value, self.expected)
        if value in ZONES:
            return value
        city = _CITIES.get(value.rpartition("/")[2].lower().replace(" ", "_"))
        near = city or nearest(value, ZONES)
        hint = f"did you mean '{near}'?" if near else "an offset is no zone: it does not know summer time"
        return Problem("E-VAL-002", f"{shown(value)} is no time zone", self.expected, hint)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": 40}


def _check_date(text: str) -> Problem | None:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return Problem(
            "E-VAL-003", f"{shown(text)} is not in the calendar", "a day that exists", "correct the day"
        )
    return None


def _check_moment(text: str) -> Problem | None:
    return _check_date(text[:10])


def _check_yearly(text: str) -> Problem | None:
    # 2000 had a 29th of February, so every day that can recur is in it.
    return _check_date(f"2000-{text}")


_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DATE = "20[0-9]{2}-[0-9]{2}-[0-9]{2}"

DATE = Pattern(
    name="date",
    pattern=_DATE,
    expected="a date such as '2026-12-25'",
    hint="write year-month-day",
    maximum=10,
    check=_check_date,
)
MOMENT = Pattern(
    name="local time",
    pattern=f"{_DATE}T{_CLOCK}",
    expected="a local time such as '2026-11-27T08:00'",
    hint="write year-month-day, T, hours:minutes, without an offset: the zone stands beside it",
    maximum=16,
    check=_check_moment,
)
YEARLY = Pattern(
    name="day of the year",
    pattern="[0-9]{2}-[0-9]{2}",
    expected="month and day, such as '12-24'",
    hint="write month-day",
    maximum=5,
    check=_check_yearly,
)
WEEKLY = Pattern(
    name="time of the week",
    pattern=f"(?:{'|'.join(WEEKDAYS)}) {_CLOCK}",
    expected="a weekday and a time, such as 'friday 16:00'",
    hint="write the weekday in full and in lower case, a space, hours:minutes",
    maximum=15,
)


def minutes_of_week(text: str) -> int:
    """Minutes from monday 00:00 to a time of the week. Raises ValueError when the text is not one."""
    match = re.fullmatch(r"([a-z]+) ([0-9]{2}):([0-9]{2})", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of the week")
    return (WEEKDAYS.index(match[1]) * 24 + int(match[2])) * 60 + int(match[3])
