"""A second, slower pass over KDL text that the parser has accepted: where each name and value stands.

Also the tokens, comments included, which `fmt` writes anew. Source: KDL 2.0.0, section 3. The scanner is linear, and
lenient where the parser has already been strict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import ckdl

_SPACE = "\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff"
_BREAK = "\n\r\x85\x0b\x0c\u2028\u2029"
_TOKEN = re.compile(
    rf"(?P<space>[{_SPACE}]+)"
    rf"|(?P<newline>\r\n|[{_BREAK}])"
    rf"|(?P<comment>//[^{_BREAK}]*)"
    r"|(?P<slashdash>/-)"
    r"|(?P<punctuation>[{}();=])"
    r'|(?P<string>"(?!"")[^"\\]*(?:\\[\s\S][^"\\]*)*")'
    r"|(?P<keyword>#-?[a-z]+)"
    rf'|(?P<word>[^{_SPACE}{_BREAK}{{}}()\[\]/\\"#;=]+)'
)
_HASHES = re.compile(r"#+")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class ScanError(Exception):
    """The text is not KDL at this offset. Never leaves this package."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class Token(NamedTuple):
    """`kind` is space, newline, comment, slashdash, string, word, keyword or the punctuation character itself."""

    kind: str
    start: int
    end: int


@dataclass(slots=True)
class ScannedEntry:
    """An argument (`key` is None) or a property, with the offsets of its key and its value."""

    key: str | None
    key_at: int
    value: Token
    annotated: bool


@dataclass(slots=True)
class ScannedNode:
    """Where a node stands. Slashdashed parts are left out, as the parser leaves them out."""

    name: Token
    annotated: bool
    entries: list[ScannedEntry] = field(default_factory=list)
    children: list[ScannedNode] = field(default_factory=list)
    block: bool = False
    """Whether there are braces, be they empty."""


@dataclass(slots=True)
class Scanned:
    """A whole text."""

    text: str
    nodes: list[ScannedNode]


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1; a column counts code points and a byte order mark has no width."""
    start = text.rfind("\n", 0, offset) + 1
    line = text.count("\n", 0, start) + 1
    mark = 1 if start == 0 and text.startswith("\ufeff") and offset > 0 else 0
    return line, offset - start + 1 - mark


def tokens(text: str) -> Iterator[Token]:
    """Every token in order; nothing of the text is left out. Raises `ScanError` where it is not KDL."""
    at = 0
    continued = False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is not None:
            kind = match.lastgroup or ""
            end = match.end()
            if kind == "punctuation":
                kind = match[0]
            elif kind == "newline" and continued:
                kind, continued = "space", False
        elif text[at] == "\\":
            kind, end, continued = "continuation", at + 1, True
        elif text.startswith("/*", at):
            kind, end = "comment", _comment_end(text, at)
        else:
            kind, end = "string", _string_end(text, at)
        yield Token(kind, at, end)
        at = end


def _comment_end(text: str, at: int) -> int:
    depth, position = 0, at
    while True:
        edge = _COMMENT_EDGE.search(text, position)
        if edge is None:
            raise ScanError(at)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
        if depth == 0:
            return position


def _string_end(text: str, at: int) -> int:
    hashes = _HASHES.match(text, at)
    fence = hashes[0] if hashes else ""
    body = at + len(fence)
    quotes = '"""' if text.startswith('"""', body) else '"'
    if not text.startswith(quotes, body):
        raise ScanError(at)
    position = body + len(quotes)
    while True:
        end = text.find(quotes + fence, position)
        if end < 0:
            raise ScanError(at)
        if fence or not _is_escaped(text, end):
            return end + len(quotes) + len(fence)
        position = end + 1


def _is_escaped(text: str, at: int) -> bool:
    start = at
    while text[start - 1] == "\\":
        start -= 1
    return (at - start) % 2 == 1


def scan(text: str) -> Scanned:
    """The nodes of a text that the parser has accepted. Raises `ScanError` when it is not KDL after all."""
    meaningful = [t for t in tokens(text) if t.kind not in ("space", "comment", "continuation")]
    meaningful.append(Token("end", len(text), len(text)))
    return Scanned(text, _Builder(text, meaningful).nodes())


class _Builder:
    __slots__ = ("at", "text", "tokens")

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.at].kind

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def skip_lines(self) -> None:
        while self.kind == "newline":
            self.at += 1

    def nodes(self) -> list[ScannedNode]:
        found: list[ScannedNode] = []
        while True:
            while self.kind in ("newline", ";"):
                self.at += 1
            if self.kind in ("}", "end"):
                return found
            dropped = self.kind == "slashdash"
            if dropped:
                self.at += 1
                self.skip_lines()
            node = self.node()
            if not dropped:
                found.append(node)

    def annotation(self) -> bool:
        if self.kind != "(":
            return False
        while self.take().kind != ")":
            if self.kind == "end":
                raise ScanError(len(self.text))
        return True

    def node(self) -> ScannedNode:
        annotated = self.annotation()
        name = self.take()
        if name.kind not in ("word", "string"):
            raise ScanError(name.start)
        node = ScannedNode(name, annotated)
        dropped = False
        while self.kind not in ("newline", ";", "}", "end"):
            if self.kind == "slashdash":
                self.at += 1
                self.skip_lines()
                dropped = True
                continue
            if self.kind == "{":
                self.at += 1
                children = self.nodes()
                if self.take().kind != "}":
                    raise ScanError(self.tokens[self.at - 1].start)
                if not dropped:
                    node.children = children
                    node.block = True
            else:
                entry = self.entry()
                if not dropped:
                    node.entries.append(entry)
            dropped = False
        return node

    def entry(self) -> ScannedEntry:
        annotated = self.annotation()
        first = self.take()
        if first.kind not in ("word", "string", "keyword"):
            raise ScanError(first.start)
        if self.kind != "=":
            return ScannedEntry(None, first.start, first, annotated)
        self.at += 1
        annotated = self.annotation() or annotated
        return ScannedEntry(self.decoded(first), first.start, self.take(), annotated)

    def decoded(self, token: Token) -> str:
        raw = self.text[token.start : token.end]
        return str(ckdl.parse(f"- {raw}", version=2).nodes[0].args[0]) if token.kind == "string" else raw
