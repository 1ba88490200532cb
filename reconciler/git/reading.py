"""Reads the files of one folder of one commit out of the object store, within limits, and judges every name.

Checkout would refuse hostile trees; we never check out, so this module refuses them. Anything wrong inside the folder
is reported, also where nobody would have read; what lies outside the folder does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pygit2

from reconciler.git.mirror import Mirror
from reconciler.git.names import fold, name_problem, shown_name
from reconciler.git.trees import FOLDER, GITLINK, SYMLINK, Entry, entries, lookup

MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a folder may hold. Sizes are bytes; `files` counts every entry, `depth` every folder from the root.

    `other_file_bytes` and `other_bytes` bound what is read of files that are not selected: above it they are left out.
    """

    files: int = 20_000
    file_bytes: int = 4 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    depth: int = 32
    path_bytes: int = 1_024
    tree_bytes: int = 4 * 1024 * 1024
    other_file_bytes: int = 1024 * 1024
    other_bytes: int = 64 * 1024 * 1024


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class TreeProblem:
    """Something in the tree that we do not accept: the path from the root of the repository, a code, a sentence."""

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TreeRead:
    """What was read. `files` are (path from the root of the repository, blob id, bytes), sorted by path; `others` are
    files that were not selected, when they were asked for.

    With any problem the files are not to be used: they may be incomplete.
    """

    files: tuple[tuple[str, str, bytes], ...]
    problems: tuple[TreeProblem, ...]
    others: tuple[tuple[str, str, bytes], ...] = ()


def read_tree(
    mirror: Mirror,
    sha: str,
    folder: str = "",
    *,
    limits: Limits = DEFAULT_LIMITS,
    select: Callable[[str], bool] = lambda path: True,
    others: bool = False,
    seen: dict[str, bytes] | None = None,
) -> TreeRead:
    """Read the files below `folder` of commit `sha` whose path `select` accepts; "" is the whole repository.

    `select` gets the path from the root of the repository. With `others` the rest is read too, as far as its limits
    go; a large file is no problem there. `seen` are contents by blob id that need not be read again; those that are
    read are added. Raises `Refused` when the mirror has no such commit.
    """
    walk = _Walk(mirror.repository, limits, select, others, {} if seen is None else seen)
    start = walk.enter(mirror.commit_object(sha).tree_id, tuple(part for part in folder.split("/") if part))
    if start is not None:
        oid, path = start
        walk.visit(oid, path)
    return TreeRead(
        tuple(sorted(walk.files)),
        tuple(sorted(walk.problems, key=lambda p: (p.path, p.code))),
        tuple(sorted(walk.others)),
    )


class _StopReadingError(Exception):
    """A limit of the whole folder was met: there is no use in going on."""


@dataclass(slots=True)
class _Walk:
    repository: pygit2.Repository
    limits: Limits
    select: Callable[[str], bool]
    wants_others: bool
    seen: dict[str, bytes]
    files: list[tuple[str, str, bytes]] = field(default_factory=list)
    others: list[tuple[str, str, bytes]] = field(default_factory=list)
    problems: list[TreeProblem] = field(default_factory=list)
    count: int = 0
    total: int = 0
    total_of_others: int = 0

    def enter(self, root: pygit2.Oid, folder: tuple[str, ...]) -> tuple[pygit2.Oid, str] | None:
        """The tree of the project's folder, or None after reporting that there is none."""
        found = lookup(self.repository, root, folder)
        if found is None or found.mode != FOLDER:
            self.report(
                "/".join(folder), "E-GIT-113", "the project's folder does not exist here or is not a folder"
            )
            return None
        return found.oid, "/".join(folder)

    def visit(self, oid: pygit2.Oid, path: str) -> None:
        try:
            self._folder(oid, path, 1)
        except _StopReadingError:
            return

    def report(self, path: str, code: str, message: str) -> None:
        self.problems.append(TreeProblem(path, code, message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopReadingError

    def _folder(self, oid: pygit2.Oid, path: str, depth: int) -> None:
        if depth > self.limits.depth:
            self.report(path, "E-GIT-109", f"folders are nested deeper than {self.limits.depth}")
            return
        size = self._size(oid, path)
        if size is None:
            return
        if size > self.limits.tree_bytes:
            self.report(
                path, "E-GIT-108", f"the folder's listing has {size} bytes (at most {self.limits.tree_bytes})"
            )
            return
        seen: dict[str, bytes] = {}
        for entry in entries(self.repository, oid):
            self._entry(entry, path, depth, seen)

    def _entry(self, entry: Entry, folder: str, depth: int, seen: dict[str, bytes]) -> None:
        self.count += 1
        raw = entry.raw_name
        path = f"{folder}/{shown_name(raw)}" if folder else shown_name(raw)
        if self.count > self.limits.files:
            self.report(path, "E-GIT-108", f"there are more than {self.limits.files} files and folders")
            raise _StopReadingError
        problem = name_problem(raw)
        if problem is not None:
            self.report(path, problem.code, problem.message)
            return
        folded = fold(raw.decode())
        if folded in seen:
            other = shown_name(seen[folded])
            if seen[folded] == raw:
                self.report(path, "E-GIT-104", "the same name stands twice in this folder")
            else:
                self.report(path, "E-GIT-104", f"some file systems take it for '{other}', which is here too")
            return
        seen[folded] = raw
        if len(path.encode()) > self.limits.path_bytes:
            self.report(path[:200], "E-GIT-103", f"the path has more than {self.limits.path_bytes} bytes")
            return
        self._kind(entry, path, depth)

    def _kind(self, entry: Entry, path: str, depth: int) -> None:
        # libgit2 has already turned every mode into one of git's own.
        if entry.mode == FOLDER:
            self._folder(entry.oid, path, depth + 1)
        elif entry.mode == SYMLINK:
            self.report(path, "E-GIT-105", "symbolic links are not followed; put the file itself here")
        elif entry.mode == GITLINK:
            self.report(path, "E-GIT-106", "submodules are not fetched; put the files themselves here")
        elif self.select(path):
            self._file(entry.oid, path)
        elif self.wants_others:
            self._other(entry.oid, path)

    def _other(self, oid: pygit2.Oid, path: str) -> None:
        size = self._size(oid, path)
        if size is None or size > self.limits.other_file_bytes:
            return
        if self.total_of_others + size <= self.limits.other_bytes:
            self.total_of_others += size
            self.others.append((path, str(oid), self._content(oid)))

    def _file(self, oid: pygit2.Oid, path: str) -> None:
        size = self._size(oid, path)
        if size is None:
            return
        if size > self.limits.file_bytes:
            self.report(path, "E-GIT-111", f"the file has {size} bytes (at most {self.limits.file_bytes})")
            return
        self.total += size
        if self.total > self.limits.total_bytes:
            self.report(
                path, "E-GIT-112", f"the files together have more than {self.limits.total_bytes} bytes"
            )
            raise _StopReadingError
        self.files.append((path, str(oid), self._content(oid)))

    def _content(self, oid: pygit2.Oid) -> bytes:
        name = str(oid)
        if name not in self.seen:
            self.seen[name] = bytes(self.repository.odb.read(oid)[1])
        return self.seen[name]

    def _size(self, oid: pygit2.Oid, path: str) -> int | None:
        """Size of an object, read from its header alone: a small pack may hold a blob of any size."""
        known = self.seen.get(str(oid))
        if known is not None:
            return len(known)
        try:
            return int(self.repository.odb.read_header(oid)[1])
        except (KeyError, pygit2.GitError):
            self.report(path, "E-GIT-114", f"the object {str(oid)[:12]} is missing from the repository")
            return None
