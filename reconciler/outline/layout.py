"""Where each vertex stands: columns from left to right, and in each the order with few crossings.

The order is found by sweeping: again and again each column is sorted by the middle of its neighbours in the others.
The number of sweeps is fixed and ties fall to the name, so that the same graph is always drawn the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.outline.graph import Graph, Vertex

SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Vertices of each column from top to bottom. Columns without any are left out."""

    columns: tuple[tuple[Vertex, ...], ...]

    @property
    def height(self) -> int:
        """Vertices in the longest column."""
        return max((len(column) for column in self.columns), default=0)


def lay_out(graph: Graph) -> Layout:
    """The layout of a graph."""
    by_column: dict[int, list[Vertex]] = defaultdict(list)
    for vertex in sorted(graph.vertices):
        by_column[graph.columns[vertex]].append(vertex)
    columns = [by_column[number] for number in sorted(by_column)]
    neighbours: dict[Vertex, list[Vertex]] = defaultdict(list)
    for edge in sorted(graph.edges):
        neighbours[edge.start].append(edge.end)
        neighbours[edge.end].append(edge.start)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            rows = _rows(columns)
            column.sort(key=lambda v: (_middle(v, neighbours, rows), v))
    return Layout(tuple(tuple(column) for column in columns))


def _rows(columns: list[list[Vertex]]) -> dict[Vertex, float]:
    """How far down each vertex stands, from 0 to 1, so that long and short columns compare."""
    return {
        vertex: (number + 0.5) / len(column) for column in columns for number, vertex in enumerate(column)
    }


def _middle(vertex: Vertex, neighbours: Mapping[Vertex, list[Vertex]], rows: Mapping[Vertex, float]) -> float:
    beside = neighbours.get(vertex, [])
    return sum(rows[other] for other in beside) / len(beside) if beside else rows[vertex]
