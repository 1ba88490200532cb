"""Sends whole answers over ASGI."""

from __future__ import annotations

import json
from typing import Any

from web.nodes.body import Send
from web.nodes.problems import Problem

Headers = tuple[tuple[bytes, bytes], ...]

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_NO_STORE = (b"cache-control", b"no-store")
_END = {"type": "http.response.body", "body": b""}


async def send_bytes(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """An answer with a body of known length."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, document: Any, headers: Headers = ()) -> None:
    """An answer in JSON that nobody between us and the node may keep."""
    body = json.dumps(document, separators=(",", ":")).encode()
    await send_bytes(send, status, (_JSON, _NO_STORE, *headers), body)


async def send_problem(send: Send, problem: Problem) -> None:
    """An error, as application/problem+json."""
    await send_bytes(send, problem.status, (_PROBLEM, _NO_STORE, *problem.headers), problem.body())


async def send_empty(send: Send, status: int, headers: Headers = ()) -> None:
    """204 or 304: no body at all."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send(_END)
