"""Changes single lines of a KDL text and leaves every other byte as it is: comments, order, spaces.

The text has to be text that `parse_file` accepts. What is written is canonical; where it goes follows what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ckdl

from reconciler.config.kdl import KdlNode, KdlValue
from reconciler.config.scan import ScannedNode, scan, tokens
from reconciler.config.write import INDENT, write_document, write_name, write_value


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    text: str


def set_child(text: str, kind: str, name: str, child: KdlNode, *, keyed: bool = False) -> str:
    """The text with `child` in the resource of that kind and name, which has to be there (KeyError).

    A child of the same name is changed in place, its superfluous values and properties left alone; with `keyed` only
    one whose first value is the same. Without any the child is added: behind the last of its name, else at the end.
    """
    node = _resource(text, kind, name)
    same = [one for one in node.children if _word(text, one.name.start, one.name.end) == child.name]
    for one in same:
        values = [entry.value for entry in one.entries if entry.key is None]
        first = _value(text, values[0].start, values[0].end) if values else None
        if not keyed or first == child.arguments[0]:
            return _applied(text, _replaced(text, one, child.arguments, child.properties))
    return _applied(text, [_added(text, node, same, child)])


def rename_resource(text: str, kind: str, name: str, new: str) -> str:
    """The text with another name for a resource, which has to be there (KeyError). Nothing that names it is changed."""
    return _applied(text, _replaced(text, _resource(text, kind, name), (new,), {}))


def resource_texts(text: str) -> dict[tuple[str, str], str]:
    """Every resource of the text as it stands there, by kind and name, comments inside it included."""
    found = {}
    for node in scan(text).nodes:
        name = _first(text, node)
        if isinstance(name, str):
            found[_word(text, node.name.start, node.name.end), name] = text[slice(*_span(text, node))]
    return found


def replace_resource(text: str, kind: str, name: str, written: str) -> str:
    """The text with other words for a resource, which has to be there (KeyError)."""
    start, end = _span(text, _resource(text, kind, name))
    return text[:start] + written.strip().replace("\r\n", "\n").replace("\n", _line_break(text)) + text[end:]


def remove_resource(text: str, kind: str, name: str) -> str:
    """The text without a resource, which has to be there (KeyError). Comments around it stay: they are somebody's."""
    node = _resource(text, kind, name)
    start, end = _span(text, node)[0], _end(text, node)
    begins = text.rfind("\n", 0, start) + 1
    if text[begins:start].strip():
        # Something else stands before it in its line.
        return text[:start] + text[end:].lstrip(" \t;")
    rest = text[end:].lstrip(" \t")
    if not rest.startswith(("\r", "\n", ";")):
        return text[:begins] + rest
    rest = rest.removeprefix(";").lstrip(" \t").removeprefix("\r").removeprefix("\n")
    if not text[:begins].rstrip("\r\n") or text[:begins].endswith(("\n\n", "\n\r\n")):
        rest = rest.lstrip("\r\n")
    return text[:begins] + rest


def add_resource(text: str, node: KdlNode | str) -> str:
    """The text with a resource, or with the words of one, behind everything else, after an empty line."""
    line = _line_break(text)
    words = node.strip() + "\n" if isinstance(node, str) else write_document([node])
    written = words.replace("\r\n", "\n").replace("\n", line)
    body = text.rstrip("\r\n\t ")
    return f"{body}{line}{line}{written}" if body else written


def _resource(text: str, kind: str, name: str) -> ScannedNode:
    for node in scan(text).nodes:
        if _word(text, node.name.start, node.name.end) == kind and _first(text, node) == name:
            return node
    raise KeyError(name)


def _first(text: str, node: ScannedNode) -> KdlValue:
    """The first value of a node, or None when it has none."""
    values = [entry.value for entry in node.entries if entry.key is None]
    return _value(text, values[0].start, values[0].end) if values else None


def _span(text: str, node: ScannedNode) -> tuple[int, int]:
    """Where a node begins and ends, without a comment behind it."""
    block = _block(text, node)
    end = block[1] + 1 if block else max([node.name.end, *(entry.value.end for entry in node.entries)])
    return node.name.start, end


