"""A graph as DOT and as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from reconciler.config.characters import escaped
from reconciler.outline.graph import Graph, Vertex
from reconciler.outline.layout import Layout, lay_out

BOX = (200, 40)
GAP = (90, 16)
MARGIN = 20
HEADING = 30
LABEL_LENGTH = 26
COLOURS = {"service": "#dbeafe", "upstream": "#dcfce7", "target": "#f3f4f6"}
OTHER = "#fef3c7"


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz.

    Source: graphviz.org, "DOT Language": in quotes, `"` and `\\` are escaped.
    """
    lines = [f"digraph {_quoted(graph.environment)} {{", "    rankdir=LR;", "    node [shape=box];"]
    for vertex in graph.vertices:
        colour = COLOURS.get(vertex.kind, OTHER)
        label = f"{_inner(vertex.kind)}\\n{_inner(vertex.name)}"
        lines.append(f'    {_quoted(vertex.id)} [label="{label}", style=filled, fillcolor="{colour}"];')
    lines += [
        f"    {_quoted(edge.start.id)} -> {_quoted(edge.end.id)} [label={_quoted(edge.via)}];"
        for edge in graph.edges
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _inner(text: str) -> str:
    return escaped(text).replace("\\", "\\\\").replace('"', '\\"')


def _quoted(text: str) -> str:
    return f'"{_inner(text)}"'


def svg(graph: Graph) -> str:
    """The graph as a drawing that stands alone: no script, no style from elsewhere, a title for who cannot see it."""
    layout = lay_out(graph)
    corners = _corners(layout)
    width = 2 * MARGIN + max(1, len(layout.columns)) * (BOX[0] + GAP[0]) - GAP[0]
    height = 2 * MARGIN + HEADING + max(1, layout.height) * (BOX[1] + GAP[1]) - GAP[1]
    title = f"Topology of {graph.environment}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="12">',
            f"<title>{_xml(title)}</title>",
            f'<text x="{MARGIN}" y="{MARGIN + 4}" font-size="14">{_xml(title)}</text>',
            *_lines(graph, corners),
            *_boxes(graph, corners),
            "</svg>",
            "",
        ]
    )


def _corners(layout: Layout) -> dict[Vertex, tuple[int, int]]:
    """The upper left corner of each box; short columns stand in the middle of the height."""
    step = BOX[1] + GAP[1]
    found = {}
    for number, column in enumerate(layout.columns):
        start = MARGIN + HEADING + (layout.height - len(column)) * step // 2
        for row, vertex in enumerate(column):
            found[vertex] = (MARGIN + number * (BOX[0] + GAP[0]), start + row * step)
    return found


def _lines(graph: Graph, corners: dict[Vertex, tuple[int, int]]) -> Iterator[str]:
    for edge in graph.edges:
        (left, top), (right, bottom) = corners[edge.start], corners[edge.end]
        forward = right > left
        x1 = left + BOX[0] if forward else left + BOX[0] // 2
        x2 = right if forward else right + BOX[0] // 2
        y1 = top + BOX[1] // 2
        y2 = bottom + BOX[1] // 2
        middle = (x1 + x2) // 2 if forward else x1 + BOX[0]
        what = _xml(f"{edge.start.name} → {edge.end.name} ({edge.via})")
        yield (
            f'<path d="M {x1} {y1} C {middle} {y1}, {middle} {y2}, {x2} {y2}" fill="none" stroke="#6b7280">'
            f"<title>{what}</title></path>"
        )


def _boxes(graph: Graph, corners: dict[Vertex, tuple[int, int]]) -> Iterator[str]:
    for vertex in graph.vertices:
        x, y = corners[vertex]
        colour = COLOURS.get(vertex.kind, OTHER)
        yield (
            f"<g><title>{_xml(f'{vertex.kind} {vertex.name}')}</title>"
            f'<rect x="{x}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="4" fill="{colour}" stroke="#374151"/>'
            f'<text x="{x + 8}" y="{y + 15}" font-size="10" fill="#4b5563">{_xml(vertex.kind)}</text>'
            f'<text x="{x + 8}" y="{y + 31}">{_xml(_cut(vertex.name))}</text></g>'
        )


def _cut(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"


def _xml(text: str) -> str:
    return escape(escaped(text), quote=True)
