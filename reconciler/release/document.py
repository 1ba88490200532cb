"""Strict reading of the small KDL documents of an environment branch."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from reconciler.clock import iso_milliseconds, parse_iso
from reconciler.config.kdl import KdlNode, KdlValue, parse_kdl
from reconciler.errors import Refused
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import text_of

MAX_BYTES = 256 * 1024
"""The largest file that is read. The longest one we write has a few kilobytes."""


class MalformedError(Exception):
    """The document is not what it has to be. The text says which part, what stands there and what may."""


def read_nodes(content: bytes, path: str, allowed: Collection[str]) -> tuple[KdlNode, ...]:
    """The top-level nodes of a document, whose names are all in `allowed`. Raises `MalformedError`."""
    if len(content) > MAX_BYTES:
        raise MalformedError(f"{path} has {len(content)} bytes, more than {MAX_BYTES}")
    nodes, findings = parse_kdl(content, path)
    if nodes is None:
        raise MalformedError("; ".join(f"{f.place or path}: {f.message}" for f in findings[:1]))
    only(nodes, allowed, path)
    return nodes


def only(nodes: Sequence[KdlNode], allowed: Collection[str], where: str) -> None:
    """Every node's name is in `allowed`. Raises `MalformedError` that names the first other one."""
    for node in nodes:
        if node.name not in allowed:
            raise MalformedError(
                f"{where}: '{node.name}' is not known here; expected {', '.join(sorted(allowed))}"
            )


def single(nodes: Sequence[KdlNode], name: str, where: str) -> KdlNode:
    """The one node called `name`. Raises `MalformedError` when there is none, or more than one."""
    found = optional(nodes, name, where)
    if found is None:
        raise MalformedError(f"{where}: there is no '{name}'")
    return found


def optional(nodes: Sequence[KdlNode], name: str, where: str) -> KdlNode | None:
    """The node called `name`, or None. Raises `MalformedError` when it stands there twice."""
    found = [node for node in nodes if node.name == name]
    if len(found) > 1:
        raise MalformedError(f"{where}: '{name}' stands here {len(found)} times; expected once")
    return found[0] if found else None


def text(value: KdlValue, what: str, pattern: re.Pattern[str] | None = None, longest: int = 4096) -> str:
    """A string, matched by the whole `pattern` if there is one. Raises `MalformedError`."""
    if not isinstance(value, str) or len(value) > longest:
        raise MalformedError(f"{what}: expected text of at most {longest} characters")
    if pattern is not None and pattern.fullmatch(value) is None:
        raise MalformedError(f"{what}: '{value[:100]}' does not look like {pattern.pattern}")
    return value


def argument(node: KdlNode, where: str, pattern: re.Pattern[str] | None = None) -> str:
    """The node's only argument, a string. Raises `MalformedError`."""
    if len(node.arguments) != 1:
        raise MalformedError(f"{where}: '{node.name}' takes one value, not {len(node.arguments)}")
    return text(node.arguments[0], f"{where}: '{node.name}'", pattern)


def child_text(node: KdlNode, name: str, where: str, pattern: re.Pattern[str] | None = None) -> str:
    """The string of the child `name`, or "" when there is none. Raises `MalformedError`."""
    child = optional(node.children, name, where)
    return "" if child is None else argument(child, where, pattern)


def number(value: KdlValue, what: str) -> int:
    """A whole number from zero on. Raises `MalformedError`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise MalformedError(f"{what}: expected a whole number")
    return value


def child_number(node: KdlNode, name: str, where: str) -> int:
    """The number of the child `name`, which has to be there. Raises `MalformedError`."""
    child = single(node.children, name, where)
    if len(child.arguments) != 1:
        raise MalformedError(f"{where}: '{name}' takes one number")
    return number(child.arguments[0], f"{where}: '{name}'")


def child_moment(node: KdlNode, name: str, where: str) -> datetime | None:
    """The moment of the child `name` (RFC 3339 with an offset), or None when there is none. Raises `MalformedError`."""
    written = child_text(node, name, where)
    return read_moment(written, f"{where}: '{name}'") if written else None


def read_moment(written: str, what: str) -> datetime:
    """A moment (RFC 3339 with an offset). Raises `MalformedError`."""
    try:
        return parse_iso(written)
    except ValueError:
        raise MalformedError(f"{what}: '{written[:60]}' is not a moment") from None


def child_selector(node: KdlNode, name: str, where: str) -> str:
    """The canonical text of the selector in the child `name`, or "" when there is none. Raises `MalformedError`."""
    written = child_text(node, name, where)
    return selector(written, f"{where}: '{name}'") if written else ""


def selector(written: str, what: str) -> str:
    """The canonical text of a selector. Raises `MalformedError`."""
    try:
        return text_of(read_selector(written))
    except Refused as error:
        raise MalformedError(f"{what}: {error.message}") from None


def leaf(name: str, value: KdlValue) -> KdlNode:
    """A node with one value."""
    return KdlNode(name, (value,))


def moment(name: str, value: datetime | None) -> tuple[KdlNode, ...]:
    """A node with a moment, in milliseconds, or nothing for None."""
    return () if value is None else (leaf(name, iso_milliseconds(value)),)


def words(name: str, value: str) -> tuple[KdlNode, ...]:
    """A node with a text, or nothing for an empty one."""
    return (leaf(name, value),) if value else ()
