"""When release trains leave: a recurrence rule of RFC 5545 (dateutil reads it), local to a time zone."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dateutil import rrule

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.values import Json, wrong_type

FIRST = datetime(2024, 1, 1)  # noqa: DTZ001 - local to the schedule's zone
"""A monday from which recurrences are counted, so that `INTERVAL=2` means the same weeks for everybody."""

FORM = re.compile(r"[A-Z0-9=;,+-]{1,200}")
PARTS = frozenset(
    {"FREQ", "INTERVAL", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYHOUR", "BYMINUTE", "BYSETPOS", "WKST"}
)
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY")
EXPECTED = "a recurrence rule such as 'FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=10;BYMINUTE=0'"


@dataclass(frozen=True, slots=True)
class Train:
    """What `schedule` says. `rule` is a recurrence rule, `zone` an IANA name."""

    rule: str
    zone: str

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A recurrence rule that names the minute: days, weeks or months, and no end."""

    name: str = "recurrence rule"
    expected: str = EXPECTED

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return wrong_type(value, f"{self.expected}, a string")
        message, hint = _mistake(value)
        return Problem("E-VAL-004", message, self.expected, hint) if message else value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{FORM.pattern}$", "maxLength": 200}


def recurrence(rule: str) -> rrule.rrule:
    """The rule as dateutil reads it. Raises ValueError for one that it does not read."""
    found = rrule.rrulestr(rule, dtstart=FIRST)
    if not isinstance(found, rrule.rrule):
        raise ValueError("more than one rule")
    return found


def _mistake(text: str) -> tuple[str, str]:
    """What is wrong with a rule, and what to do about it; two empty strings when nothing is."""
    if FORM.fullmatch(text) is None:
        return f"{shown(text)} is no recurrence rule", "write NAME=VALUE parts in capitals with ';' between"
    parts = [part.partition("=")[0] for part in text.split(";")]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        return f"{shown(unknown[0])} is no part that counts here", f"parts: {', '.join(sorted(PARTS))}"
    frequency = next((part for part in text.split(";") if part.startswith("FREQ=")), "")
    if frequency.removeprefix("FREQ=") not in FREQUENCIES:
        return "the rule does not say how often", f"begin with FREQ= and one of {', '.join(FREQUENCIES)}"
    if "BYHOUR" not in parts or "BYMINUTE" not in parts:
        return "the rule does not name the time of day", "add BYHOUR=10;BYMINUTE=0"
    try:
        rule = recurrence(text).replace(until=FIRST.replace(year=FIRST.year + 5))
        leaves = next(iter(rule), None) is not None
    except ValueError:
        return f"{shown(text)} is no recurrence rule", "RFC 5545 says what the parts may hold"
    if not leaves:
        return "no train would leave within five years", "correct the days, or the months"
    return "", ""
