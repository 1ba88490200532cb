"""Numbers with a fraction or an exponent, read again from the text: the parser rounds some of them wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.config.scan import ScannedNode, Token, scan

if TYPE_CHECKING:
    from reconciler.config.kdl import KdlNode, KdlValue


def with_exact_floats(nodes: Sequence[KdlNode], text: str) -> tuple[KdlNode, ...]:
    """The same nodes, each float being the one nearest to what is written. `text` is what they were parsed from."""
    return _corrected(nodes, scan(text).nodes, text)


def _corrected(nodes: Sequence[KdlNode], scanned: Sequence[ScannedNode], text: str) -> tuple[KdlNode, ...]:
    return tuple(_node(node, at, text) for node, at in zip(nodes, scanned, strict=True))


def _node(node: KdlNode, at: ScannedNode, text: str) -> KdlNode:
    arguments = [entry.value for entry in at.entries if entry.key is None]
    properties = {entry.key: entry.value for entry in at.entries if entry.key is not None}
    return node._replace(
        arguments=tuple(_value(v, token, text) for v, token in zip(node.arguments, arguments, strict=True)),
        properties={key: _value(value, properties[key], text) for key, value in node.properties.items()},
        children=_corrected(node.children, at.children, text),
    )


def _value(value: KdlValue, token: Token, text: str) -> KdlValue:
    if not isinstance(value, float) or token.kind != "word":
        return value
    return float(text[token.start : token.end].replace("_", ""))
