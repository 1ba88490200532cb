"""What of the native parts the proxy reads only when it starts.

The table of the proxy's grammar says for each value when a change takes effect. What it does not know, and listeners,
agents and settings of the process as a whole, count as read at the start: a restart too many cuts connections, and one
too few leaves a change undone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from reconciler.compile.native.grammar.routes import ROUTE
from reconciler.compile.native.grammar.upstreams import UPSTREAM
from reconciler.compile.native.shape import Block, Effect, Kind
from reconciler.compile.proxies.parts import NativeParts
from reconciler.config.kdl import KdlNode

AT_START = ("system", "cache", "rate-limits", "observability")
"""Blocks that are read as a whole at the start. `waf` and `limits` are read anew on a reload."""

REGISTERED = ("rate-limit", "geo")
"""Types of filters that are set up for each route at the start."""

_NEVER = (Effect.reload, Effect.inert)


def native_restarts(
    parts: NativeParts, services: Iterable[tuple[str, tuple[str, ...]]]
) -> tuple[KdlNode, ...]:
    """Nodes that differ whenever the proxy has to start anew for a changed native part.

    `services` are the names of services with the filters that their routes name.
    """
    filters = parts.filters()
    registered = {
        name: node
        for name, node in filters.items()
        if any(child.name == "type" and child.arguments[:1] in _REGISTERED for child in node.children)
    }
    found = [node for name in AT_START for node in parts.blocks(name)]
    found += [*parts.inside("listeners"), *parts.inside("agents"), *registered.values()]
    found += [left for node in parts.inside("routes") for left in _route(node, registered)]
    found += [left for node in parts.inside("upstreams") for left in _left(node, UPSTREAM)]
    limited = ((name, tuple(one for one in named if one in registered)) for name, named in services)
    found += [KdlNode("service", (name, *limits)) for name, limits in limited if limits]
    for namespace in parts.blocks("namespace"):
        found.append(namespace._replace(children=tuple(_of_namespace(namespace))))
    return tuple(found)


def _of_namespace(namespace: KdlNode) -> Iterator[KdlNode]:
    """Everything, but of routes only what is read at the start."""
    for child in namespace.children:
        if child.name == "routes":
            yield child._replace(
                children=tuple(left for route in child.children for left in _left(route, ROUTE))
            )
        else:
            yield child


_REGISTERED = tuple((kind,) for kind in REGISTERED)


def _route(node: KdlNode, registered: Collection[str]) -> Iterator[KdlNode]:
    """A route, with what it holds and which of the registered filters it names."""
    named = [name for child in node.children if child.name == "filters" for name in child.arguments]
    limits = tuple(name for name in named if name in registered)
    children = [*_children(node, ROUTE), *([KdlNode("filters", limits)] if limits else [])]
    if children:
        yield node._replace(children=tuple(children))


def _left(node: KdlNode, block: Block) -> Iterator[KdlNode]:
    children = tuple(_children(node, block))
    if children:
        yield node._replace(children=children)


def _children(node: KdlNode, block: Block) -> Iterator[KdlNode]:
    for child in node.children:
        row = block.row(child.name)
        if row is None:
            continue
        if row.effect in _NEVER:
            continue
        if row.kind is Kind.block and row.block and any(r.effect in _NEVER for r in row.block.rows):
            yield from _left(child, row.block)
        else:
            yield child
