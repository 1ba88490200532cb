"""Which path is answered by what. The poll and the heartbeat come first: they are nearly all requests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from web.nodes.batches import Kind, serve_batch
from web.nodes.body import Receive, Scope, Send
from web.nodes.bundles import serve_blob, serve_log_tile, serve_root
from web.nodes.credentials import serve_departure, serve_key, serve_token
from web.nodes.delivery import serve_secrets
from web.nodes.polling import serve_heartbeat, serve_poll
from web.nodes.problems import no_route, wrong_method
from web.nodes.replies import send_bytes, send_json
from web.nodes.service import Service
from web.nodes.signup import serve_registration
from web.nodes.telling import KINDS

Handler = Callable[[Service, tuple[str, ...], Scope, Receive, Send], Awaitable[None]]

NODES = "/api/v1/nodes/"
HEARTBEAT = "/heartbeat"
POLL = "/bundles/latest"


@dataclass(frozen=True, slots=True)
class Route:
    """A path, its methods, and who may use it. `label` counts its requests; `example` is a path of it, with `{id}`.

    `credential` is `any` of a node, its `key` alone, or `none`.
    """

    label: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    example: str
    credential: str
    serve: Handler


def _route(label: str, methods: str, pattern: str, example: str, credential: str, serve: Handler) -> Route:
    return Route(label, tuple(methods.split()), re.compile(pattern, re.DOTALL), example, credential, serve)


_NODE = rf"{NODES}([^/]{{1,80}})"


def _batches(kind: Kind) -> Route:
    return _route(f"batch/{kind.name}", "POST", f"{_NODE}/{kind.name}", f"/api/v1/nodes/{{id}}/{kind.name}", "any",
                  lambda s, p, scope, receive, send: serve_batch(s, kind, p[0], scope, receive, send))  # fmt: skip


_TILE = r"(tile/[0-9]/(?:x[0-9]{3}/){0,4}[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?)"
_DIGEST = "sha256:" + "0" * 64

ROUTES = (
    _route("heartbeat", "POST", _NODE + HEARTBEAT, "/api/v1/nodes/{id}/heartbeat", "any",
           lambda s, p, scope, receive, send: serve_heartbeat(s, p[0], scope, receive, send)),
    _route("bundles/latest", "GET", _NODE + POLL, "/api/v1/nodes/{id}/bundles/latest", "any",
           lambda s, p, scope, receive, send: serve_poll(s, p[0], scope, send)),
    _route("token", "POST", _NODE + "/token", "/api/v1/nodes/{id}/token", "key",
           lambda s, p, scope, receive, send: serve_token(s, p[0], scope, receive, send)),
    _route("key", "POST", _NODE + "/key", "/api/v1/nodes/{id}/key", "key",
           lambda s, p, scope, receive, send: serve_key(s, p[0], scope, receive, send)),
    _route("node", "DELETE", _NODE, "/api/v1/nodes/{id}", "key",
           lambda s, p, scope, receive, send: serve_departure(s, p[0], scope, send)),
    *(_batches(kind) for kind in KINDS.values()),
    _route("secrets", "GET", _NODE + "/secrets", f"/api/v1/nodes/{{id}}/secrets?bundle={_DIGEST}", "any",
           lambda s, p, scope, receive, send: serve_secrets(s, p[0], scope, send)),
    _route("roots", "GET", _NODE + "/roots/([0-9]{1,9})", "/api/v1/nodes/{id}/roots/1", "any",
           lambda s, p, scope, receive, send: serve_root(s, p[0], int(p[1]), scope, send)),
    _route("log/tile", "GET", _NODE + "/log/" + _TILE, "/api/v1/nodes/{id}/log/tile/0/000", "any",
           lambda s, p, scope, receive, send: serve_log_tile(s, p[0], p[1], scope, send)),
    _route("bundles", "GET HEAD", "/api/v1/bundles/(.*)", f"/api/v1/bundles/{_DIGEST}", "any",
           lambda s, p, scope, receive, send: serve_blob(s, p[0], scope, send)),
    _route("register", "POST", "/api/v1/projects/([a-z][a-z0-9-]{0,62})/nodes/register",
           "/api/v1/projects/shop/nodes/register", "none",
           lambda s, p, scope, receive, send: serve_registration(s, p[0], scope, receive, send)),
    _route("health", "GET HEAD", "/health", "/health", "none", lambda s, p, scope, receive, send: _serve_health(send)),
    _route("ready", "GET HEAD", "/ready", "/ready", "none", lambda s, p, scope, receive, send: _serve_ready(s, send)),
    _route("metrics", "GET HEAD", "/metrics", "/metrics", "none",
           lambda s, p, scope, receive, send: _serve_metrics(s, send)),
)  # fmt: skip


async def dispatch(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """Find the route and let it answer. Raises `Problem`."""
    path: str = scope["path"]
    if path.startswith(NODES):
        if path.endswith(HEARTBEAT) and scope["method"] == "POST":
            return await serve_heartbeat(service, path[len(NODES) : -len(HEARTBEAT)], scope, receive, send)
        if path.endswith(POLL) and scope["method"] == "GET":
            return await serve_poll(service, path[len(NODES) : -len(POLL)], scope, send)
    found = find(path)
    if found is None:
        raise no_route(path)
    route, parts = found
    if scope["method"] not in route.methods:
        raise wrong_method(", ".join(route.methods))
    return await route.serve(service, parts, scope, receive, send)


def find(path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of a path, and what stands in its places."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None:
            return route, match.groups()
    return None


def label(path: str) -> str:
    """The route of a path, for counting: never anything a client can choose."""
    if path.startswith(NODES):
        if path.endswith(HEARTBEAT):
            return ROUTES[0].label
        if path.endswith(POLL):
            return ROUTES[1].label
    found = find(path)
    return found[0].label if found is not None else "other"


async def _serve_health(send: Send) -> None:
    await send_json(send, 200, {"status": "alive"})


async def _serve_ready(service: Service, send: Send) -> None:
    missing = service.missing()
    await send_json(
        send, 503 if missing else 200, {"ready": not missing, "missing": [missing] if missing else []}
    )


async def _serve_metrics(service: Service, send: Send) -> None:
    gauges = {
        "sentinel_nodes_known": len(service.directory.nodes),
        "sentinel_nodes_heartbeats_pending": len(service.heartbeats.pending),
        "sentinel_nodes_heartbeats_written": service.heartbeats.written,
        "sentinel_nodes_heartbeat_write_failures": service.heartbeats.failures,
        "sentinel_nodes_heartbeats_set_aside": service.heartbeats.set_aside,
        "sentinel_nodes_heartbeat_write_seconds": service.heartbeats.last_write_seconds,
    }
    await send_bytes(
        send, 200, ((b"content-type", b"text/plain; version=0.0.4"),), service.metrics.text(gauges)
    )
