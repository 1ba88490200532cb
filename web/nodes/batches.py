"""What nodes tell beside their heartbeats, in batches: each is checked whole, written once, and only then answered.

Whose it is follows from the credential. A batch that was taken in is named by the node; the same one again, also at
another worker, adds nothing. What a node may tell in an hour is bounded, so that none fills the database.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError, fn

from reconciler.db.enrolled import Reporting, locked
from reconciler.db.reported import NodeBatch
from reconciler.db.session import reading, writing
from web.nodes.admitting import admit
from web.nodes.body import (
    JSON_DEPTH,
    OBJECTS,
    Receive,
    Scope,
    Send,
    matching,
    only,
    parse_object,
    read_body,
)
from web.nodes.problems import malformed, not_ready, too_much, unauthenticated
from web.nodes.replies import send_json
from web.nodes.service import Service

BATCH = re.compile(r"[0-9A-Za-z_-]{8,63}")
HOUR = timedelta(hours=1)
MOST_WAITING = 256
"""Batches that may wait for the database in one process; what comes then is told to come later."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of batch. `field` holds its items in the body, at most `most`; `hourly` of them are taken from one node.

    `read` checks the field and gives the items; `write` keeps them, inside the transaction that makes them count.
    """

    name: str
    field: str
    most: int
    hourly: int
    limit: int
    """Bytes of a body."""
    read: Callable[[Any], list[Any]]
    write: Callable[[Reporting, list[Any], datetime], None]
    objects: int = OBJECTS
    depth: int = JSON_DEPTH


async def serve_batch(
    service: Service, kind: Kind, node_id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """200 with how many items were taken once they are in the database."""
    node = await admit(service, node_id, scope)
    body = await read_body(scope, receive, kind.limit)
    document = parse_object(body, objects=kind.objects, depth=kind.depth)
    only(document, frozenset({"batch", kind.field}))
    name = matching(document, "batch", BATCH, "8 to 63 letters, digits, '-' or '_'")
    items = kind.read(document.get(kind.field))
    if service.waiting >= MOST_WAITING:
        raise not_ready("More batches wait for the database than may; send it again later")
    loop = asyncio.get_running_loop()
    service.waiting += 1
    try:
        taken = await loop.run_in_executor(
            service.writer, lambda: take(kind, node.id, name, items, now=service.now())
        )
    finally:
        service.waiting -= 1
    await send_json(send, 200, {"taken": len(items) if taken else 0, "known": not taken})


def take(kind: Kind, node_id: str, name: str, items: list[Any], *, now: datetime) -> bool:
    """Write a batch; False when it was there already. Raises `Problem` 429 when the node told too much lately."""
    try:
        with writing():
            if _known(kind, node_id, name):
                return False
            nodes = locked([node_id])
            if not nodes:
                raise unauthenticated()
            lately = (
                NodeBatch.select(fn.SUM(NodeBatch.items))
                .where(NodeBatch.node == node_id, NodeBatch.kind == kind.name, NodeBatch.at > now - HOUR)
                .scalar()
            )
            if (lately or 0) + len(items) > kind.hourly:
                raise too_much(kind.hourly)
            NodeBatch.create(node=node_id, kind=kind.name, batch=name, items=max(1, len(items)), at=now)
            kind.write(nodes[0], items, now)
    except IntegrityError:
        if not _known(kind, node_id, name):
            raise
        # Another worker wrote the same batch in the same moment.
        return False
    return True


def _known(kind: Kind, node_id: str, name: str) -> bool:
    with reading():
        same = (NodeBatch.node == node_id) & (NodeBatch.kind == kind.name) & (NodeBatch.batch == name)
        return bool(NodeBatch.select().where(same).exists())


def list_of(value: Any, field: str, most: int, allowed: frozenset[str]) -> list[Mapping[str, Any]]:
    """A list of objects with no other fields than these. Raises `Problem` 400."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise malformed(f"'{field}' must be a list of 1 to {most} objects")
    for item in value:
        if not isinstance(item, dict):
            raise malformed(f"'{field}' must be a list of 1 to {most} objects")
        only(item, allowed, f"{field}.")
    return value


def choice(document: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    """One of a few words. Raises `Problem` 400."""
    value = document.get(name)
    if not isinstance(value, str) or value not in words:
        raise malformed(f"'{name}' must be one of {', '.join(words)}")
    return value
