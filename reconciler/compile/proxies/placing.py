"""Nodes of resources as nodes of the native check, each at its place in the file of the resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.compile.native.nodes import Entry, Node, Text
from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.scan import ScannedNode

NOWHERE = Text("", "")
"""The text of nodes that stand in no file: findings about them are nobody's."""


def placed(nodes: Iterable[KdlNode], file: ParsedFile) -> tuple[Node, ...]:
    """The nodes of a file, for the native check. Values come in the order in which they will be written."""
    text = Text(file.path, file.text)
    return tuple(_placed(node, text, file.places()[id(node)]) for node in nodes)


def _placed(node: KdlNode, text: Text, at: ScannedNode) -> Node:
    arguments = [entry for entry in at.entries if entry.key is None]
    properties = {entry.key: entry for entry in at.entries if entry.key is not None}
    entries = [
        Entry(None, value, entry.value.start, entry.value.start)
        for value, entry in zip(node.arguments, arguments, strict=True)
    ]
    entries += [
        Entry(key, value, properties[key].key_at, properties[key].value.start)
        for key, value in sorted(node.properties.items())
    ]
    children = tuple(
        _placed(child, text, place) for child, place in zip(node.children, at.children, strict=True)
    )
    return Node(text, node.name, at.name.start, False, tuple(entries), children if at.block else None)


def unplaced(node: KdlNode) -> Node:
    """A node that stands in no file."""
    entries = [Entry(None, value, 0, 0) for value in node.arguments]
    entries += [Entry(key, value, 0, 0) for key, value in sorted(node.properties.items())]
    children = tuple(unplaced(child) for child in node.children)
    return Node(NOWHERE, node.name, 0, False, tuple(entries), children if children or node.braces else None)


def everywhere(nodes: Iterable[Node]) -> Iterator[tuple[int, int]]:
    """Line and column of every token of the nodes at which a finding may stand."""
    for node in nodes:
        for at in (node.at, *(offset for entry in node.entries for offset in (entry.at, entry.value_at))):
            place = node.text.place(at)
            yield place.line, place.column
        yield from everywhere(node.nodes)
