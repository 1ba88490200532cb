"""Reads KDL v2 text into neutral nodes: caps first, then ckdl, then a check of what came out.

ckdl gives neither positions nor comments and lets a repeated property win silently. Positions come from
`reconciler.config.scan`, which is run only on files that have findings or may repeat a property.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import ckdl

from reconciler.config import limits
from reconciler.config.characters import name_of
from reconciler.config.exact import with_exact_floats
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.scan import ScanError, ScannedNode, line_and_column, scan
from reconciler.config.strictness import long_number, strictness_findings, too_deep
from reconciler.config.syntax import syntax_problem

KdlValue = str | int | float | bool | None

EMPTY: Mapping[str, KdlValue] = {}
"""The properties of a node without any; shared, and never written to."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MARK = "\ufeff"
"""A byte order mark, which may stand at the beginning and nowhere else."""


class KdlNode(NamedTuple):
    """One node. Type annotations are not part of it: the language has none.

    A named tuple, because a compilation makes some hundred thousand of them and a frozen dataclass takes three times
    as long to make.
    """

    name: str
    arguments: tuple[KdlValue, ...] = ()
    properties: Mapping[str, KdlValue] = EMPTY
    children: tuple[KdlNode, ...] = ()
    braces: bool = False
    """Whether it is written with { } although it has no children. The parser does not tell, so it is off there."""


@dataclass(frozen=True, slots=True, eq=False)
class ParsedFile:
    """A file whose syntax is sound. `text` is kept for positions and excerpts."""

    path: str
    text: str
    nodes: Sequence[KdlNode]
    count: int
    _places: dict[int, ScannedNode] = field(default_factory=dict, init=False, repr=False)

    def places(self) -> Mapping[int, ScannedNode]:
        """Where each node stands, by the identity of the node: a second pass over the text, made once."""
        if not self._places:
            try:
                scanned = scan(self.text).nodes
            except ScanError:
                scanned = []
            stack = list(zip(self.nodes, scanned, strict=False))
            while stack:
                node, at = stack.pop()
                self._places[id(node)] = at
                stack.extend(zip(node.children, at.children, strict=False))
        return self._places


_tuple = tuple.__new__


class _Reading:
    """Turns ckdl's nodes into ours, and notes what the language does not have."""

    __slots__ = ("annotated", "count", "deep", "floats", "infinite", "properties")

    def __init__(self) -> None:
        self.count = 0
        self.properties = 0
        self.deep = False
        self.annotated = False
        self.infinite = False
        self.floats = False

    def value(self, value: Any) -> KdlValue:
        kind = value.__class__
        if kind is str or kind is int or kind is bool or value is None:
            return value  # type: ignore[no-any-return]
        if kind is float:
            self.floats = True
            if not math.isfinite(value):
                self.infinite = True
            return value  # type: ignore[no-any-return]
        self.annotated = True
        return None

    def nodes(self, nodes: list[Any], depth: int) -> tuple[KdlNode, ...]:
        self.count += len(nodes)
        if depth > limits.DEPTH or self.count > limits.NODES_IN_FILE:
            self.deep = self.deep or depth > limits.DEPTH
            return ()
        return tuple([self.node(node, depth) for node in nodes])

    def node(self, node: Any, depth: int) -> KdlNode:
        if node.type_annotation is not None:
            self.annotated = True
        properties = node.properties
        if properties:
            self.properties += len(properties)
            properties = {key: self.value(value) for key, value in properties.items()}
        children = node.children
        arguments = node.args
        # A named tuple's own constructor takes its time to find the defaults that are given here anyway.
        return _tuple(
            KdlNode,
            (
                node.name,
                tuple(map(self.value, arguments)) if arguments else (),
                properties or EMPTY,
                self.nodes(children, depth + 1) if children else (),
                False,
            ),
        )


def parse_kdl(text: str | bytes, path: str) -> tuple[tuple[KdlNode, ...] | None, tuple[Finding, ...]]:
    """The document's nodes, or None and the findings that say why it could not be read."""
    parsed, findings = parse_file(text, path)
    return (tuple(parsed.nodes) if parsed else None), findings


def parse_file(text: str | bytes, path: str) -> tuple[ParsedFile | None, tuple[Finding, ...]]:
    """As `parse_kdl`, with the text kept beside the nodes."""

    def refuse(
        code: str, offset: int, message: str, expected: str, hint: str
    ) -> tuple[None, tuple[Finding, ...]]:
        line, column = line_and_column(decoded, offset)
        place = Place(path, line, column)
        return None, (Finding(code, Severity.error, place, message, expected, hint),)

    decoded = ""
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.FILE_BYTES:
        return refuse(
            "E-SYN-002",
            0,
            f"the file has {size} bytes",
            f"at most {limits.FILE_BYTES}",
            "split it: any number of files makes one configuration",
        )
    if isinstance(text, bytes):
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            decoded = text[: error.start].decode("utf-8")
            return refuse(
                "E-SYN-001",
                len(decoded),
                "the file is not UTF-8 from here on",
                "UTF-8",
                "save the file as UTF-8",
            )
    else:
        decoded = text
    number = long_number(decoded)
    if number is not None:
        return refuse(
            "E-SYN-003",
            number[0],
            f"a number has {number[1]} digits",
            f"fewer than {limits.DIGIT_RUN}",
            "put it in quotes if it is text",
        )
    control = _CONTROL.search(decoded, len(_MARK) if decoded.startswith(_MARK) else 0)
    if control:
        return refuse(
            "E-SYN-007",
            control.start(),
            f"the character {name_of(control[0])} cannot be seen",
            "visible text",
            "remove it, or write it as \\u{…} inside a string",
        )
    try:
        document = ckdl.parse(decoded, version=2)
    except (ckdl.ParseError, UnicodeError):
        line, column, sentence, hint = syntax_problem(decoded)
        place = Place(path, line, column)
        return None, (Finding("E-SYN-006", Severity.error, place, sentence, "KDL version 2", hint),)

    reading = _Reading()
    nodes = reading.nodes(document.nodes, 1)
    if reading.deep:
        return refuse(
            "E-SYN-004",
            too_deep(decoded),
            f"blocks are nested more than {limits.DEPTH} deep",
            f"at most {limits.DEPTH} levels",
            "nothing in the language needs more than five",
        )
    if reading.count > limits.NODES_IN_FILE:
        return refuse(
            "E-SYN-005",
            0,
            f"the file has more than {limits.NODES_IN_FILE} nodes",
            "fewer",
            "split it: any number of files makes one configuration",
        )
    if reading.annotated or reading.infinite or reading.properties != decoded.count("="):
        # Only here may something have been swallowed or be of no use; the slower scan says what and where.
        findings = tuple(islice(strictness_findings(decoded, path), limits.FINDINGS_IN_FILE))
        if findings:
            return None, findings
    if reading.floats:
        nodes = with_exact_floats(nodes, decoded)
    return ParsedFile(path, decoded, nodes, reading.count), ()
