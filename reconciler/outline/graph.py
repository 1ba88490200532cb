"""A graph of named things: which leads to which, in columns from left to right, and the part near some of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FIRST, BETWEEN, UPSTREAMS, TARGETS = range(4)
"""Columns, from left to right: where requests arrive, what they pass through, upstreams, targets."""


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


def along(graph: Graph, starts: Iterable[Vertex]) -> Graph:
    """What some vertices lead to and what leads to them, all the way and never back: their own lines and no other's."""
    forward: dict[Vertex, list[Vertex]] = defaultdict(list)
    back: dict[Vertex, list[Vertex]] = defaultdict(list)
    for edge in graph.edges:
        forward[edge.start].append(edge.end)
        back[edge.end].append(edge.start)
    begun = list(starts)
    down, up = _reached(begun, forward), _reached(begun, back)
    return cut(graph, down | up)


def cut(graph: Graph, kept: set[Vertex]) -> Graph:
    """The graph with some of its vertices alone, and the edges between them."""
    vertices = tuple(vertex for vertex in graph.vertices if vertex in kept)
    edges = tuple(edge for edge in graph.edges if edge.start in kept and edge.end in kept)
    return Graph(graph.environment, vertices, edges, {vertex: graph.columns[vertex] for vertex in vertices})


def _reached(starts: list[Vertex], following: dict[Vertex, list[Vertex]]) -> set[Vertex]:
    seen, stack = set(starts), list(starts)
    while stack:
        for vertex in following[stack.pop()]:
            if vertex not in seen:
                seen.add(vertex)
                stack.append(vertex)
    return seen
