"""Services as proxy routes and filters.

The proxy joins the conditions of a route with AND, except hosts: two paths, or two methods, would never match. So each
path and each method becomes a route of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from reconciler.compile.inference import inference_nodes
from reconciler.compile.middlewares import (
    filters_named,
    header_changes,
    middleware_filters,
    rate_limit_filter,
    redirect_filter,
    timeout_filter,
)
from reconciler.compile.resolving import applied_of
from reconciler.compile.splits import merged_upstream
from reconciler.compile.upstreams import upstream_node
from reconciler.config.durations import milliseconds, seconds
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds.service import PATHS
from reconciler.config.sizes import size_in_bytes

MAX_ROUTES = 200
"""Routes that one service may fan out into."""

STREAMING_RESPONSE = "1h"
"""How long a stream may be silent when the service does not say."""

Data = Mapping[str, Any]
Condition = tuple[str, str]
EVERYTHING: Condition = ("path-prefix", "/")


def conditions(data: Data) -> tuple[Condition, ...]:
    """(kind of condition, path) of each alternative path; everything when the service names none."""
    return tuple([(kind, path) for kind in PATHS if kind in data for path in data[kind]]) or (EVERYTHING,)


def alternatives(data: Data) -> Iterator[tuple[Condition, str | None]]:
    """Every combination of a path and a method; the method is None when the service names none."""
    return product(conditions(data), data.get("methods") or [None])


def route_count(data: Data) -> int:
    """How many routes the service becomes."""
    paths = sum([len(data[kind]) for kind in PATHS if kind in data])
    return (paths or 1) * (len(data.get("methods", ())) or 1)


def route_ids(name: str, count: int) -> list[str]:
    """Ids of a service's routes. A dot cannot stand in a name, so no other service's id can be the same."""
    return [name] if count == 1 else [f"{name}.{number}" for number in range(1, count + 1)]


def upstream_of(name: str, data: Data) -> str | None:
    """The id of the proxy's upstream that a service's requests go to, or None when they go to none."""
    upstream: str | None = data.get("upstream")
    return f"{name}.split" if "split" in data else upstream


def split_nodes(name: str, data: Data) -> tuple[KdlNode, ...]:
    """The upstream that a resolved service's split becomes."""
    return (upstream_node(f"{name}.split", merged_upstream(data["parts"])),) if "split" in data else ()


def filter_nodes(name: str, data: Data) -> tuple[KdlNode, ...]:
    """The filters that belong to a resolved service alone."""
    own = _own_filters(name, data)
    changed = [
        node for one in data.get("applied", ()) if one.owner is not None for node in middleware_filters(one)
    ]
    return (*own, *changed)


def _own_filters(name: str, data: Data) -> tuple[KdlNode, ...]:
    found: list[KdlNode] = []
    timeouts = _timeouts(data)
    if timeouts:
        found.append(timeout_filter(f"{name}.timeouts", timeouts))
    if "rate-limit" in data:
        found.append(rate_limit_filter(f"{name}.rate-limit", data["rate-limit"]))
    if "redirect" in data:
        found.append(redirect_filter(f"{name}.redirect", data["redirect"]))
    return tuple(found)


def _timeouts(data: Data) -> Data:
    timeouts = dict(data.get("timeouts", {}))
    if data["protocol"] == "streaming" and (timeouts or applied_of(data, "timeouts") is None):
        timeouts.setdefault("response", STREAMING_RESPONSE)
    return timeouts


def filter_names(name: str, data: Data) -> tuple[str, ...]:
    """The filters of a resolved service's routes: guards, its own, then its middlewares' in their order."""
    parts = ("timeouts", "rate-limit", "redirect")
    own = (f"{name}.{part}" for part in parts if (_timeouts(data) if part == "timeouts" else part in data))
    named = (identity for one in data.get("applied", ()) for identity in filters_named(one))
    return (*data.get("guards", ()), *own, *named)


def route_nodes(name: str, data: Data) -> tuple[KdlNode, ...]:
    """All routes of a resolved service, in the order of its paths and methods."""
    common = (*_destination(name, data), *_treatment(name, data))
    asked = (
        *(KdlNode("host", (host,)) for host in data.get("hosts", ())),
        *(
            KdlNode("header", (header["name"], *((header["value"],) if "value" in header else ())))
            for header in data.get("header", ())
        ),
    )
    nodes = []
    for route, ((kind, path), method) in zip(
        route_ids(name, route_count(data)), alternatives(data), strict=True
    ):
        matches = (*asked, KdlNode(kind, (path,)), *((KdlNode("method", (method,)),) if method else ()))
        children = (KdlNode("priority", (data["priority"],)), KdlNode("matches", children=matches), *common)
        nodes.append(KdlNode("route", (route,), children=children))
    return tuple(nodes)


