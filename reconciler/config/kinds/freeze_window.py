"""The kind `freeze-window`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.calendar import DATE, MOMENT, WEEKLY, YEARLY, Zone, minutes_of_week
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, kind, scalar, values
from reconciler.config.values import Integer, Reference, Text

TIMES = ("once", "weekly", "yearly", "holidays")


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    if not any(name in data for name in TIMES):
        problem = Problem(
            "E-KND-003",
            "the freeze window says no time at all",
            "once, weekly, yearly or holidays",
            'add: once "2026-11-27T00:00" "2026-11-30T06:00"',
        )
        found.append(Complaint((), problem))
    for item in data.get("once", ()):
        if {"from", "until"} <= item.keys() and item["until"] <= item["from"]:
            problem = Problem(
                "E-VAL-009",
                f"the freeze ends at {item['until']}, not after its beginning",
                f"a time after {item['from']}",
                "swap the two, or correct one",
            )
            found.append(Complaint(("once",), problem, item["until"]))
    for item in data.get("weekly", ()):
        if item.get("from") == item.get("until") and "from" in item:
            problem = Problem(
                "E-VAL-009",
                f"the freeze begins and ends at {item['from']}",
                "two different times of the week",
                "nothing could ever be released: correct one of the two",
            )
            found.append(Complaint(("weekly",), problem, item["until"]))
    for one, other in _overlapping(data.get("weekly", ())):
        problem = Problem(
            "E-VAL-009",
            f"two weekly freezes overlap: this one and the one from {other['from']}",
            "freezes that do not overlap",
            "merge the two",
        )
        found.append(Complaint(("weekly",), problem, one["from"]))
    return tuple(found)


WEEK = 7 * 24 * 60


def _overlapping(items: Any) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Pairs of weekly freezes of which the first begins inside the second."""
    begins = sorted(
        (
            (minutes_of_week(item["from"]), minutes_of_week(item["until"]), item)
            for item in items
            if {"from", "until"} <= item.keys()
        ),
        key=lambda one: one[:2],
    )
    found: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    reached = -1
    last: Mapping[str, Any] = {}
    # Two weeks, for a freeze that goes over the end of one reaches into the next.
    for week in (0, WEEK):
        for start, end, item in begins:
            if week and last is not item and week + start < reached:
                found.append((item, last))
            until = week + start + (end - start) % WEEK
            if until > reached:
                reached, last = until, item
    return found


def _span(name: str, type: Any, doc: str, example: str) -> Field:
    return Field(
        name,
        doc,
        example,
        arguments=(Slot("from", type, "the first of it"), Slot("until", type, "the end of it")),
        repeatable=True,
    )


KIND = kind(
    "freeze-window",
    "A time in which no release is opened in some environments, and no step of one that is open is begun. A step whose "
    "nodes are moved already may end, and going back is always possible. What is frozen is known from the newest valid "
    "trunk, not from the release that waits. `sentinelctl calendar explain --at TIME` says what holds when.",
    (
        scalar(
            "reason",
            Text(300),
            "Why, as people are told.",
            'reason "Peak trading: no changes"',
            required=True,
        ),
        scalar(
            "zone",
            Zone(),
            "The time zone of every date and time here; summer time follows it.",
            'zone "Europe/Berlin"',
            required=True,
        ),
        values(
            "environments",
            Reference("environment"),
            "The environments that are frozen; all of them when absent.",
            'environments "production"',
        ),
        _span(
            "once",
            MOMENT,
            "From one local time to another, the end excluded.",
            'once "2026-11-27T00:00" "2026-11-30T06:00"',
        ),
        _span(
            "weekly",
            WEEKLY,
            "Every week from one time to another, over the end of the week too; the end is excluded.",
            'weekly "friday 16:00" "monday 08:00"',
        ),
        _span(
            "yearly",
            YEARLY,
            "Every year from one day to another, both included, over the end of the year too.",
            'yearly "12-20" "01-02"',
        ),
        values(
            "holidays",
            DATE,
            "Single days, from midnight to midnight.",
            'holidays "2026-05-01" "2026-10-03"',
        ),
        Field(
            "hotfix",
            "Lets a release through that is labelled as a hotfix (`promote --hotfix INC-123`), with so many approvals "
            "more than the environment asks for, each given to that label.",
            "hotfix approvals=1",
            properties=(Slot("approvals", Integer(1, 20), "how many more"),),
        ),
        scalar("owner", Text(200), "Whom to ask.", 'owner "release@example.com"'),
    ),
    example='freeze-window "peak-trading" {\n    reason "Peak trading"\n    zone "Europe/Berlin"\n'
    '    environments "production"\n    once "2026-11-27T00:00" "2026-11-30T06:00"\n'
    '    weekly "friday 16:00" "monday 08:00"\n    holidays "2026-12-24" "2026-12-31"\n}',
    overridable=False,
    check=_check,
)
