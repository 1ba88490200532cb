"""When release trains leave. Times are local to the schedule's zone, like those of freeze windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from reconciler.config.trains import FIRST, Train, recurrence

HORIZON = timedelta(days=800)
"""How far a departure is looked for, back and ahead: a rule that leaves more rarely is no schedule of releases."""


def left_at(train: Train, now: datetime) -> datetime | None:
    """The last departure at or before `now`, in UTC; None when there was none within 800 days."""
    found = [moment for moment in _departures(train, now - HORIZON, now) if moment <= now]
    return found[-1] if found else None


def leaves_at(train: Train, now: datetime) -> datetime | None:
    """The first departure after `now`, in UTC; None when there is none within 800 days."""
    return next((moment for moment in _departures(train, now, now + HORIZON) if moment > now), None)


def _departures(train: Train, after: datetime, before: datetime) -> tuple[datetime, ...]:
    zone = ZoneInfo(train.zone)
    day = timedelta(days=1)
    return _between(train, (after.astimezone(zone) - day).date(), (before.astimezone(zone) + day).date())


@lru_cache(maxsize=64)
def _between(train: Train, first_day: date, last_day: date) -> tuple[datetime, ...]:
    """The departures from one day to another. A rule is read from its very beginning, and asked at every look at an
    environment: what it says of the same days is the same."""
    zone = ZoneInfo(train.zone)
    first = max(datetime.combine(first_day, time.min), FIRST)
    last = datetime.combine(last_day, time.max)
    rule = recurrence(train.rule).replace(until=last)
    # A local time that clocks skip or repeat leaves at the first moment that it can mean.
    moments = sorted(
        min(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        for local in rule.between(first, last, inc=True)
    )
    return tuple(moments)
