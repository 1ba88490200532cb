"""The map of services: which part of a configuration is drawn, and where each vertex and line of it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.outline.graph import Edge, Graph, Lines, Vertex
from reconciler.outline.layout import lay_out
from reconciler.outline.outline import Outline

SHOWN = ("service", "proxy", "middleware", "auth-policy", "waf-policy", "plugin", "upstream", "target", "certificate",
         "trust-store", "secret", "health-check")  # fmt: skip
"""Kinds that requests have to do with; alerts and objectives stand beside the road."""

MOST = 90
"""Vertices of one drawing: more are no picture any more, and too much for a page."""

MOST_EDGES = 260
BOX, GAP, MARGIN = (212, 42), (84, 14), 14
LABEL = 25


@dataclass(frozen=True, slots=True)
class Box:
    """A vertex as it is drawn, with its upper left corner. `number` names it to the lines."""

    number: int
    vertex: Vertex
    x: int
    y: int
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two boxes, as the path of an SVG."""

    start: int
    end: int
    path: str
    title: str
    shadow: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A part of the map: `left_out` is how many vertices of it did not fit."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    graph: Graph
    left_out: int


@dataclass(frozen=True, slots=True)
class Road:
    """A service in words: what requests pass through, the upstreams and how many targets those have."""

    service: Vertex
    file: str
    through: tuple[tuple[str, Vertex], ...]
    upstreams: tuple[tuple[str, Vertex], ...]
    targets: int


def lines_of(outline: Outline) -> Lines:
    """The map without what is beside the road."""
    graph = outline.graph
    kept = {vertex for vertex in graph.vertices if vertex.kind in SHOWN}
    edges = tuple(edge for edge in graph.edges if edge.start in kept and edge.end in kept)
    vertices = tuple(vertex for vertex in graph.vertices if vertex in kept)
    return Lines(Graph(graph.environment, vertices, edges, graph.columns))


def starts(lines: Lines, search: str | None) -> list[Vertex]:
    """Where the roads begin: services and native proxies, with `search` those that lead to something of that name.

    A name is found wherever it stands: in a service, a target's address, a middleware."""
    begun = [v for kind in ("service", "proxy") for v in lines.graph.vertices if v.kind == kind]
    if not search:
        return begun
    wanted = search.lower()
    hit = [vertex for vertex in lines.graph.vertices if wanted in vertex.name.lower()]
    leading = {vertex for one in hit for vertex in lines.above(one)}
    return [vertex for vertex in begun if vertex in leading]


def page_of(lines: Lines, begun: list[Vertex]) -> tuple[list[Vertex], set[Vertex]]:
    """As many of the services as fit into one drawing, at least one, and everything on their roads."""
    fit: list[Vertex] = []
    kept: set[Vertex] = set()
    for start in begun:
        more = kept | set(lines.below(start))
        if fit and len(more) > MOST:
            break
        fit.append(start)
        kept = more
    return fit, kept


def around(lines: Lines, vertex: Vertex) -> list[Vertex]:
    """What a vertex leads to and what leads to it, the nearest first on both sides."""
    found: dict[Vertex, None] = {}
    below, above = list(lines.below(vertex)), list(lines.above(vertex))
    for place in range(max(len(below), len(above))):
        for side in (below, above):
            if place < len(side):
                found[side[place]] = None
    return list(found)


def drawing(lines: Lines, kept: list[Vertex]) -> Drawing:
    """The drawing of some vertices, those that come first when not all fit."""
    graph = lines.cut(set(kept[:MOST]))
    layout = lay_out(graph)
    step = BOX[1] + GAP[1]
    corners = {
        vertex: (
            MARGIN + number * (BOX[0] + GAP[0]),
            MARGIN + (layout.height - len(column)) * step // 2 + row * step,
        )
        for number, column in enumerate(layout.columns)
        for row, vertex in enumerate(column)
    }
    boxes = tuple(
        Box(number, vertex, *corners[vertex], _cut(vertex.name))
        for number, vertex in enumerate(graph.vertices)
    )
    numbers = {box.vertex: box.number for box in boxes}
    drawn = tuple(_line(edge, numbers, corners) for edge in graph.edges[:MOST_EDGES])
    return Drawing(
        width=2 * MARGIN + max(1, len(layout.columns)) * (BOX[0] + GAP[0]) - GAP[0],
        height=2 * MARGIN + max(1, layout.height) * step - GAP[1],
        boxes=boxes,
        lines=drawn,
        graph=graph,
        left_out=max(0, len(kept) - MOST),
    )


def roads(lines: Lines, services: list[Vertex], outline: Outline) -> Iterator[Road]:
    """The services in words, for those who do not see the drawing."""
    for service in services:
        leading = lines.forward.get(service, [])
        upstreams = tuple((edge.via, edge.end) for edge in leading if edge.end.kind == "upstream")
        through = tuple((edge.via, edge.end) for edge in leading if edge.end.kind != "upstream")
        targets = {v for _, upstream in upstreams for v in lines.below(upstream) if v.kind == "target"}
        yield Road(service, outline.files.get(service, ""), through, upstreams, len(targets))


def vertex_of(lines: Lines, identifier: str) -> Vertex | None:
    """The vertex of that id, or None when the map has none."""
    kind, _, name = identifier.partition("/")
    vertex = Vertex(kind, name)
    return vertex if vertex in lines.graph.columns and kind in SHOWN else None


def _line(edge: Edge, numbers: dict[Vertex, int], corners: dict[Vertex, tuple[int, int]]) -> Line:
    (left, top), (right, bottom) = corners[edge.start], corners[edge.end]
    forward = right > left
    x1 = left + (BOX[0] if forward else BOX[0] // 2)
    x2 = right if forward else right + BOX[0] // 2
    y1, y2 = top + BOX[1] // 2, bottom + BOX[1] // 2
    middle = x2 - GAP[0] // 2 if forward else x1 + BOX[0]
    # The line runs straight over the columns that it passes, and turns in the last gap: like points, not like string.
    path = (
        f"M{x1} {y1}H{middle - 12}C{middle + 6} {y1} {middle - 6} {y2} {x2} {y2}"
        if forward and y1 != y2 and right - left <= BOX[0] + GAP[0]
        else f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
    )
    title = f"{edge.start.name} → {edge.end.name} ({edge.via})"
    return Line(numbers[edge.start], numbers[edge.end], path, title, edge.via.startswith("shadow"))


def _cut(text: str) -> str:
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"
