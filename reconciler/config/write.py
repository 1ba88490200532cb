"""Writes KDL v2. The only place in the program that turns values into KDL text.

Every string is quoted and escaped, every name that is not plainly an identifier is quoted too, so nothing that a
user supplies can end a string, open a node or change its type. Source: KDL 2.0.0 specification, sections 3.5–3.13.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from reconciler.config.characters import INVISIBLE
from reconciler.config.kdl import KdlNode, KdlValue

INDENT = "    "
_IDENTIFIER = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_KEYWORDS = frozenset({"true", "false", "null", "inf", "nan"})
_UNSAFE = re.compile(f'["\\\\\n\r\t]|{INVISIBLE.pattern}')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        raise ValueError("a lone surrogate cannot be written as KDL")
    return _SHORT.get(character) or f"\\u{{{ord(character):x}}}"


def write_string(text: str) -> str:
    """A quoted KDL string. Raises ValueError for lone surrogates, which KDL cannot express."""
    # Most text is plain, and to see that costs less than to search for what is not.
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{_UNSAFE.sub(_escape, text)}"'


@lru_cache(maxsize=4096)
def write_name(name: str) -> str:
    """A node's name or a property's key: bare when it is plainly an identifier, else quoted."""
    if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS:
        return name
    return write_string(name)


def write_value(value: KdlValue) -> str:
    """One value. Floats are written with the digits that read back as the same number.

    Raises ValueError for an infinite number or NaN, and TypeError for anything that is not a KDL value.
    """
    if isinstance(value, str):
        return write_string(value)
    if value.__class__ is int:
        return str(value)
    if value is True:
        return "#true"
    if value is False:
        return "#false"
    if value is None:
        return "#null"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("only finite numbers can be written")
        return repr(value)
    raise TypeError(f"{type(value).__name__} is not a KDL value")


def _write(node: KdlNode, indent: str, out: list[str]) -> None:
    name, arguments, properties, children, braces = node
    line = indent + write_name(name)
    for value in arguments:
        line += f" {write_string(value) if value.__class__ is str else write_value(value)}"
    if properties:
        for key, value in sorted(properties.items()):
            line += f" {write_name(key)}={write_value(value)}"
    if not children:
        out.append(f"{line} {{ }}" if braces else line)
        return
    out.append(line + " {")
    deeper = indent + INDENT
    for child in children:
        name, arguments, properties, children, braces = child
        if children or braces or properties or len(arguments) != 1:
            _write(child, deeper, out)
            continue
        # Most nodes are a name and a value, and most of the time goes into calls.
        value = arguments[0]
        text = write_string(value) if value.__class__ is str else write_value(value)
        out.append(f"{deeper}{write_name(name)} {text}")
    out.append(indent + "}")


def write_document(nodes: Iterable[KdlNode], *, indent: int = 0) -> str:
    """The nodes as KDL v2: four spaces a level, one node a line, arguments first, then properties by name.

    `indent` is the number of levels the text starts at. An empty document is an empty string.
    """
    out: list[str] = []
    for node in nodes:
        _write(node, INDENT * indent, out)
    return "\n".join(out) + "\n" if out else ""
