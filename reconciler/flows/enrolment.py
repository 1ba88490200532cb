"""Writes the signed record of each registered node into the object store, so that no node has to register again when
the database is lost.

A record is written when something of it changed (`Node.recorded_at` is null then), and again when the commit keys
changed. Writing it twice is harmless; who dies in between writes it again.

A database that was restored may be older than the records: a node was retired since then, or has another key. What a
database never recorded itself therefore gives way to a newer record, and is not written over it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.bundle.dsse import keyid
from reconciler.bundle.node_record import LIMIT, ROLE, NodeRecord, open_record, sign_record
from reconciler.db.models import Node
from reconciler.db.session import reading, writing
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.roots import signers, trusted_roots
from reconciler.store import layout
from reconciler.store.port import Missing

AT_ONCE = 200
"""Nodes of one run: rollouts of the same queue have their turn in between."""


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Write what is missing. Raises `Stalled` when this process does not hold the commit key."""
    root = trusted_roots(context).newest
    keys = signers(context, ROLE, root)
    names = [keyid(bytes(key.verify_key)) for key in keys]
    with reading():
        rows = list(_owed(context, names).order_by(Node.id).limit(AT_ONCE))
    for row in rows:
        record = record_of(row)
        place = layout.node(context.organization.slug, context.project.slug, record.id)
        newer = None if row.recorded_by else _newer(context, place, record)
        if newer is None:
            context.store.replace(place, sign_record(record, keys))
            _mark(row, names[0], context)
        else:
            take_over(newer, now=context.now())
        renew()
    if len(rows) == AT_ONCE:
        return Outcome("changed", f"{len(rows)} nodes recorded, and more to do", context.now())
    again = context.now() + timedelta(seconds=1) if _left(context, names) else None
    if rows:
        return Outcome("changed", f"{len(rows)} nodes recorded", again)
    return Outcome("unchanged", "every node is recorded", again)


def record_of(row: Node) -> NodeRecord:
    """What a row says of who the node is."""
    return NodeRecord(
        id=row.id,
        organization=row.organization,
        project=row.project,
        environment=row.environment,
        name=row.name,
        labels=row.labels,
        fixed_labels=row.fixed_labels,
        key_sha256=row.key_sha256,
        signing_key=row.signing_key,
        sealing_key=row.sealing_key,
        registered=row.registered_at,
        changed=row.changed_at,
        retired=row.retired_at,
        tokens_after=row.tokens_after,
    )


def owned_record(context: Context, place: str) -> NodeRecord:
    """The record at this place of the object store. Raises `Missing`, and `Refused` when it is not ours or is another
    node's."""
    record = open_record(context.store.get(place, limit=LIMIT), trusted_roots(context))
    owner = (record.organization, record.project)
    if owner != (context.organization.slug, context.project.slug) or place != layout.node(*owner, record.id):
        raise Refused("E-VER-014", f"it is the record of {record.id} in {'/'.join(owner)}")
    return record


def is_newer(record: NodeRecord, here: NodeRecord) -> bool:
    """Whether a record says something else than the row, and says it later."""
    return here.changed < record.changed and replace(here, changed=record.changed) != record


def take_over(record: NodeRecord, *, now: datetime) -> None:
    """Let the node's row say what a newer record does."""
    with writing():
        Node.update(columns_of(record, now=now)).where(
            Node.id == record.id, Node.changed_at < record.changed
        ).execute()


def columns_of(record: NodeRecord, *, now: datetime) -> dict[str, Any]:
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


def _newer(context: Context, place: str, here: NodeRecord) -> NodeRecord | None:
    """The record that lies there, when it is ours and newer than the row."""
    try:
        record = owned_record(context, place)
    except (Missing, Refused):
        return None
    return record if is_newer(record, here) else None


def _owed(context: Context, names: list[str]) -> Any:
    return Node.select().where(
        Node.organization == context.organization.slug,
        Node.project == context.project.slug,
        Node.recorded_at.is_null() | Node.recorded_by.not_in(names),
    )


def _left(context: Context, names: list[str]) -> bool:
    with reading():
        return bool(_owed(context, names).exists())


def _mark(row: Node, name: str, context: Context) -> None:
    """Note that it is recorded. Where it has changed since it was read it is owed again: another run may have recorded
    the change already, and what was written just now is older."""
    same = []
    for column in ("key_sha256", "labels", "retired_at", "tokens_after"):
        field, value = getattr(Node, column), getattr(row, column)
        same.append(field.is_null() if value is None else field == value)
    with writing():
        done = Node.update(recorded_at=context.now(), recorded_by=name).where(Node.id == row.id, *same)
        if not done.execute():
            Node.update(recorded_at=None).where(Node.id == row.id).execute()
