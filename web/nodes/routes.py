"""Which path is answered by what. The poll and the heartbeat come first: they are nearly all requests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from web.nodes.body import Receive, Scope, Send
from web.nodes.bundles import serve_blob, serve_log_tile, serve_root
from web.nodes.delivery import serve_secrets
from web.nodes.polling import serve_heartbeat, serve_poll
from web.nodes.problems import no_route, wrong_method
from web.nodes.replies import send_bytes, send_json
from web.nodes.service import Service
from web.nodes.signup import serve_registration

Handler = Callable[[Service, str, Scope, Receive, Send], Awaitable[None]]

NODES = "/api/v1/nodes/"
BUNDLES = "/api/v1/bundles/"
PROJECTS = "/api/v1/projects/"

_ROOT = re.compile(r"([^/]{1,80})/roots/([0-9]{1,9})")
_TILE = re.compile(r"([^/]{1,80})/log/(tile/[0-9]/(?:x[0-9]{3}/){0,4}[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?)")
_REGISTER = re.compile(r"([a-z][a-z0-9-]{0,62})/nodes/register")


async def dispatch(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """Find the route and let it answer. Raises `Problem`."""
    path: str = scope["path"]
    if path.startswith(NODES):
        rest = path[len(NODES) :]
        if rest.endswith("/heartbeat"):
            _allow(scope, "POST")
            return await serve_heartbeat(service, rest[: -len("/heartbeat")], scope, receive, send)
        if rest.endswith("/bundles/latest"):
            _allow(scope, "GET")
            return await serve_poll(service, rest[: -len("/bundles/latest")], scope, send)
        if rest.endswith("/secrets"):
            _allow(scope, "GET")
            return await serve_secrets(service, rest[: -len("/secrets")], scope, send)
        root = _ROOT.fullmatch(rest)
        if root is not None:
            _allow(scope, "GET")
            return await serve_root(service, root[1], int(root[2]), scope, send)
        tile = _TILE.fullmatch(rest)
        if tile is not None:
            _allow(scope, "GET")
            return await serve_log_tile(service, tile[1], tile[2], scope, send)
    elif path.startswith(BUNDLES):
        _allow(scope, "GET", "HEAD")
        return await serve_blob(service, path[len(BUNDLES) :], scope, send)
    elif path.startswith(PROJECTS):
        register = _REGISTER.fullmatch(path[len(PROJECTS) :])
        if register is not None:
            _allow(scope, "POST")
            return await serve_registration(service, register[1], scope, receive, send)
    elif path in ("/health", "/ready", "/metrics"):
        _allow(scope, "GET", "HEAD")
        return await _serve_state(service, path, send)
    raise no_route(path)


def label(path: str) -> str:
    """The route of a path, for counting: never anything a client can choose."""
    if path.startswith(NODES):
        for ending in ("/heartbeat", "/bundles/latest", "/secrets"):
            if path.endswith(ending):
                return ending[1:]
        if "/log/tile/" in path:
            return "log/tile"
        return "roots" if "/roots/" in path else "other"
    if path.startswith(BUNDLES):
        return "bundles"
    if path.startswith(PROJECTS) and path.endswith("/register"):
        return "register"
    return path[1:] if path in ("/health", "/ready", "/metrics") else "other"


def _allow(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        raise wrong_method(", ".join(methods))


async def _serve_state(service: Service, path: str, send: Send) -> None:
    if path == "/health":
        await send_json(send, 200, {"status": "alive"})
    elif path == "/ready":
        missing = service.missing()
        await send_json(
            send, 503 if missing else 200, {"ready": not missing, "missing": [missing] if missing else []}
        )
    else:
        gauges = {
            "sentinel_nodes_known": len(service.directory.nodes),
            "sentinel_nodes_heartbeats_pending": len(service.heartbeats.pending),
            "sentinel_nodes_heartbeats_written": service.heartbeats.written,
            "sentinel_nodes_heartbeat_write_failures": service.heartbeats.failures,
            "sentinel_nodes_heartbeat_write_seconds": service.heartbeats.last_write_seconds,
        }
        await send_bytes(
            send, 200, ((b"content-type", b"text/plain; version=0.0.4"),), service.metrics.text(gauges)
        )