def _replaced(
    text: str, node: ScannedNode, arguments: Sequence[KdlValue], properties: Mapping[str, KdlValue]
) -> list[_Change]:
    changes: list[_Change] = []
    values = [entry.value for entry in node.entries if entry.key is None]
    for token, value in zip(values, arguments, strict=False):
        if _value(text, token.start, token.end) != value:
            changes.append(_Change(token.start, token.end, write_value(value)))
    end = max([node.name.end, *(entry.value.end for entry in node.entries)])
    missing = [write_value(value) for value in arguments[len(values) :]]
    for key, value in properties.items():
        found = next((entry.value for entry in node.entries if entry.key == key), None)
        if found is None:
            missing.append(f"{write_name(key)}={write_value(value)}")
        else:
            changes.append(_Change(found.start, found.end, write_value(value)))
    if missing:
        changes.append(_Change(end, end, "".join(f" {part}" for part in missing)))
    return changes


def _added(text: str, node: ScannedNode, same: list[ScannedNode], child: KdlNode) -> _Change:
    line = _line_break(text)
    written = write_document([child]).rstrip("\n")
    if same:
        last = same[-1]
        at = _end(text, last)
        return _Change(at, at, f"{line}{_indent(text, last.name.start)}{written}")
    block = _block(text, node)
    outer = _indent(text, node.name.start)
    if block is None:
        at = max([node.name.end, *(entry.value.end for entry in node.entries)])
        return _Change(at, at, f" {{{line}{outer}{INDENT}{written}{line}{outer}}}")
    opened, closed = block
    inner = outer + INDENT
    if node.children and "\n" in text[opened : node.children[-1].name.start]:
        inner = _indent(text, node.children[-1].name.start)
    begins = text.rfind("\n", 0, closed) + 1
    if begins > opened and not text[begins:closed].strip():
        return _Change(begins, begins, f"{inner}{written}{line}")
    # The block ends on the line of its last child, or is empty: it gets lines of its own from here on.
    body = text[opened + 1 : closed].rstrip().removesuffix(";")
    return _Change(opened + 1, closed, f"{body}{line}{inner}{written}{line}{outer}")


def _block(text: str, node: ScannedNode) -> tuple[int, int] | None:
    """Offsets of the braces of a node's block, or None when it has none."""
    depth, opened, dropped, dropping = 0, -1, False, False
    for token in tokens(text[node.name.start :]):
        at = node.name.start + token.start
        if token.kind == "{":
            if depth == 0:
                opened, dropping = at, dropped
            depth += 1
        elif token.kind == "}":
            depth -= 1
            if depth < 0:
                return None
            if depth == 0 and not dropping:
                return opened, at
        elif depth == 0 and token.kind in ("newline", ";"):
            return None
        if token.kind not in ("space", "comment", "continuation"):
            dropped = token.kind == "slashdash"
    return None


def _end(text: str, node: ScannedNode) -> int:
    """The offset behind a node: behind its block, or behind what stands in its line, a comment included."""
    block = _block(text, node)
    start = block[1] + 1 if block else max([node.name.end, *(entry.value.end for entry in node.entries)])
    end = text.find("\n", start)
    end = len(text) if end < 0 else end - (text[end - 1] == "\r")
    rest = text[start:end].strip()
    return end if not rest or rest.startswith("//") else start


def _indent(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    before = text[start:at]
    return before if not before.strip() else before[: len(before) - len(before.lstrip())]


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _word(text: str, start: int, end: int) -> str:
    raw = text[start:end]
    return str(_value(text, start, end)) if raw.startswith(('"', "#")) else raw


def _value(text: str, start: int, end: int) -> KdlValue:
    value: KdlValue = ckdl.parse(f"- {text[start:end]}", version=2).nodes[0].args[0]
    return value


def _applied(text: str, changes: list[_Change]) -> str:
    for change in sorted(changes, key=lambda one: one.start, reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text
