"""Reads KDL v2 as far as a fake proxy must: nodes with arguments, properties and children. No types, no positions.

It is not the parser that judges configurations (`reconciler.config`); it stands for the one inside the proxy, which
is told apart from ours on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\ufeff\u00a0]+ | \\[ \t]*(?://[^\n]*)?\n | /\*.*?\*/)
    | (?P<comment>//[^\n]*)
    | (?P<raw>(?P<hashes>\#+)"(?P<inner>.*?)"(?P=hashes))
    | (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<end>[\n;\r])
    | (?P<open>\{) | (?P<close>\}) | (?P<equals>=)
    | (?P<word>[^\s"{}=;\\/()]+|/(?![/*]))
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u\{([0-9a-fA-F]{1,6})\}|\s+|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "s": " "}

DEEPEST = 64


class Unreadable(Exception):
    """The text is not what the proxy takes; the message is what it would say."""


@dataclass(slots=True)
class Node:
    """A node. Every value is text, as it stands or unescaped."""

    name: str
    arguments: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Node]:
        """Descendants reached by these names in turn."""
        if not names:
            yield self
            return
        for child in self.children:
            if child.name == names[0]:
                yield from child.all(*names[1:])

    def walk(self, name: str) -> Iterator[Node]:
        """Every descendant of this name, however deep."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.walk(name)


def scan(text: str) -> Node:
    """The document as a node without a name. Raises `Unreadable`."""
    root = Node("")
    stack = [root]
    current: Node | None = None
    waiting_for: str | None = None
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable("Failed to parse KDL document")
        position = match.end()
        kind = match.lastgroup
        if kind in ("space", "comment"):
            continue
        if kind == "end":
            current = None
        elif kind == "open":
            if current is None or len(stack) > DEEPEST:
                raise Unreadable("Failed to parse KDL document")
            stack.append(current)
            current = None
        elif kind == "close":
            if len(stack) == 1:
                raise Unreadable("Failed to parse KDL document")
            stack.pop()
            current = None
        elif kind == "equals":
            if current is None or not current.arguments:
                raise Unreadable("Failed to parse KDL document")
            waiting_for = current.arguments.pop()
            continue
        else:
            value = _value(match)
            if waiting_for is not None and current is not None:
                current.properties[waiting_for] = value
            elif current is None:
                current = Node(value)
                stack[-1].children.append(current)
            else:
                current.arguments.append(value)
        waiting_for = None
    if len(stack) != 1:
        raise Unreadable("Failed to parse KDL document")
    return root


def _value(match: re.Match[str]) -> str:
    if match["raw"] is not None:
        return match["inner"]
    if match["text"] is not None:
        return _ESCAPE.sub(_unescape, match["text"][1:-1])
    return match[0]


def _unescape(match: re.Match[str]) -> str:
    if match[2] is not None:
        return chr(int(match[2], 16))
    return "" if match[1].isspace() else _ESCAPES.get(match[1], match[1])
