"""The files of the repository that an import makes, and which resource stands in which lines of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.config.findings import Place
from reconciler.config.kdl import KdlNode
from reconciler.config.write import write_document

Key = tuple[str, str]

LARGEST = 900_000
"""Characters of one file, below what the language reads of one."""


@dataclass(slots=True)
class Files:
    """Text by path. Every resource that is added stands in known lines."""

    texts: dict[str, str] = field(default_factory=dict)
    _lines: dict[str, list[tuple[int, int, Key]]] = field(default_factory=dict)

    def add(self, name: str, comment: Sequence[str], resources: Iterable[tuple[Key, KdlNode]]) -> None:
        """Write resources into name.kdl, and into name-2.kdl and so on when they are many. None, no file."""
        number = 1
        for count, (key, node) in enumerate(resources):
            text = write_document([node])
            path = f"{name}.kdl" if number == 1 else f"{name}-{number}.kdl"
            if count and len(self.texts[path]) + len(text) > LARGEST:
                number += 1
                path = f"{name}-{number}.kdl"
            if path not in self.texts:
                self.texts[path] = "".join(f"// {line}".rstrip() + "\n" for line in comment)
            before = self.texts[path] + ("\n" if self.texts[path] else "")
            start = before.count("\n") + 1
            self.texts[path] = before + text
            self._lines.setdefault(path, []).append((start, start + text.count("\n"), key))

    def at(self, place: Place) -> Key | None:
        """The resource that stands at a place."""
        for start, end, key in self._lines.get(place.path, ()):
            if start <= place.line < end:
                return key
        return None


def pieces(blocks: Mapping[str, Sequence[KdlNode]], merged: Iterable[str]) -> list[list[KdlNode]]:
    """The content of blocks as top-level blocks, in as many groups as it takes for each to fit into one file.

    Blocks that are not `merged` come whole, in the first group.
    """
    groups: list[list[KdlNode]] = [[]]
    used = 0
    mergeable = frozenset(merged)
    for name, nodes in blocks.items():
        if name not in mergeable:
            groups[-1].extend(nodes)
            used += len(write_document(nodes))
    for name, nodes in blocks.items():
        if name not in mergeable or not nodes:
            continue
        here: list[KdlNode] = []
        for node in nodes:
            size = len(write_document([node], indent=2))
            if used and used + size > LARGEST:
                if here:
                    groups[-1].append(KdlNode(name, children=tuple(here)))
                groups.append([])
                here, used = [], 0
            here.append(node)
            used += size
        if here:
            groups[-1].append(KdlNode(name, children=tuple(here)))
    return [group for group in groups if group]
