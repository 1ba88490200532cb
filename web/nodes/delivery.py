"""The sealed secrets of a bundle, for one node: values as they were sealed, data keys wrapped for this node.

Nothing here can open anything. Names, versions and digests are those that the bundle's manifest lists for the node's
own environment; a bundle that never was its environment's is answered like one that does not exist.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import parse_qs

from reconciler.bundle.sealed import written
from reconciler.db.models import Bundle, Node, Pointer, Rollout
from reconciler.db.node_keys import WrappedKey
from reconciler.db.session import reading
from reconciler.errors import Refused
from reconciler.pinned import Pinned
from web.nodes.admitting import admit
from web.nodes.body import Scope, Send
from web.nodes.directory import NodeEntry
from web.nodes.problems import keys_on_their_way, no_bundle, no_sealing_key, not_ready, secret_replaced
from web.nodes.replies import send_json
from web.nodes.reports import DIGEST
from web.nodes.service import Service

LONGEST_QUERY = 200

log = logging.getLogger("sentinel.nodes")


async def serve_secrets(service: Service, node_id: str, scope: Scope, send: Send) -> None:
    """What the bundle in `?bundle=` needs. 503 with `Retry-After` until a worker has wrapped it for this node."""
    node = await admit(service, node_id, scope)
    digest = _digest(scope)
    loop = asyncio.get_running_loop()
    secrets = await loop.run_in_executor(service.reader, _sealed_set, service, node, digest)
    await send_json(send, 200, {"secrets": secrets})


def _digest(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    found: list[str] = []
    if len(query) <= LONGEST_QUERY:
        found = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("bundle", [])
    if len(found) != 1 or not DIGEST.fullmatch(found[0]):
        raise no_bundle()
    return found[0]


def _sealed_set(service: Service, node: NodeEntry, digest: str) -> list[dict[str, object]]:
    with reading():
        needed = _needed(node, digest)
        if needed and Node.get_by_id(node.id).sealing_key is None:
            raise no_sealing_key()
        wrapped = _wrapped(node, needed)
    if wrapped.keys() != needed.keys():
        raise keys_on_their_way()
    found = []
    for name, pinned in sorted(needed.items()):
        value = _value(service, node, name, pinned)
        found.append(
            {"name": name, "version": pinned.version, "value": written(value), "wrapped": wrapped[name]}
        )
    return found


def _value(service: Service, node: NodeEntry, name: str, pinned: Pinned) -> bytes:
    try:
        value = service.artifacts.sealed_value(
            node.organization, node.project, node.environment, name, pinned
        )
    except Refused as refused:
        log.error("secret-replaced project=%s environment=%s: %s", node.project, node.environment, refused)
        raise secret_replaced(name, pinned.version) from None
    if value is None:
        raise not_ready(f"The object store lacks version {pinned.version} of the secret '{name}'")
    return value


def _needed(node: NodeEntry, digest: str) -> Mapping[str, Pinned]:
    """What a bundle needs in the node's environment, which points at it or did so before."""
    bundle = Bundle.get_or_none(
        Bundle.organization == node.organization, Bundle.project == node.project, Bundle.digest == digest
    )
    if bundle is None or node.environment not in bundle.environments or not _was_pointed_at(node, digest):
        raise no_bundle()
    secrets = bundle.environments[node.environment]["secrets"]
    return {name: Pinned.from_json(pinned) for name, pinned in secrets.items()}


def _was_pointed_at(node: NodeEntry, digest: str) -> bool:
    return any(
        table.select()
        .where(
            table.organization == node.organization,
            table.project == node.project,
            table.environment == node.environment,
            table.digest == digest,
        )
        .exists()
        for table in (Pointer, Rollout)
    )


def _wrapped(node: NodeEntry, needed: Mapping[str, Pinned]) -> Mapping[str, str]:
    rows = WrappedKey.select().where(WrappedKey.node == node.id) if needed else ()
    return {
        row.name: row.wrapped
        for row in rows
        if row.name in needed and needed[row.name].version == row.version
    }
