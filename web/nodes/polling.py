"""Heartbeats and polls: what an idle node does all day. Neither touches a database, a store or a thread."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from functools import lru_cache
from random import randrange

from web.nodes.admitting import admit
from web.nodes.body import Receive, Scope, Send, parse_object, read_body
from web.nodes.directory import Answer, NodeEntry
from web.nodes.problems import overloaded, unauthenticated
from web.nodes.replies import send_bytes, send_empty
from web.nodes.reports import read_report
from web.nodes.service import Service

LONGEST_WAIT = 30.0
"""Seconds a poll may be parked; proxies between us and a node cut silent connections at 60."""

SOONEST_AGAIN = 5
AGAIN_WITHIN = 25
"""Seconds after which a node that was turned away reports again, and over how many more they are spread."""

_WAIT = re.compile(rb"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,6})", re.IGNORECASE)
_TAG = re.compile(rb'(?:W/)?("[^"]*")')
_JSON = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"private, no-cache")
_HEADERS = (_JSON, (b"cache-control", b"no-store"))


async def serve_heartbeat(service: Service, node_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Take a report in; the answer names the ETag that a poll would have now, null when there is nothing yet."""
    node = await admit(service, node_id, scope)
    if not service.heartbeats.takes(node.id):
        # Spread over a while, so that those who were turned away do not come back together.
        service.metrics.turned_away += 1
        raise overloaded(SOONEST_AGAIN + randrange(AGAIN_WITHIN))  # noqa: S311 — nothing hangs on who guesses it
    body = await read_body(scope, receive)
    report = read_report(parse_object(body, depth=None), hashlib.sha256(body).hexdigest()[:32])
    service.heartbeats.accept(node.id, report)
    answer = service.directory.answer(node)
    tag = b"" if answer is None else answer.etag
    await send_bytes(send, 200, _HEADERS, _said(tag, service.settings.node_poll_seconds))


@lru_cache(maxsize=1024)
def _said(tag: bytes, poll_seconds: float) -> bytes:
    """The answer to a heartbeat, which is the same for all nodes of a cohort. No tag: there is nothing yet."""
    document = {"pointer_etag": tag.decode() or None, "poll_seconds": poll_seconds}
    return json.dumps(document, separators=(",", ":")).encode()


async def serve_poll(service: Service, node_id: str, scope: Scope, send: Send) -> None:
    """200 with the answer of the node's cohort, 304 when it holds one of the tags it named, 204 when there is none.

    `Prefer: wait=N` keeps a 304 or 204 back for up to N seconds while nothing changes (RFC 7240).
    """
    node = await admit(service, node_id, scope)
    tags, wait = _conditions(scope)
    answer = service.directory.answer(node)
    if wait > 0 and (answer is None or answer.etag in tags):
        answer = await _park(service, node, tags, wait)
        # The node may have been retired while it waited.
        if node.id not in service.directory.nodes:
            raise unauthenticated()
    applied = ((b"preference-applied", b"wait=%d" % wait),) if wait > 0 else ()
    if answer is None:
        await send_empty(send, 204, (_NO_STORE, *applied))
    elif answer.etag in tags:
        await send_empty(send, 304, ((b"etag", answer.etag), _NO_STORE, *applied))
    else:
        await send_bytes(send, 200, (_JSON, (b"etag", answer.etag), _NO_STORE, *applied), answer.body)


async def _park(service: Service, node: NodeEntry, tags: frozenset[bytes], wait: float) -> Answer | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    service.metrics.parked += 1
    try:
        while True:
            changed = service.directory.changed()
            left = deadline - loop.time()
            if left <= 0:
                return service.directory.answer(node)
            await asyncio.wait((changed,), timeout=left)
            answer = service.directory.answer(node)
            if (answer is not None and answer.etag not in tags) or node.id not in service.directory.nodes:
                return answer
    finally:
        service.metrics.parked -= 1


def _conditions(scope: Scope) -> tuple[frozenset[bytes], float]:
    tags: frozenset[bytes] = frozenset()
    wait = 0.0
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            tags = tags.union(_TAG.findall(value))
        elif name == b"prefer":
            found = _WAIT.search(value)
            if found is not None:
                wait = min(float(found[1]), LONGEST_WAIT)
    return tags, wait
