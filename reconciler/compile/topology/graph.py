"""The graph of one environment: its resources and targets, and which leads to which."""

from __future__ import annotations

from reconciler.compile.proxies.parts import native_parts, targets_of
from reconciler.config.references import references_in
from reconciler.config.snapshot import Rendering
from reconciler.outline.graph import BETWEEN, FIRST, TARGETS, UPSTREAMS, Edge, Graph, Vertex

LEFT_OUT = frozenset({"project", "environment", "node-group", "team", "listener", "template"})
"""Kinds that no single request leads to: every service is reachable through every listener, and a
template is no place."""


def topology(rendering: Rendering) -> Graph:
    """The graph of an environment. What neither leads anywhere nor is led to, upstreams and services aside, is no part.

    A target of two upstreams is one vertex. Native routes are edges of their proxy resource.
    """
    found: set[Vertex] = set()
    edges: set[Edge] = set()
    for kind, resource, data in rendering.each():
        if kind in LEFT_OUT:
            continue
        start = Vertex(kind, resource.name)
        if kind in ("service", "upstream"):
            found.add(start)
        for path, other, name in references_in(resource, data):
            if other not in LEFT_OUT:
                edges.add(Edge(start, Vertex(other, str(name)), " ".join(path)))
        if kind == "upstream":
            for target in data.get("target", ()):
                edges.add(Edge(start, Vertex("target", str(target["address"])), "target"))
    for part in native_parts(rendering).each():
        resource, _ = part.resources[0]
        start = Vertex("proxy", resource.name)
        edges |= {Edge(start, Vertex("upstream", name), "routes") for name in part.upstreams_of_routes()}
        for name, upstream in part.upstreams().items():
            found.add(Vertex("upstream", name))
            edges |= {
                Edge(Vertex("upstream", name), Vertex("target", address), "target")
                for address in targets_of(upstream)
            }
    found |= {vertex for edge in edges for vertex in (edge.start, edge.end)}
    leading = {edge.start for edge in edges} - {edge.end for edge in edges}
    columns = {vertex: _column(vertex, leading) for vertex in found}
    # Tuples of texts are compared much faster than what is made of them.
    return Graph(
        rendering.policy.name,
        tuple(sorted(found, key=_order)),
        tuple(sorted(edges, key=_edge_order)),
        columns,
    )


def _order(vertex: Vertex) -> tuple[str, str]:
    return (vertex.kind, vertex.name)


def _edge_order(edge: Edge) -> tuple[str, ...]:
    return (edge.start.kind, edge.start.name, edge.end.kind, edge.end.name, edge.via)


def _column(vertex: Vertex, leading: set[Vertex]) -> int:
    if vertex.kind == "service":
        return FIRST
    if vertex.kind == "upstream":
        return UPSTREAMS
    if vertex.kind == "target":
        return TARGETS
    return FIRST if vertex in leading else BETWEEN
