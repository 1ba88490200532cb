"""Moments and digests as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.clock import parse_iso


def moment(value: object) -> datetime | None:
    """An aware datetime as it is, RFC 3339 text read, anything else None: views come from stored JSON."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return parse_iso(value)
        except ValueError:
            return None
    return None


def absolute(value: datetime, *, now: datetime) -> str:
    """Such as `23 Nov 20:31:04`, in UTC; with the year where it is another one."""
    there = value.astimezone(UTC)
    day = f"{there.day} {there:%b}"
    return f"{day} {there:%H:%M:%S}" if there.year == now.year else f"{day} {there.year} {there:%H:%M}"


def relative(value: datetime, *, now: datetime) -> str:
    """Such as `4 min ago` or `in 2 h`. The script of the pages counts the same way."""
    seconds = int((now - value).total_seconds())
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 2:
        return "now"
    return f"in {span(seconds)}" if ahead else f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """A length of time in one unit: `48 s`, `12 min`, `5 h`, `3 d`."""
    whole = int(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * 60:
        return f"{whole // 60} min"
    if whole < 36 * 3600:
        return f"{whole // 3600} h"
    return f"{whole // 86400} d"


def short_digest(digest: str) -> str:
    """The first twelve hex characters of a digest, without its `sha256:`."""
    return digest.removeprefix("sha256:")[:12]


def short_sha(sha: str) -> str:
    """The first eight characters of a commit id."""
    return sha[:8]


def size(count: int) -> str:
    """Bytes in one unit, such as `3.4 kB`."""
    if count < 1000:
        return f"{count} B"
    value, units = count / 1000, iter(("kB", "MB", "GB"))
    unit = next(units)
    while value >= 1000 and unit != "GB":
        value, unit = value / 1000, next(units)
    return f"{value:.1f} {unit}"
