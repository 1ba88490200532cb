"""Middlewares as filters and agents of the proxy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.compile.resolving import Applied
from reconciler.config.durations import milliseconds, seconds
from reconciler.config.kdl import KdlNode
from reconciler.config.sizes import size_in_bytes

Data = Mapping[str, Any]
EVERY_METHOD = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
FRAMES = {"deny": "DENY", "same-origin": "SAMEORIGIN"}
AGENTS = ("transform", "custom")


def filter_node(identity: str, kind: str, *children: KdlNode) -> KdlNode:
    """A filter of a type."""
    return KdlNode("filter", (identity,), children=(KdlNode("type", (kind,)), *children))


def header_changes(changes: Data) -> tuple[KdlNode, ...]:
    """Changes of headers in the order in which the proxy makes them."""
    nodes = [
        KdlNode(verb, children=tuple(KdlNode(item["name"], (item["value"],)) for item in changes[verb]))
        for verb in ("rename", "set", "add")
        if changes.get(verb)
    ]
    if changes.get("remove"):
        nodes.append(KdlNode("remove", tuple(changes["remove"])))
    return tuple(nodes)


def rate_limit_filter(identity: str, data: Data) -> KdlNode:
    """A limit of requests. The proxy's `burst` does nothing, so it is not written."""
    key = f"header:{data['header']}" if data["by"] == "header" else data["by"]
    children = [
        KdlNode("max-rps", (data["requests-per-second"],)),
        KdlNode("key", (key,)),
        KdlNode("on-limit", (data["on-limit"],)),
        KdlNode("status-code", (data["status"],)),
    ]
    if "message" in data:
        children.append(KdlNode("message", (data["message"],)))
    if "max-delay" in data:
        children.append(KdlNode("max-delay-ms", (milliseconds(data["max-delay"]),)))
    return filter_node(identity, "rate-limit", *children)


def timeout_filter(identity: str, data: Data) -> KdlNode:
    """Time limits."""
    words = (("connect", "connect-timeout-secs"), ("response", "upstream-timeout-secs"))
    children = [KdlNode(theirs, (seconds(data[ours]),)) for ours, theirs in words if ours in data]
    return filter_node(identity, "timeout", *children)


def redirect_filter(identity: str, data: Data) -> KdlNode:
    """A redirect."""
    children = [KdlNode("status-code", (data["status"],))]
    if "scheme" in data:
        children.append(KdlNode("scheme", (data["scheme"],)))
    if "port" in data:
        children.append(KdlNode("port", (data["port"],)))
    return filter_node(identity, "redirect", *children, *_replacements(data))


def _replacements(data: Data) -> tuple[KdlNode, ...]:
    words = (("host", "hostname"), ("path", "replace-full-path"), ("prefix", "replace-prefix-match"))
    return tuple(KdlNode(theirs, (data[ours],)) for ours, theirs in words if ours in data)


def _response_headers(identity: str, headers: Mapping[str, str]) -> KdlNode:
    changes = {"set": [{"name": name, "value": value} for name, value in sorted(headers.items())]}
    return filter_node(identity, "headers", KdlNode("phase", ("response",)), *header_changes(changes))


def _cors(applied: Applied) -> tuple[KdlNode, ...]:
    data = applied.data
    (origin,) = data["origins"]
    if origin == "*":
        return (filter_node(applied.filter_id(), "cors"),)
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(data.get("methods", EVERY_METHOD)),
    }
    if "headers" in data:
        headers["Access-Control-Allow-Headers"] = ", ".join(data["headers"])
    if "expose-headers" in data:
        headers["Access-Control-Expose-Headers"] = ", ".join(data["expose-headers"])
    if data["credentials"]:
        headers["Access-Control-Allow-Credentials"] = "true"
    if "max-age" in data:
        headers["Access-Control-Max-Age"] = str(seconds(data["max-age"]))
    return (_response_headers(applied.filter_id(), headers),)


def _headers(applied: Applied) -> tuple[KdlNode, ...]:
    phases = [phase for phase in ("request", "response") if applied.data.get(phase)]
    return tuple(
        filter_node(
            applied.filter_id(phase if len(phases) > 1 else ""),
            "headers",
            KdlNode("phase", (phase,)),
            *header_changes(applied.data[phase]),
        )
        for phase in phases
    )


