"""Expands `include`: the nodes of other files take the place of the node that names them.

Each file counts once in a whole load, whatever the way to it. Source: the proxy's `config/src/lib.rs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.compile.native import limits
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.reading import read_document
from reconciler.config.characters import shown
from reconciler.config.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Found:
    """A file that an include names. `real` is its path without symbolic links, `path` is what findings call it.

    `content` is None when the file cannot be read.
    """

    real: str
    path: str
    content: bytes | None


Find = Callable[[str, str], Iterable[Found]]
"""From the real path of the including file and a glob pattern to the files, sorted by path."""


class _Expansion:
    __slots__ = ("broken", "find", "findings", "seen", "size")

    def __init__(self, find: Find) -> None:
        self.find = find
        self.findings: list[Finding] = []
        self.seen: set[str] = set()
        self.size = 0
        self.broken = False

    def file(self, found: Found) -> tuple[Node, ...]:
        self.seen.add(found.real)
        content = found.content or b""
        self.size += len(content)
        nodes, findings = read_document(content, found.path)
        self.findings.extend(findings)
        self.broken = self.broken or nodes is None
        expanded: list[Node] = []
        for node in nodes or ():
            if node.name == "include":
                expanded.extend(self.include(node, found))
            else:
                expanded.append(node)
        return tuple(expanded)

    def tell(self, code: str, node: Node, message: str, hint: str) -> None:
        severity = Severity.error if code.startswith("E") else Severity.warning
        at = node.first.value_at if node.first else node.at
        self.findings.append(Finding(code, severity, node.text.place(at), message, "", hint))

    def include(self, node: Node, within: Found) -> Iterable[Node]:
        pattern = node.string
        if pattern is None:
            self.tell("E-NAT-006", node, "'include' has no pattern", 'write include "conf.d/*.kdl"')
            return
        found = list(self.find(within.real, pattern))
        if not found:
            message = f"{shown(pattern)} matches no file; the proxy only logs this"
            self.tell(
                "W-NAT-015", node, message, "correct the path; it is relative to the real folder of this file"
            )
        for file in found:
            if file.real in self.seen:
                self.tell(
                    "E-NAT-019",
                    node,
                    f"{shown(file.path)} is included a second time, which the proxy calls a circle",
                    "include each file once in the whole configuration",
                )
            elif file.content is None:
                self.tell(
                    "E-NAT-019", node, f"{shown(file.path)} cannot be read", "make it readable, or remove it"
                )
            elif len(self.seen) >= limits.FILES or self.size + len(file.content) > limits.BYTES:
                self.tell(
                    "E-NAT-002",
                    node,
                    "the included files are too many or too large to be checked",
                    "split them",
                )
                return
            else:
                yield from self.file(file)


def expand(main: Found, find: Find) -> tuple[tuple[Node, ...] | None, tuple[Finding, ...]]:
    """The nodes of the main file with all that it includes, and what is wrong with syntax and includes.

    None when a file could not be read to its end: what is missing then would only be told wrongly.
    """
    expansion = _Expansion(find)
    nodes = expansion.file(main)
    return (None if expansion.broken else nodes), tuple(expansion.findings)