def start_nodes(name: str, data: Data) -> tuple[KdlNode, ...]:
    """What the proxy reads of a resolved service only when it starts, with the routes that it holds for."""
    limits = [rate_limit_filter(f"{name}.rate-limit", data["rate-limit"])] if "rate-limit" in data else []
    limits += [node for one in data.get("applied", ()) for node in middleware_filters(one) if _is_limit(node)]
    # Model routing and fallback may change with a reload, but they stand beside what may not.
    inference = inference_nodes(data["inference"]) if "inference" in data else ()
    parts = (*limits, *_static(data), *_cache(data), *inference)
    if not parts:
        return ()
    return (KdlNode("service", tuple(route_ids(name, route_count(data))), children=parts),)


def _is_limit(node: KdlNode) -> bool:
    return node.children[0].arguments == ("rate-limit",)


def _destination(name: str, data: Data) -> tuple[KdlNode, ...]:
    upstream = upstream_of(name, data)
    return (KdlNode("upstream", (upstream,)),) if upstream is not None else _static(data)


def _treatment(name: str, data: Data) -> Iterator[KdlNode]:
    """What is done to requests and answers, whatever the path."""
    filters = filter_names(name, data)
    if filters:
        yield KdlNode("filters", filters)
    if "attempts" in data:
        yield KdlNode("retry-policy", children=(KdlNode("max-attempts", (data["attempts"],)),))
    yield from _cache(data)
    if "shadow" in data:
        yield _shadow(data["shadow"])
    if "inference" in data:
        yield from inference_nodes(data["inference"])
    policies = tuple(
        KdlNode(part, children=header_changes(data[part]))
        for part in ("request-headers", "response-headers")
        if data.get(part)
    )
    if policies:
        yield KdlNode("policies", children=policies)
    if data["websocket"]:
        yield KdlNode("websocket", (True,))


def _static(data: Data) -> tuple[KdlNode, ...]:
    if "static" in data:
        static = data["static"]
        children = [
            KdlNode("root", (static["root"],)),
            KdlNode("index", (static["index"],)),
            KdlNode("directory-listing", (static["listing"],)),
            KdlNode("cache-control", (static["cache-control"],)),
            KdlNode("compress", (static["compress"],)),
        ]
        if "fallback" in static:
            children.append(KdlNode("fallback", (static["fallback"],)))
        return (KdlNode("static-files", children=tuple(children)),)
    if "maintenance" in data:
        page = data["maintenance"]
        children = [
            KdlNode("root", (page["root"],)),
            KdlNode("index", (page["page"],)),
            KdlNode("cache-control", ("no-store",)),
            KdlNode("fallback", (page["page"],)),
        ]
        return (KdlNode("static-files", children=tuple(children)),)
    return ()


def _cache(data: Data) -> tuple[KdlNode, ...]:
    cache = applied_of(data, "cache")
    if cache is None:
        return ()
    children = [
        KdlNode("enabled", (True,)),
        KdlNode("default-ttl-secs", (seconds(cache["ttl"]),)),
        KdlNode("max-size-bytes", (size_in_bytes(cache["max-size"]),)),
        KdlNode("cache-private", (cache["private"],)),
        KdlNode("stale-while-revalidate-secs", (seconds(cache["stale-while-revalidate"]),)),
        KdlNode("stale-if-error-secs", (seconds(cache["stale-if-error"]),)),
    ]
    lists = (
        ("methods", "cacheable-methods"),
        ("statuses", "cacheable-status-codes"),
        ("exclude-extensions", "exclude-extensions"),
        ("exclude-paths", "exclude-paths"),
    )
    children += [KdlNode(theirs, tuple(cache[ours])) for ours, theirs in lists if cache.get(ours)]
    return (KdlNode("cache", children=tuple(children)),)


def _shadow(shadow: Data) -> KdlNode:
    children = [
        KdlNode("upstream", (shadow["upstream"],)),
        KdlNode("percentage", (shadow["percent"],)),
    ]
    if "header" in shadow:
        children.append(KdlNode("sample-header", (shadow["header"]["name"], shadow["header"]["value"])))
    children.append(KdlNode("timeout-ms", (milliseconds(shadow["timeout"]),)))
    if shadow["body"]:
        children.append(KdlNode("buffer-body", (True,)))
        children.append(KdlNode("max-body-bytes", (size_in_bytes(shadow["max-body"]),)))
    return KdlNode("shadow", children=tuple(children))
