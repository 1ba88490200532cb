"""Writes the signed record of each registered node into the object store, so that no node has to register again when
the database is lost.

A record is written when something of it changed (`Node.recorded_at` is null then), and again when the commit keys
changed. Writing it twice is harmless; who dies in between writes it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from reconciler.bundle.dsse import keyid
from reconciler.bundle.node_record import ROLE, NodeRecord, sign_record
from reconciler.db.models import Node
from reconciler.db.session import reading, writing
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.roots import signers, trusted_roots
from reconciler.store import layout

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
        context.store.replace(place, sign_record(record, keys))
        _mark(row, names[0], context)
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
