"""The one place that reads the clock. Pure code gets `now` as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC, cut to milliseconds, which is what the database keeps."""
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with seconds, such as `2026-11-23T20:00:00Z`: the form in files, commits and JSON."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_milliseconds(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, such as `2026-11-23T20:00:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """Read RFC 3339 with an offset; raises ValueError when there is none or the text is something else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no UTC offset")
    return moment.astimezone(UTC)
