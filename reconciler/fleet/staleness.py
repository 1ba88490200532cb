"""Whether a node is there, judged from the moment of its last report."""

from __future__ import annotations

from datetime import datetime, timedelta

STATES = ("online", "late", "silent", "unknown")
"""From best to worst known; `unknown` is a node that has never reported."""


def presence(reported_at: datetime | None, *, now: datetime, stale_after_seconds: int) -> str:
    """`online`, `late` (half of `stale_after_seconds` without a report), `silent` (all of it) or `unknown` (never)."""
    if reported_at is None:
        return "unknown"
    quiet = now - reported_at
    if quiet > timedelta(seconds=stale_after_seconds):
        return "silent"
    return "late" if quiet * 2 > timedelta(seconds=stale_after_seconds) else "online"


def is_fresh(reported_at: datetime | None, *, now: datetime, stale_after_seconds: int) -> bool:
    """Whether what the node said last still counts. A node that never reported is not fresh."""
    return presence(reported_at, now=now, stale_after_seconds=stale_after_seconds) in ("online", "late")