def _security_headers(applied: Applied) -> tuple[KdlNode, ...]:
    data = applied.data
    headers = {"Referrer-Policy": data["referrer"]}
    if "hsts" in data:
        words = [f"max-age={seconds(data['hsts'])}"]
        words += ["includeSubDomains"] if data["hsts-subdomains"] else []
        words += ["preload"] if data["hsts-preload"] else []
        headers["Strict-Transport-Security"] = "; ".join(words)
    if data["no-sniff"]:
        headers["X-Content-Type-Options"] = "nosniff"
    if data["frame"] in FRAMES:
        headers["X-Frame-Options"] = FRAMES[data["frame"]]
    if "content-security-policy" in data:
        headers["Content-Security-Policy"] = data["content-security-policy"]
    if "permissions-policy" in data:
        headers["Permissions-Policy"] = data["permissions-policy"]
    return (_response_headers(applied.filter_id(), headers),)


def _compression(applied: Applied) -> tuple[KdlNode, ...]:
    size = size_in_bytes(applied.data["min-size"])
    return (filter_node(applied.filter_id(), "compress", KdlNode("min-size", (size,))),)


def _agent_filter(applied: Applied) -> tuple[KdlNode, ...]:
    mode = KdlNode("failure-mode", (applied.data["failure-mode"],))
    return (filter_node(applied.filter_id(), "agent", KdlNode("agent", (applied.filter_id(),)), mode),)


_FILTERS: Mapping[str, Callable[[Applied], tuple[KdlNode, ...]]] = {
    "rate-limit": lambda applied: (rate_limit_filter(applied.filter_id(), applied.data),),
    "redirect": lambda applied: (redirect_filter(applied.filter_id(), applied.data),),
    "path-rewrite": lambda applied: (
        filter_node(applied.filter_id(), "url-rewrite", *_replacements(applied.data)),
    ),
    "timeouts": lambda applied: (timeout_filter(applied.filter_id(), applied.data),),
    "cors": _cors,
    "compression": _compression,
    "headers": _headers,
    "security-headers": _security_headers,
    "transform": _agent_filter,
    "custom": _agent_filter,
}
"""Types that become filters. A cache stands in the route, a body limit holds for the whole proxy."""


def middleware_filters(applied: Applied) -> tuple[KdlNode, ...]:
    """The filters of a middleware, in the order in which routes name them."""
    make = _FILTERS.get(applied.type)
    return make(applied) if make else ()


def filters_named(applied: Applied) -> tuple[str, ...]:
    """The ids of a middleware's filters, in order. That of a native one stands in a proxy resource."""
    if applied.type == "native":
        return (applied.data["filter"],)
    return tuple(str(node.arguments[0]) for node in middleware_filters(applied))


def events_of(applied: Applied) -> tuple[str, ...]:
    """When the agent of a middleware is asked, in the proxy's words."""
    if applied.type == "transform":
        parts = [part for part in ("request", "response") if applied.data[part]]
        return tuple(f"{part}_{what}" for part in parts for what in ("headers", "body"))
    return tuple(event.replace("-", "_") for event in applied.data.get("events", ("request-headers",)))


def agent_node(applied: Applied) -> KdlNode:
    """The agent behind a transform or custom middleware."""
    data = applied.data
    transport = ("unix-socket", data["socket"]) if "socket" in data else ("grpc", data["grpc"])
    children = [
        KdlNode(transport[0], (transport[1],)),
        KdlNode("timeout-ms", (milliseconds(data["timeout"]),)),
        KdlNode("failure-mode", (data["failure-mode"],)),
        KdlNode("events", events_of(applied)),
        KdlNode("max-concurrent-calls", (data["concurrency"],)),
    ]
    if "max-body" in data:
        size = size_in_bytes(data["max-body"])
        parts = [part for part in ("request", "response") if f"{part}_body" in events_of(applied)]
        children.extend(KdlNode(f"max-{part}-body-bytes", (size,)) for part in parts)
    return KdlNode("agent", (applied.filter_id(),), {"type": "custom"}, tuple(children))
