"""Which freeze windows hold at a moment, until when, and what comes next. Recurrences are RFC 5545 rules (dateutil).

Times of a window are local. Where clocks are put back or forward a local time means two moments or none: a freeze then
begins at the earlier and ends at the later of the two that can be meant, so it is never shorter than it is written.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil import rrule

from reconciler.config.calendar import minutes_of_week
from reconciler.config.freezes import FreezeWindow

DAY = timedelta(days=1)
HORIZON = timedelta(days=400)
"""How far ahead an end is looked for: freezes that follow each other for longer have no end that is worth saying."""

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A window that holds. `until` is when this occurrence of it ends, aware, in UTC."""

    window: FreezeWindow
    until: datetime


def frozen(windows: Iterable[FreezeWindow], environment: str, now: datetime) -> tuple[Frozen, ...]:
    """The windows that hold in an environment at a moment, each with the latest end of what covers the moment."""
    found = []
    for window in windows:
        if not window.concerns(environment):
            continue
        ends = [end for start, end in occurrences(window, now, now) if start <= now < end]
        if ends:
            found.append(Frozen(window, max(ends)))
    return tuple(found)


def thaws_at(windows: Iterable[FreezeWindow], environment: str, now: datetime) -> datetime | None:
    """The first moment at or after `now` at which no window holds; None when there is none within 400 days."""
    windows = tuple(windows)
    moment = now
    while moment <= now + HORIZON:
        held = frozen(windows, environment, moment)
        if not held:
            return moment
        moment = max(one.until for one in held)
    return None


def frozen_for(
    windows: Iterable[FreezeWindow], environment: str, since: datetime, until: datetime
) -> timedelta:
    """How much of the time from `since` to `until` was frozen."""
    spans = sorted(
        (max(start, since), min(end, until))
        for window in windows
        if window.concerns(environment)
        for start, end in occurrences(window, since, until)
    )
    total, reached = timedelta(0), since
    for start, end in spans:
        # A window wholly before or after this time leaves a span that ends before it begins: it counts nothing.
        start = max(start, reached)
        if end > start:
            total += end - start
            reached = end
    return total


def next_freeze(
    windows: Iterable[FreezeWindow], environment: str, now: datetime
) -> tuple[FreezeWindow, datetime] | None:
    """The window that begins next after `now`, and when; None when none does within 400 days."""
    found = [
        (start, window.name, window)
        for window in windows
        if window.concerns(environment)
        for start, _ in occurrences(window, now, now + HORIZON)
        if start > now
    ]
    if not found:
        return None
    start, _, window = min(found, key=lambda one: one[:2])
    return window, start


def occurrences(
    window: FreezeWindow, after: datetime, before: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Beginnings and ends, in UTC, of whatever of a window may touch the time from `after` to `before`."""
    zone = ZoneInfo(window.zone)
    first = after.astimezone(zone).replace(tzinfo=None) - DAY
    last = before.astimezone(zone).replace(tzinfo=None) + DAY
    for start, end in _local(window, first, last):
        yield min(_meant(start, zone)), max(_meant(end, zone))


def _local(window: FreezeWindow, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    for begin, finish in window.once:
        yield datetime.fromisoformat(begin), datetime.fromisoformat(finish)
    for begin, finish in window.weekly:
        offset, end = timedelta(minutes=minutes_of_week(begin)), timedelta(minutes=minutes_of_week(finish))
        length = (end - offset) % _WEEK
        monday = datetime.combine(first.date() - timedelta(days=first.weekday()), time()) - _WEEK
        for start in rrule.rrule(rrule.WEEKLY, dtstart=monday + offset, until=last):
            yield start, start + length
    for begin, finish in window.yearly:
        month, day = (int(part) for part in begin.split("-"))
        for year in range(first.year - 1, last.year + 1):
            start = _day(year, month, day, otherwise=(3, 1))
            yield start, _day_after(start, finish)
    for holiday in window.holidays:
        start = datetime.combine(date.fromisoformat(holiday), time())
        yield start, start + DAY


def _day(year: int, month: int, day: int, *, otherwise: tuple[int, int]) -> datetime:
    """Midnight at the beginning of a day; of `otherwise` where the year has no 29th of February."""
    if (month, day) == (2, 29) and not isleap(year):
        month, day = otherwise
    return datetime.combine(date(year, month, day), time())


def _day_after(start: datetime, finish: str) -> datetime:
    """Midnight after the last day of a yearly freeze, in the year of its start or the next."""
    month, day = (int(part) for part in finish.split("-"))
    last = _day(start.year, month, day, otherwise=(2, 28))
    if last < start:
        last = _day(start.year + 1, month, day, otherwise=(2, 28))
    return last + DAY


def _meant(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments that a local time can mean: the same one twice, except where clocks are changed."""
    return (
        local.replace(tzinfo=zone, fold=0).astimezone(UTC),
        local.replace(tzinfo=zone, fold=1).astimezone(UTC),
    )
