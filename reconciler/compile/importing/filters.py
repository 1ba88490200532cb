"""Filters of the proxy, as middlewares."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.compile.importing.proposing import (
    Data,
    NotSaid,
    header_changes,
    numbers,
    only,
    replaced,
    strings,
    without_defaults,
)
from reconciler.compile.native.nodes import Node


def middleware(node: Node) -> Data:
    """A filter."""
    kind = node.string_of("type") or ""
    make = _TYPES.get(kind)
    if make is None:
        raise NotSaid(f"no type of middleware is like a filter of type {kind}")
    return make(node)


def _rate_limit(node: Node) -> Data:
    only(node, ("type", "max-rps", "burst", "key", "on-limit", "status-code", "message", "max-delay-ms"))
    limit: Data = {"requests-per-second": 100}
    numbers(node, (("max-rps", "requests-per-second"), ("status-code", "status")), limit)
    strings(node, (("on-limit", "on-limit"), ("message", "message")), limit)
    numbers(node, (("max-delay-ms", "max-delay"),), limit, "ms")
    key = node.string_of("key")
    if key not in ("route", "path"):
        raise NotSaid("the proxy counts all clients together: it does not know the client yet when it counts")
    if key != "route":
        limit["by"] = key
    return {"rate-limit": without_defaults(limit, {"status": 429, "on-limit": "reject"})}


def _headers(node: Node) -> Data:
    only(node, ("type", "phase", "rename", "set", "add", "remove"))
    phase = node.string_of("phase") or "request"
    if phase == "both":
        raise NotSaid(
            "it changes headers of requests and of answers at once, which are two filters in the language"
        )
    changes = header_changes(node)
    if not changes:
        raise NotSaid("it changes nothing")
    return {"headers": {phase: changes}}


def _compress(node: Node) -> Data:
    only(node, ("type", "min-size", "algorithms", "level"))
    data: Data = {"min-size": "1KiB"}
    numbers(node, (("min-size", "min-size"),), data, "B")
    return {"compression": data}


def _timeout(node: Node) -> Data:
    only(node, ("type", "connect-timeout-secs", "upstream-timeout-secs", "request-timeout-secs"))
    data: Data = {}
    numbers(node, (("connect-timeout-secs", "connect"), ("upstream-timeout-secs", "response")), data, "s")
    if not data:
        raise NotSaid("it limits nothing")
    return {"timeouts": data}


def _redirect(node: Node) -> Data:
    only(node, ("type", "status-code", "scheme", "port", *_REPLACE))
    data: Data = {}
    numbers(node, (("status-code", "status"), ("port", "port")), data)
    strings(node, (("scheme", "scheme"),), data)
    replaced(node, data)
    return {"redirect": without_defaults(data, {"status": 302})}


def _rewrite(node: Node) -> Data:
    only(node, ("type", *_REPLACE))
    data: Data = {}
    replaced(node, data)
    return {"path-rewrite": data}


def _cors(node: Node) -> Data:
    only(node, ("type",))
    return {"cors": {"origins": ["*"]}}


_REPLACE = ("hostname", "replace-full-path", "replace-prefix-match")
_TYPES: Mapping[str, Callable[[Node], Data]] = {
    "rate-limit": _rate_limit,
    "headers": _headers,
    "cors": _cors,
    "compress": _compress,
    "timeout": _timeout,
    "redirect": _redirect,
    "url-rewrite": _rewrite,
}
