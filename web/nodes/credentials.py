"""A node's own credential: a token for its key, another key in the place of its key, and the end of its registration.

All of them take the key itself. Whoever steals a token has it for an hour at most, and cannot make more of it.
"""

from __future__ import annotations

import asyncio
import re
import time

from reconciler.db.enrolled import replace_key, retire
from reconciler.db.models import Node
from reconciler.db.session import writing
from web.nodes.admitting import admit_key
from web.nodes.body import Receive, Scope, Send, matching, only, parse_object, read_body
from web.nodes.directory import NodeEntry
from web.nodes.problems import keys_known
from web.nodes.replies import send_empty, send_json
from web.nodes.service import Service
from web.nodes.tokens import LIFE, make_key

_SHA256 = re.compile(r"[0-9a-f]{64}")


async def serve_token(service: Service, node_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Key → token for an hour."""
    node = await admit_key(service, node_id, scope)
    only(parse_object(await read_body(scope, receive) or b"{}"), frozenset())
    if not service.tokens.signing(service.now()):
        loop = asyncio.get_running_loop()
        own = await loop.run_in_executor(service.writer, make_key, service.now(), time.monotonic())
        service.tokens.adopt(own)
    token = service.tokens.issue(node, service.now())
    await send_json(
        send, 200, {"token": token, "token_type": "Bearer", "expires_in": int(LIFE.total_seconds())}
    )


async def serve_key(service: Service, node_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Take another key for the node, of which only the SHA-256 is told; 204. The old one opens nothing from then on.

    The node makes and keeps the new key before it asks, so an answer that is lost loses nothing.
    """
    node = await admit_key(service, node_id, scope)
    document = parse_object(await read_body(scope, receive))
    only(document, frozenset({"sha256"}))
    sha256 = matching(document, "sha256", _SHA256, "64 hex digits")
    loop = asyncio.get_running_loop()
    entry = await loop.run_in_executor(service.writer, _replace, service, node, sha256)
    service.directory.admit(entry)
    await send_empty(send, 204)


async def serve_departure(service: Service, node_id: str, scope: Scope, send: Send) -> None:
    """The node leaves for ever; 204. Its key opens nothing any more, here at once and elsewhere within a second."""
    node = await admit_key(service, node_id, scope)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(service.writer, _retire, service, node)
    service.directory.forget(node.id)
    await send_empty(send, 204)


def _replace(service: Service, node: NodeEntry, sha256: str) -> NodeEntry:
    with writing():
        if not replace_key(node.id, sha256, now=service.now()):
            raise keys_known()
    return node.with_key(sha256)


def _retire(service: Service, node: NodeEntry) -> None:
    with writing():
        row = Node.get_or_none(Node.id == node.id)
        if row is not None:
            retire(row, "it deregistered itself", now=service.now())
