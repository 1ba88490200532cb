"""Registrations of nodes, from their signed records in the object store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from reconciler.bundle.node_record import NodeRecord
from reconciler.db.models import Node
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.enrolment import columns_of, is_newer, owned_record, record_of, take_over
from reconciler.store import layout
from reconciler.store.port import Missing

ROWS_AT_ONCE = 40
"""SQLite takes at most 999 variables in one statement on old builds."""


def bring_nodes(context: Context, say: Callable[[str], None]) -> str:
    """Write a row for each record whose node is not known, and what is newer in a record than in a row."""
    known, found, refused = _known(context), [], 0
    for number, key in enumerate(context.store.list(_prefix(context)), start=1):
        try:
            record = owned_record(context, key)
        except Missing:
            continue
        except Refused as refusal:
            refused += 1
            say(f"the record {key} is left out: {refusal}")
            continue
        here = known.get(record.id)
        if here is None or is_newer(record, here):
            found.append(record)
        if number % 1000 == 0:
            say(f"{number} records of nodes are read")
    new = [record for record in found if record.id not in known]
    now = context.now()
    for start in range(0, len(new), ROWS_AT_ONCE):
        rows = [columns_of(record, now=now) for record in new[start : start + ROWS_AT_ONCE]]
        with writing():
            Node.insert_many(rows).on_conflict_ignore().execute()
    for record in found:
        if record.id in known:
            take_over(record, now=now)
    left = f", {refused} records are not ours" if refused else ""
    return f"{len(new)} nodes are registered again, {len(found) - len(new)} brought up to date{left}"


def check_nodes_known(context: Context) -> None:
    """Return when the database knows every node that has a record of ours. Called before a branch is followed of which
    the database has never heard: deciding for a fleet without its nodes would let every gate pass.

    Raises `Stalled` E-BAK-110.
    """
    known, missing = _known(context), []
    for key in context.store.list(_prefix(context)):
        if key.rpartition("/")[2].removesuffix(".json") not in known:
            with suppress(Missing, Refused):
                missing.append(owned_record(context, key).id)
    if missing:
        raise Stalled(
            "E-BAK-110",
            f"the object store has records of {len(missing)} nodes that the database does not know, such as "
            f"{missing[0]}: it is new, or was lost. Nodes keep what they run meanwhile",
            cure="Run `sentinelctl restore` if there is a backup, then `sentinelctl rebuild`; docs/backup.md",
        )


def _prefix(context: Context) -> str:
    return f"{layout.project(context.organization.slug, context.project.slug)}nodes/"


def _known(context: Context) -> dict[str, NodeRecord]:
    with reading():
        query = Node.select().where(
            Node.organization == context.organization.slug, Node.project == context.project.slug
        )
        return {row.id: record_of(row) for row in query}
