"""Reads the part of KDL v2 that a list of settings needs: nodes with arguments and properties, without children.

The base install has no KDL parser, and an agent's settings are a flat list. What is outside that part is refused with
its place, never read as something else; what is inside reads as in `reconciler.config` (a test compares the two).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Value = str | int | bool

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\u00a0\ufeff]+)
    | (?P<comment>//[^\r\n]* | /\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/)
    | (?P<end>\r\n|[\r\n;])
    | (?P<raw>(?P<hashes>\#+)"(?!"")(?P<inner>[^\r\n]*?)"(?P=hashes))
    | (?P<text>"(?!"")(?:[^"\\\r\n]|\\(?:["\\/bfnrts]|u\{[0-9a-fA-F]{1,6}\}))*")
    | (?P<flag>\#true|\#false)
    | (?P<number>[+-]?[0-9][0-9_]*)
    | (?P<equals>=)
    | (?P<word>[^\s"{}()\[\]=;\\/\#0-9.+-][^\s"{}()\[\]=;\\/\#]*)
    """,
    re.VERBOSE,
)
LONGEST_NUMBER = 100
"""No setting needs more, and some thousands of digits are an error of their own."""

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|(.))")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "s": " "}
_NO_WORDS = frozenset({"true", "false", "null", "inf", "nan"})
"""KDL v2 refuses them as bare strings, because they were values in KDL v1."""


class NotFlat(Exception):
    """The text is not this part of KDL: `line` and `column` from 1, and what stands there."""

    def __init__(self, text: str, offset: int, words: str) -> None:
        super().__init__(words)
        self.line, self.column = place(text, offset)
        self.words = words


@dataclass(slots=True)
class Entry:
    """One node, and where its name stands."""

    name: str
    line: int
    column: int
    arguments: list[Value] = field(default_factory=list)
    properties: dict[str, Value] = field(default_factory=dict)


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def read_flat(text: str) -> list[Entry]:
    """The nodes of a text. Raises `NotFlat`."""
    entries: list[Entry] = []
    current: Entry | None = None
    key: str | None = None
    apart = True
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotFlat(text, position, _strange(text[position]))
        kind, start, position = match.lastgroup, position, match.end()
        if kind in ("space", "comment"):
            apart = True
            continue
        if key is not None and kind in ("end", "equals"):
            raise NotFlat(text, start, "a property needs a value after '='")
        if kind == "end":
            current, apart = None, True
            continue
        if kind == "equals":
            last = (
                current.arguments.pop() if current is not None and current.arguments and not apart else None
            )
            if not isinstance(last, str) or current is None:
                raise NotFlat(text, start, "'=' stands directly between the name of a property and its value")
            key = last
            continue
        value = _value(text, match, start)
        if not apart and key is None:
            raise NotFlat(text, start, "two values need a space between them")
        if current is None:
            if not isinstance(value, str):
                raise NotFlat(text, start, "a line begins with the name of a setting")
            current = Entry(value, *place(text, start))
            entries.append(current)
        elif key is not None:
            current.properties[key], key = value, None
        else:
            current.arguments.append(value)
        apart = False
    if key is not None:
        raise NotFlat(text, len(text), "a property needs a value after '='")
    return entries


def _value(text: str, match: re.Match[str], start: int) -> Value:
    kind, words = match.lastgroup, match[0]
    if match["text"] is not None:
        return _ESCAPE.sub(_unescape, words[1:-1])
    if match["raw"] is not None:
        return match["inner"]
    if kind == "flag":
        return words == "#true"
    if kind == "number":
        if match.end() < len(text) and re.match(r"[^\s;]", text[match.end()]):
            raise NotFlat(text, start, "a number here is a whole one in decimal digits")
        if len(words) > LONGEST_NUMBER:
            raise NotFlat(text, start, f"a number has at most {LONGEST_NUMBER} characters")
        return int(words.replace("_", ""))
    if words in _NO_WORDS:
        raise NotFlat(text, start, f'write #{words}, or "{words}" for the word')
    return words


def _unescape(match: re.Match[str]) -> str:
    if match[1] is not None:
        point = int(match[1], 16)
        # KDL has scalar values alone; what is none becomes what editors show for it.
        return chr(point) if point < 0xD800 or 0xDFFF < point <= 0x10FFFF else "\ufffd"
    return _ESCAPES.get(match[2], match[2])


def _strange(character: str) -> str:
    if character in "{}":
        return "a setting has no children here: write 'name value', one a line"
    if character == '"':
        return (
            'a string ends on its own line, and knows the escapes \\n \\r \\t \\b \\f \\s \\\\ \\" and \\u{…}'
        )
    if character == "/":
        return "a comment is written '// …' or '/* … */'"
    return f"{character!r} cannot stand here"
