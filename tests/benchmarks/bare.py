"""The barest servers that could do the same job: what ours is compared with."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

from flask import Flask, request


async def unchanged(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI callable that answers 304 to everything, and 200 to the health check."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    status = 200 if scope["path"] == "/health" else 304
    await send({"type": "http.response.start", "status": status, "headers": [(b"etag", b'"same"')]})
    await send({"type": "http.response.body", "body": b""})


async def parsed(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI callable that reads a body, parses it as JSON, and answers 200."""
    if scope["type"] == "lifespan":
        await unchanged(scope, receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    if scope["path"] != "/health":
        json.loads(body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def hmac_app() -> Flask:
    """A Flask application that checks the signature of a delivery and does nothing else."""
    app = Flask(__name__)
    secret = os.environ["BENCH_SECRET"].encode()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/webhooks/github/origin")
    def receive() -> tuple[str, int]:
        computed = "sha256=" + hmac.new(secret, request.get_data(), hashlib.sha256).hexdigest()
        given = request.headers.get("X-Hub-Signature-256", "")
        return ("", 202) if hmac.compare_digest(computed, given) else ("", 401)

    return app
