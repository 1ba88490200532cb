"""Services as proxy routes and filters.

The proxy joins the conditions of a route with AND, except hosts: two paths, or two methods, would never match. So each
path and each method becomes a route of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from reconciler.config.durations import seconds
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds.service import PATHS

MAX_ROUTES = 200
"""Routes that one service may fan out into."""

Condition = tuple[str, str]
EVERYTHING: Condition = ("path-prefix", "/")


def conditions(data: Mapping[str, Any]) -> tuple[Condition, ...]:
    """(kind of condition, path) of each alternative path; everything when the service names none."""
    return tuple((kind, path) for kind in PATHS for path in data.get(kind, ())) or (EVERYTHING,)


def alternatives(data: Mapping[str, Any]) -> Iterator[tuple[Condition, str | None]]:
    """Every combination of a path and a method; the method is None when the service names none."""
    return product(conditions(data), data.get("methods") or [None])


def route_count(data: Mapping[str, Any]) -> int:
    """How many routes the service becomes."""
    return len(conditions(data)) * max(1, len(data.get("methods", ())))


def route_ids(name: str, count: int) -> list[str]:
    """Ids of a service's routes. A dot cannot stand in a name, so no other service's id can be the same."""
    return [name] if count == 1 else [f"{name}.{number}" for number in range(1, count + 1)]


def filter_nodes(name: str, data: Mapping[str, Any]) -> tuple[KdlNode, ...]:
    """The filters that belong to a service alone."""
    timeouts = data.get("timeouts")
    if not timeouts:
        return ()
    children = [KdlNode("type", ("timeout",))]
    if "connect" in timeouts:
        children.append(KdlNode("connect-timeout-secs", (seconds(timeouts["connect"]),)))
    if "response" in timeouts:
        children.append(KdlNode("upstream-timeout-secs", (seconds(timeouts["response"]),)))
    return (KdlNode("filter", (f"{name}.timeouts",), children=tuple(children)),)


def route_nodes(name: str, data: Mapping[str, Any]) -> tuple[KdlNode, ...]:
    """All routes of a service, in the order of its paths and methods."""
    common: list[KdlNode] = [KdlNode("upstream", (data["upstream"],))]
    filters = filter_nodes(name, data)
    if filters:
        common.append(KdlNode("filters", tuple(f.arguments[0] for f in filters)))
    if "attempts" in data:
        common.append(KdlNode("retry-policy", children=(KdlNode("max-attempts", (data["attempts"],)),)))
    policies = tuple(
        KdlNode(part, children=_header_changes(data[part]))
        for part in ("request-headers", "response-headers")
        if data.get(part)
    )
    if policies:
        common.append(KdlNode("policies", children=policies))
    hosts = tuple(KdlNode("host", (host,)) for host in data.get("hosts", ()))
    nodes = []
    for route, ((kind, path), method) in zip(
        route_ids(name, route_count(data)), alternatives(data), strict=True
    ):
        matches = (*hosts, KdlNode(kind, (path,)), *((KdlNode("method", (method,)),) if method else ()))
        children = (KdlNode("priority", (data["priority"],)), KdlNode("matches", children=matches), *common)
        nodes.append(KdlNode("route", (route,), children=children))
    return tuple(nodes)


def _header_changes(changes: Mapping[str, Any]) -> tuple[KdlNode, ...]:
    nodes = [
        KdlNode(verb, children=tuple(KdlNode(item["name"], (item["value"],)) for item in changes[verb]))
        for verb in ("set", "add")
        if changes.get(verb)
    ]
    if changes.get("remove"):
        nodes.append(KdlNode("remove", tuple(changes["remove"])))
    return tuple(nodes)
