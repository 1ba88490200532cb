"""What a part of the proxy's configuration would be in the language. A proposal, which is held against the original."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.compile.native.nodes import Node
from reconciler.config.durations import canonical as duration
from reconciler.config.sizes import canonical as size

Data = dict[str, Any]


class NotSaid(Exception):
    """The language has no word for it. The message completes "it stays native: …". Never leaves this package."""


def only(node: Node, allowed: Iterable[str]) -> None:
    """Raises NotSaid for the first child that is not among the allowed ones."""
    known = frozenset(allowed)
    for child in node.nodes:
        if child.name not in known:
            raise NotSaid(f"the language has nothing like {child.name}")


def numbers(node: Node | None, words: Iterable[tuple[str, str]], data: Data, unit: str = "") -> None:
    """Numbers of a block as fields: pairs of the proxy's word and ours. `unit` is s, ms or B."""
    for theirs, ours in words:
        value = node.integer_of(theirs) if node else None
        if value is not None:
            data[ours] = length(value, unit)


def length(value: int, unit: str) -> Any:
    """A number as a field of the language wants it."""
    if unit == "B":
        return size(value)
    if unit:
        return duration(value * 1000 if unit == "s" else value)
    return value


def strings(node: Node, words: Iterable[tuple[str, str]], data: Data) -> None:
    """Strings of a block as fields."""
    for theirs, ours in words:
        value = node.string_of(theirs)
        if value is not None:
            data[ours] = value


def flags(node: Node, words: Iterable[tuple[str, str]], data: Data) -> None:
    """Truth values of a block as fields."""
    for theirs, ours in words:
        child = node.child(theirs)
        if child is not None and child.first is not None and isinstance(child.first.value, bool):
            data[ours] = child.first.value


def header_changes(node: Node) -> Data:
    """What is renamed, set, added and removed, of the first block of each name."""
    data: Data = {}
    for verb in ("rename", "set", "add"):
        block = node.child(verb)
        if block is not None and block.nodes:
            data[verb] = [{"name": child.name, "value": child.string} for child in block.nodes]
    removed = node.child("remove")
    if removed is not None:
        data["remove"] = [name for name, _ in removed.strings()]
    return data


def replaced(node: Node, data: Data) -> None:
    """Where a redirect or a rewrite leads."""
    strings(
        node, (("hostname", "host"), ("replace-full-path", "path"), ("replace-prefix-match", "prefix")), data
    )


def without_defaults(data: Data, defaults: Mapping[str, Any]) -> Data:
    """The fields that say something."""
    return {name: value for name, value in data.items() if defaults.get(name) != value}
