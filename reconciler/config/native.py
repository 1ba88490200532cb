"""Nodes that are kept as they are written: their JSON form, and back.

An item has "arguments", a list of values; "properties", an object; and "children", a list of items that have a "name"
each. What is empty is left out, but "children" are there whenever the node has braces: the proxy tells an empty block
from none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.kdl import EMPTY, KdlNode, KdlValue, ParsedFile

Item = Mapping[str, Any]

NATIVE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "arguments": {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
        "properties": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
        "children": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
            },
        },
    },
    "additionalProperties": False,
}
"""The JSON Schema of an item. Children are items with a name, which is said in words: a schema of its own would have to
name itself."""


def native_item(node: KdlNode, file: ParsedFile) -> dict[str, Any]:
    """The item of a node. The file is looked at only for nodes that may have empty braces."""
    item: dict[str, Any] = {}
    if node.arguments:
        item["arguments"] = list(node.arguments)
    if node.properties:
        item["properties"] = dict(sorted(node.properties.items()))
    if node.children or _has_braces(node, file):
        item["children"] = [{"name": child.name, **native_item(child, file)} for child in node.children]
    return item


def _has_braces(node: KdlNode, file: ParsedFile) -> bool:
    if node.braces:
        return True
    place = file.places().get(id(node))
    return place is not None and place.block


def native_node(name: str, item: Item) -> KdlNode:
    """The node of an item."""
    children = item.get("children")
    return KdlNode(
        name,
        tuple(item.get("arguments", ())),
        item.get("properties") or EMPTY,
        tuple(native_node(child["name"], child) for child in children or ()),
        braces=children is not None and not children,
    )


def native_values(name: str, item: Item) -> Iterator[tuple[tuple[str, ...], KdlValue]]:
    """Every value of an item and of what is inside it, with the names of the nodes that lead there."""
    for value in (*item.get("arguments", ()), *item.get("properties", {}).values()):
        yield (name,), value
    for child in item.get("children", ()):
        for path, value in native_values(child["name"], child):
            yield (name, *path), value


def provided(data: Mapping[str, Any], block: str, kind: str) -> Iterator[str]:
    """Names that the blocks of a proxy resource define, such as those of its upstreams."""
    for item in data.get(block, ()):
        for child in item.get("children", ()):
            first = next(iter(child.get("arguments", ())), None)
            if child["name"] == kind and isinstance(first, str):
                yield first
