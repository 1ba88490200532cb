"""Entries of one tree object as data, names as the raw bytes they are."""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

FILE = 0o100644
FOLDER = 0o040000
SYMLINK = 0o120000
GITLINK = 0o160000
REGULAR = frozenset({FILE, 0o100755})
"""Files, executable or not. libgit2 turns every odd mode of a tree into one of git's own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree object."""

    raw_name: bytes
    mode: int
    oid: pygit2.Oid


def entries(repository: pygit2.Repository, oid: pygit2.Oid) -> list[Entry]:
    """The entries of the tree `oid` in its own order, unjudged: names may be anything and may come twice."""
    tree = repository[oid]
    if not isinstance(tree, pygit2.Tree):
        raise KeyError(str(oid))
    return [Entry(entry.raw_name or b"", int(entry.filemode), entry.id) for entry in tree]


def lookup(repository: pygit2.Repository, root: pygit2.Oid, parts: tuple[str, ...]) -> Entry | None:
    """The entry at a path below the tree `root`, or None when there is none or its name stands there twice."""
    found = Entry(b"", FOLDER, root)
    for part in parts:
        if found.mode != FOLDER:
            return None
        match = [entry for entry in entries(repository, found.oid) if entry.raw_name == part.encode()]
        if len(match) != 1:
            return None
        found = match[0]
    return found
