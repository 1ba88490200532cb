"""Registrations of nodes, from their signed records in the object store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler.bundle.node_record import LIMIT, NodeRecord, open_record
from reconciler.db.models import Node
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.enrolment import record_of
from reconciler.flows.roots import trusted_roots
from reconciler.store import layout
from reconciler.store.port import Missing

ROWS_AT_ONCE = 40
"""SQLite takes at most 999 variables in one statement on old builds."""


def bring_nodes(context: Context, say: Callable[[str], None]) -> str:
    """Write a row for each record whose node is not known, and what is newer in a record than in a row."""
    known, found, refused = _known(context), [], 0
    for number, key in enumerate(context.store.list(_prefix(context)), start=1):
        try:
            record = _open(context, key)
        except Missing:
            continue
        except Refused as refusal:
            refused += 1
            say(f"the record {key} is left out: {refusal}")
            continue
        here = known.get(record.id)
        if here is None or (
            here.changed < record.changed and replace(here, changed=record.changed) != record
        ):
            found.append(record)
        if number % 1000 == 0:
            say(f"{number} records of nodes are read")
    new = [record for record in found if record.id not in known]
    now = context.now()
    for start in range(0, len(new), ROWS_AT_ONCE):
        rows = [_row(record, now) for record in new[start : start + ROWS_AT_ONCE]]
        with writing():
            Node.insert_many(rows).on_conflict_ignore().execute()
    for record in found:
        if record.id in known:
            with writing():
                Node.update(_row(record, now)).where(
                    Node.id == record.id, Node.changed_at < record.changed
                ).execute()
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
                missing.append(_open(context, key).id)
    if missing:
        raise Stalled(
            "E-BAK-110",
            f"the object store has records of {len(missing)} nodes that the database does not know, such as "
            f"{missing[0]}: it is new, or was lost. Nodes keep what they run meanwhile",
            cure="Run `sentinelctl restore` if there is a backup, then `sentinelctl rebuild`; docs/backup.md",
        )


def _open(context: Context, key: str) -> NodeRecord:
    """Raises `Missing`, and `Refused` when it is not ours or is another node's."""
    record = open_record(context.store.get(key, limit=LIMIT), trusted_roots(context))
    owner = (record.organization, record.project)
    if owner != (context.organization.slug, context.project.slug) or key != layout.node(*owner, record.id):
        raise Refused("E-VER-014", f"it is the record of {record.id} in {'/'.join(owner)}")
    return record


def _prefix(context: Context) -> str:
    return f"{layout.project(context.organization.slug, context.project.slug)}nodes/"


def _known(context: Context) -> dict[str, NodeRecord]:
    with reading():
        query = Node.select().where(
            Node.organization == context.organization.slug, Node.project == context.project.slug
        )
        return {row.id: record_of(row) for row in query}


def _row(record: NodeRecord, now: datetime) -> dict[str, Any]:
    """`reported_at` is now: each has the time that any node has until it counts as silent. One that was silent before a
    step of a rollout began would not be waited for."""
    return {
        "id": record.id,
        "organization": record.organization,
        "project": record.project,
        "environment": record.environment,
        "name": record.name,
        "labels": dict(record.labels),
        "fixed_labels": dict(record.fixed_labels),
        "key_sha256": record.key_sha256,
        "signing_key": record.signing_key,
        "sealing_key": record.sealing_key,
        "registered_at": record.registered,
        "changed_at": now,
        "retired_at": record.retired,
        "tokens_after": record.tokens_after,
        "reported_at": now,
    }
