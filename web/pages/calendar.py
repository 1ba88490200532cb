"""The freeze windows of a project on a line of days: what is frozen now, when, and by which window. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.config.freezes import FreezeWindow
from reconciler.db.models import Environment
from reconciler.release.freeze import frozen, next_freeze, occurrences, thaws_at

WEEKS = 6
DAY = timedelta(days=1)
AHEAD = timedelta(days=90)
"""How far ahead beginnings are listed."""

MOST = 60
"""Rows of that list: a window of every night would fill it alone."""


@dataclass(frozen=True, slots=True)
class Line:
    """One environment. `spans` are pairs of a beginning and a length in thousandths of the weeks that are drawn;
    `windows` are the names of those that hold now, `until` when the last of what follows on them ends, None for never
    within a year. `following` is the window that begins next, and when."""

    environment: str
    spans: tuple[tuple[int, int], ...]
    windows: tuple[tuple[str, str], ...]
    until: datetime | None
    following: tuple[str, datetime] | None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time of a window, in UTC."""

    begins: datetime
    ends: datetime
    window: FreezeWindow


@dataclass(frozen=True, slots=True)
class Calendar:
    """Six weeks from `monday`, a line for each environment; `now` is where we stand in them, in thousandths.

    `ahead` are the times that begin or last within ninety days, `all_windows` the windows as they are written.
    """

    monday: datetime
    weeks: tuple[datetime, ...]
    now: int
    lines: tuple[Line, ...]
    ahead: tuple[Occurrence, ...]
    more: bool
    all_windows: tuple[FreezeWindow, ...]


def calendar(environments: Sequence[Environment], *, now: datetime) -> Calendar:
    """The calendar of environments in promotion order."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - today.weekday() * DAY
    end = monday + WEEKS * 7 * DAY
    known: dict[str, FreezeWindow] = {}
    lines = []
    for row in environments:
        windows = windows_of(row)
        known.update({window.name: window for window in windows})
        lines.append(_line(row.name, windows, monday, end, now))
    ahead = sorted(
        (
            Occurrence(begins, ends, window)
            for window in known.values()
            for begins, ends in occurrences(window, now, now + AHEAD)
            if ends > now and begins < now + AHEAD
        ),
        key=lambda one: (one.begins, one.window.name),
    )
    return Calendar(
        monday=monday,
        weeks=tuple(monday + number * 7 * DAY for number in range(WEEKS)),
        now=_place(now, monday, end),
        lines=tuple(lines),
        ahead=tuple(ahead[:MOST]),
        more=len(ahead) > MOST,
        all_windows=tuple(known[name] for name in sorted(known)),
    )


def windows_of(row: Environment) -> tuple[FreezeWindow, ...]:
    """The windows that concern an environment, as its policy has them."""
    policy: dict[str, Any] = (row.view or {}).get("policy") or {}
    windows = (FreezeWindow.from_json(one) for one in policy.get("freezes") or ())
    return tuple(window for window in windows if window.concerns(row.name))


def _line(
    name: str, windows: tuple[FreezeWindow, ...], monday: datetime, end: datetime, now: datetime
) -> Line:
    held = frozen(windows, name, now)
    after = next_freeze(windows, name, now)
    drawn = (
        (begins, ends)
        for window in windows
        for begins, ends in occurrences(window, monday, end)
        if ends > monday and begins < end
    )
    return Line(
        environment=name,
        spans=tuple(_merged((_place(a, monday, end), _place(b, monday, end)) for a, b in drawn)),
        windows=tuple((one.window.name, one.window.reason) for one in held),
        until=thaws_at(windows, name, now) if held else None,
        following=None if after is None else (after[0].name, after[1]),
    )


def _place(moment: datetime, start: datetime, end: datetime) -> int:
    """Where a moment stands between two others, in thousandths."""
    return max(0, min(1000, round(1000 * ((moment - start) / (end - start)))))


def _merged(spans: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """(beginning, length) of what spans cover together; what is too short to be seen is made one wide."""
    begun: list[int] | None = None
    for start, stop in sorted((a, max(b, a + 1)) for a, b in spans):
        if begun is not None and start <= begun[1]:
            begun[1] = max(begun[1], stop)
            continue
        if begun is not None:
            yield begun[0], begun[1] - begun[0]
        begun = [start, stop]
    if begun is not None:
        yield begun[0], begun[1] - begun[0]
