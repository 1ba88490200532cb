"""Alarms of the log as what needs attention: who saw another log than ours, and both checkpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.db.logged import LogAlarm
from web.pages.attention import Notice


def notices(rows: Iterable[LogAlarm]) -> Iterator[Notice]:
    """One notice for each alarm."""
    for row in rows:
        yield Notice(
            "stop",
            "refused",
            f"The log was rewritten: {row.source} {row.name} saw another one",
            f"{row.reason}. Seen: {row.seen}. Ours: {row.ours}. Acknowledge it with: "
            f'sentinelctl log acknowledge {row.id} --because "…"',
            "",
            row.raised_at,
            f"nodes/{row.subject}" if row.source == "node" else "events",
        )
