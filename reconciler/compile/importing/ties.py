"""Routes between which only their order decides.

The proxy takes the route of the highest priority, then the most specific one. When two that match the same request are
equal in both, the one that it reads first may win, and services come in the order of their names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from reconciler.compile.diff.meaning import LEVELS
from reconciler.compile.native.match_checks import conditions
from reconciler.compile.native.nodes import Node

Shape = tuple[object, ...]


def reordered(before: Iterable[Node], after: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names of routes that may tie and come the other way round: `before` in their order, `after` as names."""
    position: Mapping[str, int] = {name: number for number, name in enumerate(after)}
    groups: dict[Shape, list[Node]] = defaultdict(list)
    for route in before:
        groups[_shape(route)].append(route)
    for routes in groups.values():
        for number, second in enumerate(routes):
            for first in routes[:number]:
                one, other = first.string or "", second.string or ""
                if position[one] > position[other] and _may_meet(first, second):
                    yield one, other


def _shape(route: Node) -> Shape:
    """What makes a route more or less specific, but for its hosts. A prefix or path says which, a regex may be any."""
    priority = route.child("priority")
    level = priority.integer if priority is not None else None
    if level is None:
        level = LEVELS.get((priority.string or "").lower(), 50) if priority is not None else 50
    taken = conditions(route.child("matches"))
    paths = tuple(
        sorted(
            (c.name, "" if c.name == "path-regex" else c.string or "") for c in taken if c.name[:4] == "path"
        )
    )
    headers = tuple(sorted(len(c.entries) for c in taken if c.name == "header"))
    return (
        level,
        paths,
        headers,
        any(c.name == "method" for c in taken),
        any(c.name == "host" for c in taken),
    )


def _may_meet(one: Node, other: Node) -> bool:
    """Whether one request can match both, as far as methods, headers and hosts say."""
    mine, theirs = (conditions(route.child("matches")) for route in (one, other))
    methods = {c.string for c in (*mine, *theirs) if c.name == "method"}
    if len(methods) > 1:
        return False
    wanted: dict[str, object] = {}
    for condition in (*mine, *theirs):
        if condition.name == "header" and len(condition.entries) > 1:
            value = condition.entries[1].value
            if wanted.setdefault((condition.string or "").lower(), value) != value:
                return False
    hosts = [{c.string or "" for c in side if c.name == "host"} for side in (mine, theirs)]
    plain = all(not set("*[") & set(host) for side in hosts for host in side)
    return not (plain and all(hosts) and not hosts[0] & hosts[1])
