"""Keeps one report that the database can never take from holding up those of all other nodes.

Every field was checked when the report came, so such a report is a mistake of ours; it is set aside and said, and its
node reports again within one interval. A database that is away is something else: then everything waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from peewee import InterfaceError

from reconciler.db.models import Node
from reconciler.db.session import reading
from reconciler.errors import Transient
from web.nodes.reports import Report

Write = Callable[[Mapping[str, Report], datetime], None]


def write_apart(write: Write, batch: Mapping[str, Report], now: datetime) -> dict[str, str]:
    """Have a batch written; those that cannot be, with the reason of each, after all others were.

    Halves are tried until the bad one is alone, so one among a thousand costs twenty transactions. Raises whatever
    `write` raises while the database does not answer: then nothing of that half was written, and nothing is lost.
    """
    try:
        write(batch, now)
    except Exception as error:  # What the driver says of a value that it does not take has no common type.
        if _is_away(error):
            raise
        if len(batch) == 1:
            return {node: f"{type(error).__name__}: {error}"[:300] for node in batch}
        nodes = sorted(batch)
        halves = (nodes[: len(nodes) // 2], nodes[len(nodes) // 2 :])
        aside: dict[str, str] = {}
        for half in halves:
            aside |= write_apart(write, {node: batch[node] for node in half}, now)
        return aside
    return {}


def _is_away(error: Exception) -> bool:
    """Whether the database would not take anything now."""
    if isinstance(error, Transient) and not isinstance(error.__cause__, InterfaceError):
        return True
    try:
        with reading():
            Node.select(Node.id).limit(1).tuples().execute()
    except Transient:
        return True
    return False
