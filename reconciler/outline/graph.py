"""A graph of named things: which leads to which, in columns from left to right, and the part near some of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator
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


class Lines:
    """A graph as what leads away from each vertex and to it, for walking along it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.forward: dict[Vertex, list[Edge]] = defaultdict(list)
        self.back: dict[Vertex, list[Edge]] = defaultdict(list)
        for edge in graph.edges:
            self.forward[edge.start].append(edge)
            self.back[edge.end].append(edge)

    def below(self, start: Vertex) -> Iterator[Vertex]:
        """The vertex and all that it leads to, the nearest first."""
        return self._walk(start, lambda vertex: [edge.end for edge in self.forward.get(vertex, ())])

    def above(self, start: Vertex) -> Iterator[Vertex]:
        """The vertex and all that leads to it, the nearest first."""
        return self._walk(start, lambda vertex: [edge.start for edge in self.back.get(vertex, ())])

    def cut(self, kept: Collection[Vertex]) -> Graph:
        """The graph with some of its vertices alone, and the edges between them."""
        vertices = sorted(kept, key=lambda vertex: (vertex.kind, vertex.name))
        edges = [edge for vertex in vertices for edge in self.forward.get(vertex, ()) if edge.end in kept]
        columns = {vertex: self.graph.columns[vertex] for vertex in vertices}
        return Graph(self.graph.environment, tuple(vertices), tuple(edges), columns)

    @staticmethod
    def _walk(start: Vertex, following: Callable[[Vertex], list[Vertex]]) -> Iterator[Vertex]:
        seen, queue = {start}, deque([start])
        while queue:
            vertex = queue.popleft()
            yield vertex
            for other in following(vertex):
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
