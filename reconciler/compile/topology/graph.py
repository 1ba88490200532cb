"""The graph of one environment: its resources and targets, and which leads to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.compile.proxies.parts import native_parts, targets_of
from reconciler.config.references import references_of
from reconciler.config.snapshot import Rendering

FIRST, BETWEEN, UPSTREAMS, TARGETS = range(4)
"""Columns, from left to right: where requests arrive, what they pass through, upstreams, targets."""

LEFT_OUT = frozenset({"project", "environment", "node-group", "team", "listener", "template"})
"""Kinds that no single request leads to: every service is reachable through every listener, and a
template is no place."""


@dataclass(frozen=True, slots=True, order=True)
class Vertex:
    """One resource or target. `kind` is a kind of the language, or "target"."""

    kind: str
    name: str

    @property
    def id(self) -> str:
        """Unique in a graph: neither kinds nor targets hold a slash before the first one here."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """That one leads to the other. `via` is the field that says so, such as "shadow upstream"."""

    start: Vertex
    end: Vertex
    via: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Vertices and edges, sorted, and the column of each vertex."""

    environment: str
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    columns: dict[Vertex, int]

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "environment": self.environment,
            "vertices": [
                {"id": v.id, "kind": v.kind, "name": v.name, "column": self.columns[v]} for v in self.vertices
            ],
            "edges": [{"from": e.start.id, "to": e.end.id, "via": e.via} for e in self.edges],
        }


def topology(rendering: Rendering) -> Graph:
    """The graph of an environment. What neither leads anywhere nor is led to, upstreams and services aside, is no part.

    A target of two upstreams is one vertex. Native routes are edges of their proxy resource.
    """
    environment = rendering.policy.name
    found: set[Vertex] = set()
    edges: set[Edge] = set()
    for kind, resources in rendering.resources.items():
        if kind in LEFT_OUT:
            continue
        for resource in resources:
            start = Vertex(kind, resource.name)
            if kind in ("service", "upstream"):
                found.add(start)
            for path, other, name in references_of(resource, environment):
                if other not in LEFT_OUT:
                    edges.add(Edge(start, Vertex(other, str(name)), " ".join(path)))
            if kind == "upstream":
                for target in resource.effective(environment).get("target", ()):
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
    return Graph(environment, tuple(sorted(found)), tuple(sorted(edges)), columns)


def _column(vertex: Vertex, leading: set[Vertex]) -> int:
    if vertex.kind == "service":
        return FIRST
    if vertex.kind == "upstream":
        return UPSTREAMS
    if vertex.kind == "target":
        return TARGETS
    return FIRST if vertex in leading else BETWEEN
