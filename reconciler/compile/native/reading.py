"""Reads KDL as kdl-rs 6.7 reads it, with places. It goes on after most syntax errors, to tell all that is wrong.

kdl-rs is neither stricter nor laxer: type annotations, repeated properties and `name{` without a space are accepted
here, unlike in the config language. Source: KDL 2.0.0, "Full Grammar", and kdl-rs `v2_parser.rs`.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.native import limits
from reconciler.compile.native.nodes import Entry, Node, Text
from reconciler.compile.native.values import Trouble, name_trouble, string_value, token_value
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.kdl import KdlValue
from reconciler.config.scan import ScanError, Token, tokens

_BETWEEN = frozenset({"space", "comment", "continuation"})
_BREAKS = "\n\r\x85\x0b\x0c\u2028\u2029"
_VALUES = frozenset({"word", "string", "keyword"})
_UNREADABLE = {
    '"': ("a string has no end", 'close it with "'),
    "#": ("a raw string has no end", 'close it with as many # as it began with: #"…"#'),
    "/": ("a comment has no end, or a / stands alone", "close it with */, or put text with / in quotes"),
    "[": ("KDL has no lists in [ ]", 'write the values one after the other: "a" "b"'),
    "]": ("KDL has no lists in [ ]", 'write the values one after the other: "a" "b"'),
}


class _Stop(Exception):
    """A syntax error after which nothing can be understood."""


def read_document(content: bytes, path: str) -> tuple[tuple[Node, ...] | None, tuple[Finding, ...]]:
    """The document's nodes and all syntax errors (E-NAT-001, E-NAT-002); None when it could not be read to its end."""
    if len(content) > limits.BYTES:
        return None, (
            _refused("E-NAT-002", Place(path, 1, 1), "the file is too large to be checked", "at most 16 MiB"),
        )
    try:
        text = Text(path, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        readable = Text(path, content[: error.start].decode("utf-8"))
        place = readable.place(len(readable.text))
        return None, (
            _refused("E-NAT-002", place, "the file is not UTF-8 from here on", "UTF-8", "save it as UTF-8"),
        )
    return _Reader(text).read()


def _refused(code: str, place: Place, message: str, expected: str = "", hint: str = "") -> Finding:
    return Finding(code, Severity.error, place, message, expected, hint)


class _Reader:
    __slots__ = ("at", "findings", "stream", "text")

    def __init__(self, text: Text) -> None:
        self.text = text
        self.stream: list[Token] = []
        self.at = 0
        self.findings: list[Finding] = []

    def read(self) -> tuple[tuple[Node, ...] | None, tuple[Finding, ...]]:
        try:
            self.stream.extend(self.tokens())
            nodes = tuple(self.nodes(1))
            if self.kind == "}":
                self.stop("a } closes nothing", "remove it, or look for a block that ended too early")
        except _Stop:
            return None, tuple(self.findings)
        return nodes, tuple(self.findings)

    def tokens(self) -> Iterator[Token]:
        source = self.text.text
        continuation: Token | None = None
        try:
            for token in tokens(source):
                raw = source[token.start : token.end]
                if token.kind == "space":
                    mark = raw.find("\ufeff", 1 if token.start == 0 else 0)
                    if mark >= 0:
                        self.trouble(
                            token.start + mark, ("a byte order mark stands inside the text", "remove it")
                        )
                if continuation is not None:
                    if raw[0] in _BREAKS or raw.startswith("//"):
                        continuation = None
                    elif token.kind != "space" and not raw.startswith("/*"):
                        self.trouble(
                            continuation.start,
                            ("a \\ stands before the end of its line", "remove it, or quote it"),
                        )
                        continuation = None
                if token.kind == "continuation":
                    continuation = token
                yield token
        except ScanError as error:
            character = source[error.offset : error.offset + 1]
            trouble = _UNREADABLE.get(character, ("a character stands where none may", "put text in quotes"))
            self.stop(*trouble, at=error.offset)
        yield Token("end", len(source), len(source))

    @property
    def kind(self) -> str:
        return self.stream[self.at].kind

    @property
    def token(self) -> Token:
        return self.stream[self.at]

    def raw(self, token: Token) -> str:
        return self.text.text[token.start : token.end]

    def trouble(self, at: int, trouble: Trouble | None) -> None:
        if trouble is not None:
            message, hint = trouble
            self.findings.append(_refused("E-NAT-001", self.text.place(at), message, "KDL version 2", hint))
            if len(self.findings) >= limits.FINDINGS:
                raise _Stop

    def stop(self, message: str, hint: str, at: int | None = None) -> None:
        self.trouble(self.token.start if at is None else at, (message, hint))
        raise _Stop

    def skip(self, *kinds: str) -> None:
        while self.kind in _BETWEEN or self.kind in kinds:
            self.at += 1

    def skip_node_space(self) -> bool:
        """Skips what may stand inside a node; whether there was any. A // comment ends a node, except after \\."""
        start, continued = self.at, False
        while True:
            token = self.token
            if token.kind == "continuation":
                continued = True
            elif token.kind == "comment":
                if not continued and self.raw(token).startswith("//"):
                    break
            elif token.kind == "space":
                continued = continued and self.raw(token)[0] not in _BREAKS
            else:
                break
            self.at += 1
        return self.at > start

    def nodes(self, depth: int) -> Iterator[Node]:
        if depth > limits.DEPTH:
            self.findings.append(
                _refused(
                    "E-NAT-002",
                    self.text.place(self.token.start),
                    f"blocks are nested more than {limits.DEPTH} deep",
                    f"at most {limits.DEPTH} levels",
                    "look for a brace that is never closed",
                )
            )
            raise _Stop
        while True:
            self.skip("newline")
            if self.kind in ("}", "end"):
                return
            if self.kind == ";":
                self.trouble(self.token.start, ("a ; stands where a node should begin", "remove it"))
                self.at += 1
                continue
            dropped = self.kind == "slashdash"
            if dropped:
                self.at += 1
                self.skip("newline")
            node = self.node(depth)
            if not dropped:
                yield node
            self.end_of_node(dropped)

    def end_of_node(self, dropped: bool) -> None:
        self.skip_node_space()
        if self.kind in ("newline", ";"):
            self.at += 1
        elif self.kind not in ("}", "end", "comment") and not dropped:
            self.trouble(
                self.token.start,
                (
                    "something stands behind a block where the line should end",
                    "begin each node on a line of its own, or separate them with ;",
                ),
            )

    def annotation(self) -> None:
        if self.kind != "(":
            return
        self.at += 1
        self.skip_node_space()
        if self.kind not in ("word", "string"):
            self.stop("a type annotation has no name", "remove the ( ), the proxy ignores it")
        self.at += 1
        self.skip_node_space()
        if self.kind != ")":
            self.stop("a type annotation has no end", "close it with )")
        self.at += 1

    def node(self, depth: int) -> Node:
        self.annotation()
        self.skip_node_space()
        token = self.token
        if token.kind == "{":
            self.stop("a block has no name", "write the node's name before the {, on the same line")
        if token.kind not in ("word", "string"):
            self.stop("a name is missing", "a node begins with its name")
        raw = self.raw(token)
        name, trouble = string_value(raw) if token.kind == "string" else (raw, name_trouble(raw))
        self.trouble(token.start, trouble)
        self.at += 1
        entries, children = self.body(depth)
        return Node(self.text, name, token.start, token.kind == "string", entries, children)

    def body(self, depth: int) -> tuple[tuple[Entry, ...], tuple[Node, ...] | None]:
        entries: list[Entry] = []
        children: tuple[Node, ...] | None = None
        closed = False
        while True:
            spaced = self.skip_node_space()
            dropped = self.kind == "slashdash"
            if dropped:
                self.at += 1
                self.skip("newline")
                spaced = True
            if self.kind == "{":
                block = self.block(depth, repeated=children is not None and not dropped)
                children = children if dropped else block
                closed = True
            elif self.kind in _VALUES or self.kind == "(":
                if closed:
                    return tuple(entries), children
                if not spaced:
                    self.missing_space()
                entry = self.entry()
                if not dropped:
                    entries.append(entry)
            elif self.kind == "=":
                self.stop("a = has no name before it", "write name=value")
            elif self.kind == ")":
                self.stop("a ) closes nothing", "remove it")
            elif dropped:
                self.stop("/- stands before nothing that it could remove", "remove it")
            else:
                return tuple(entries), children

    def missing_space(self) -> None:
        before, token = self.stream[self.at - 1], self.token
        if before.kind == "word" and self.raw(before) == "r" and self.raw(token).startswith("#"):
            trouble = ('a raw string is written #"…"# in KDL version 2', "remove the r")
        elif self.raw(token).startswith(","):
            trouble = ("a comma stands between two values", "separate values with spaces alone")
        else:
            trouble = ("a space is missing", "put a space between two values")
        self.trouble(token.start, trouble)

    def block(self, depth: int, *, repeated: bool) -> tuple[Node, ...]:
        opening = self.token
        if repeated:
            self.stop("a node has two blocks", "merge them into one")
        self.at += 1
        nodes = tuple(self.nodes(depth + 1))
        if self.kind != "}":
            self.stop("a block is opened and never closed", "add the missing }", at=opening.start)
        self.at += 1
        return nodes

    def value(self) -> tuple[KdlValue, Token]:
        self.annotation()
        self.skip_node_space()
        token = self.token
        if token.kind not in _VALUES:
            self.stop("a value is missing", "write a string, a number, #true or #false")
        self.at += 1
        value, trouble = token_value(self.text.text, token)
        self.trouble(token.start, trouble)
        return value, token

    def entry(self) -> Entry:
        start = self.at
        if self.kind in ("word", "string"):
            token = self.token
            self.at += 1
            self.skip_node_space()
            if self.kind == "=":
                self.at += 1
                raw = self.raw(token)
                key, trouble = string_value(raw) if token.kind == "string" else (raw, name_trouble(raw))
                self.trouble(token.start, trouble)
                self.skip_node_space()
                value, value_token = self.value()
                return Entry(key, value, token.start, value_token.start)
            self.at = start
        value, token = self.value()
        return Entry(None, value, token.start, token.start)
