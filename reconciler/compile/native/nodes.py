"""KDL nodes with their places, and with all that the proxy's helper functions look at."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from reconciler.config.findings import Place
from reconciler.config.kdl import KdlValue

I128 = range(-(2**127), 2**127)


class Text:
    """A file's path and decoded text, with its line starts for places."""

    __slots__ = ("_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] = []

    def place(self, at: int) -> Place:
        """Line and column of an offset, from 1; a column counts code points and a byte order mark has no width."""
        if not self._starts:
            self._starts = [0]
            end = self.text.find("\n")
            while end >= 0:
                self._starts.append(end + 1)
                end = self.text.find("\n", end + 1)
        line = bisect_right(self._starts, at)
        start = self._starts[line - 1]
        mark = 1 if start == 0 and at > 0 and self.text.startswith("\ufeff") else 0
        return Place(self.path, line, at - start + 1 - mark)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An argument (`key` is None) or a property of a node; `at` and `value_at` are offsets of key and value."""

    key: str | None
    value: KdlValue
    at: int
    value_at: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node. `children` is None when it has no block, which some parts of the proxy tell from an empty one.

    `quoted` says that the name is written as a string: a few parts of the proxy compare the name as written.
    """

    text: Text
    name: str
    at: int
    quoted: bool
    entries: tuple[Entry, ...]
    children: tuple[Node, ...] | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The children; none when there is no block."""
        return self.children or ()

    @property
    def first(self) -> Entry | None:
        """The first entry, argument or property: what the proxy takes for a child's value."""
        return self.entries[0] if self.entries else None

    @property
    def string(self) -> str | None:
        """The first entry when it is a string."""
        value = self.entries[0].value if self.entries else None
        return value if isinstance(value, str) else None

    @property
    def integer(self) -> int | None:
        """The first entry when it is an integer."""
        value = self.entries[0].value if self.entries else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def child(self, name: str) -> Node | None:
        """The first child of this name, which is the one that the proxy reads."""
        return next((node for node in self.nodes if node.name == name), None)

    def all(self, name: str) -> tuple[Node, ...]:
        """All children of this name."""
        return tuple(node for node in self.nodes if node.name == name)

    def string_of(self, name: str) -> str | None:
        """The string that the first child of this name holds, or None."""
        child = self.child(name)
        return child.string if child else None

    def integer_of(self, name: str) -> int | None:
        """The integer that the first child of this name holds, or None."""
        child = self.child(name)
        return child.integer if child else None

    def property(self, key: str) -> Entry | None:
        """The first property of this key."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def strings(self) -> tuple[tuple[str, int], ...]:
        """All entries that are strings, arguments and properties alike, with their offsets."""
        return tuple((e.value, e.value_at) for e in self.entries if isinstance(e.value, str))

    def place(self) -> Place:
        """Where the name stands."""
        return self.text.place(self.at)
