"""Routes of the proxy, as services."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.compile.diff.meaning import LEVELS
from reconciler.compile.importing.inference import inference
from reconciler.compile.importing.proposing import (
    Data,
    NotSaid,
    flags,
    header_changes,
    length,
    numbers,
    only,
    strings,
    without_defaults,
)
from reconciler.compile.native.nodes import Node

_PATHS = ("path", "path-prefix", "path-regex")
_PARTS = (
    "matches",
    "priority",
    "upstream",
    "filters",
    "static-files",
    "retry-policy",
    "cache",
    "shadow",
    "policies",
    "websocket",
    "waf-enabled",
    "inference",
    "fallback",
)


def service(node: Node, middlewares: Mapping[str, str]) -> Data:
    """A route. `middlewares` are names of middlewares by the filters that they are."""
    only(node, _PARTS)
    data = _matches(node)
    priority = node.child("priority")
    if priority is not None:
        words = LEVELS.get((priority.string or "").lower(), 50)
        value = priority.integer if priority.integer is not None else words
        if value != 50:
            data["priority"] = value
    strings(node, (("upstream", "upstream"),), data)
    static = node.child("static-files")
    if static is not None:
        data["static"] = _static(static)
    attempts = node.child("retry-policy")
    if attempts is not None:
        data["attempts"] = attempts.integer_of("max-attempts") or 1
    cache = node.child("cache")
    if cache is not None:
        data["cache"] = _cache(cache)
    shadow = node.child("shadow")
    if shadow is not None:
        data["shadow"] = _shadow(shadow)
    if node.child("inference") is not None or node.child("fallback") is not None:
        data["inference"] = inference(node.child("inference"), node.child("fallback"))
    policies = node.child("policies")
    for part in ("request-headers", "response-headers"):
        block = policies.child(part) if policies else None
        if block is not None and block.nodes:
            data[part] = header_changes(block)
    flags(node, (("websocket", "websocket"),), data)
    named = node.child("filters")
    if named is not None:
        data["middleware"] = [{"name": middlewares[name]} for name, _ in named.strings()]
    return without_defaults(data, {"websocket": False})


def _matches(node: Node) -> Data:
    matches = node.child("matches")
    if matches is None:
        raise NotSaid("it takes everything that is left, and a service names a path")
    only(matches, (*_PATHS, "host", "method", "header"))
    data: Data = {}
    hosts = [child.string for child in matches.all("host")]
    if hosts:
        data["hosts"] = list(dict.fromkeys(hosts))
    paths = [child for child in matches.nodes if child.name in _PATHS]
    if len(paths) != 1:
        raise NotSaid(
            "it matches without a path"
            if not paths
            else "several conditions on the path have to hold together"
        )
    data[paths[0].name] = [paths[0].string]
    methods = list(dict.fromkeys(child.string for child in matches.all("method")))
    if len(methods) > 1:
        raise NotSaid("several methods have to hold together")
    if methods:
        data["methods"] = methods
    headers = [
        {"name": child.string, **({"value": child.entries[1].value} if len(child.entries) > 1 else {})}
        for child in matches.all("header")
    ]
    if headers:
        data["header"] = headers
    return data


def _static(node: Node) -> Data:
    data: Data = {}
    names = ("root", "index", "cache-control", "fallback")
    strings(node, ((name, name) for name in names), data)
    flags(node, (("directory-listing", "listing"), ("compress", "compress")), data)
    defaults = {"index": "index.html", "cache-control": "public, max-age=3600"}
    return without_defaults(data, {**defaults, "listing": False, "compress": True})


def _cache(node: Node) -> Data:
    enabled = node.child("enabled")
    if enabled is None or enabled.first is None or enabled.first.value is not True:
        raise NotSaid("its cache is off")
    data: Data = {"ttl": "1h"}
    seconds = (("default-ttl-secs", "ttl"), *((f"{name}-secs", name) for name in _STALE))
    numbers(node, seconds, data, "s")
    numbers(node, (("max-size-bytes", "max-size"),), data, "B")
    flags(node, (("cache-private", "private"),), data)
    lists = (
        ("cacheable-methods", "methods"),
        ("cacheable-status-codes", "statuses"),
        ("exclude-extensions", "exclude-extensions"),
        ("exclude-paths", "exclude-paths"),
    )
    for theirs, ours in lists:
        child = node.child(theirs)
        if child is not None:
            data[ours] = list(dict.fromkeys(entry.value for entry in child.entries))
    defaults = {"stale-while-revalidate": "1m", "stale-if-error": "5m", "max-size": "10MiB", "private": False}
    return without_defaults(data, defaults)


_STALE = ("stale-while-revalidate", "stale-if-error")


def _shadow(node: Node) -> Data:
    data: Data = {"upstream": node.string_of("upstream")}
    share = node.child("percentage")
    if share is not None and share.first is not None:
        data["percent"] = int(share.string) if share.string and share.string.isdigit() else share.first.value
    header = node.child("sample-header")
    if header is not None and len(header.entries) > 1:
        data["header"] = {"name": header.entries[0].value, "value": header.entries[1].value}
    numbers(node, (("timeout-ms", "timeout"),), data, "ms")
    flags(node, (("buffer-body", "body"),), data)
    if data.get("body"):
        numbers(node, (("max-body-bytes", "max-body"),), data, "B")
    defaults = {"percent": 100, "timeout": "5s", "body": False, "max-body": length(1_048_576, "B")}
    return without_defaults(data, defaults)
