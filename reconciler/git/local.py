"""The repository that a person works in: revisions by exact name, and the files of one below the current folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pygit2

from reconciler.errors import Refused
from reconciler.git.commits import CommitInfo
from reconciler.git.mirror import OBJECT_ID, Mirror
from reconciler.git.reading import TreeRead, read_tree

STEPS = re.compile(r"[0-9]{1,4}")
NAMESPACES = ("refs/heads/", "refs/tags/", "refs/remotes/")


@dataclass(frozen=True, slots=True)
class LocalRepository:
    """A repository with a work tree. `folder` is where the caller stands, from the root; "" is the root itself."""

    repository: pygit2.Repository
    folder: str

    @classmethod
    def around(cls, path: Path) -> LocalRepository | None:
        """The repository that `path` is inside of, or None when there is none or it has no work tree."""
        found = pygit2.discover_repository(str(path))
        if found is None:
            return None
        try:
            repository = pygit2.Repository(found)
        except pygit2.GitError:
            return None
        if repository.is_bare:
            return None
        below = path.resolve().relative_to(Path(repository.workdir).resolve())
        return cls(repository, "" if below == Path() else below.as_posix())

    def revision(self, name: str) -> str | None:
        """The commit that HEAD, a branch, a tag or forty hex digits name exactly; None when nothing has that name.

        A branch goes before a tag, and a tag before a remote's branch. `~N` after any of them is the Nth commit before
        it, along first parents; no name of git's may hold a tilde. Nothing else that git understands is tried: what is
        compared should be what was named.
        """
        named, tilde, count = name.rpartition("~")
        if tilde:
            return self._before(named, int(count)) if STEPS.fullmatch(count) else None
        if OBJECT_ID.fullmatch(name):
            oid = pygit2.Oid(hex=name)
            return self._commit(oid) if oid in self.repository else None
        if name == "HEAD":
            return self.head()
        for namespace in NAMESPACES:
            try:
                reference = self.repository.references.get(f"{namespace}{name}")
                if reference is not None:
                    return self._commit(pygit2.Oid(hex=str(reference.resolve().target)))
            except (ValueError, KeyError, pygit2.GitError):
                continue
        return None

    def _before(self, name: str, count: int) -> str | None:
        """The commit `count` first parents before a named one; None when the clone's history is shorter."""
        sha = self.revision(name)
        for _ in range(count):
            parents = self.repository[sha].peel(pygit2.Commit).parent_ids if sha is not None else []
            sha = str(parents[0]) if parents and parents[0] in self.repository else None
        return sha

    def head(self) -> str | None:
        """The commit that is checked out; None before the first."""
        return None if self.repository.head_is_unborn else str(self.repository.head.target)

    def fork_point(self, sha: str) -> str | None:
        """The last commit that HEAD has in common with another; None when there is none."""
        head = self.head()
        if head is None:
            return None
        base = self.repository.merge_base(pygit2.Oid(hex=head), pygit2.Oid(hex=sha))
        return None if base is None else str(base)

    def since(self, sha: str, *, limit: int) -> list[CommitInfo]:
        """The commits that lead to HEAD and not to another commit, newest first, at most `limit`."""
        head = self.head()
        return [] if head is None else self.mirror().since(sha, head, limit=limit)

    def mirror(self) -> Mirror:
        """The same repository for what reads mirrors; it is never fetched into."""
        return Mirror(self.repository, str(self.repository.workdir), None, Path(self.repository.path))

    def _commit(self, oid: pygit2.Oid) -> str | None:
        found = self.repository[oid]
        try:
            return str(found.peel(pygit2.Commit).id)
        except (pygit2.GitError, pygit2.InvalidSpecError, ValueError):
            return None

    def read(self, sha: str, select: Callable[[str], bool]) -> tuple[tuple[str, bytes], ...]:
        """The files of a commit below the folder, by path from there.

        Raises `Refused` E-GIT-120 when the folder is not in that commit, or something in it is not accepted.
        """
        read: TreeRead = read_tree(self.mirror(), sha, self.folder, select=select)
        if read.problems:
            problem = read.problems[0]
            more = f", and {len(read.problems) - 1} more" if len(read.problems) > 1 else ""
            raise Refused(
                "E-GIT-120",
                f"commit {sha[:12]} cannot be read: {problem.path or '.'}: {problem.message} ({problem.code}){more}",
                cure="Correct it there, or compare another revision",
            )
        start = len(self.folder) + 1 if self.folder else 0
        return tuple((path[start:], content) for path, _, content in read.files)


def ignored_by_git(folder: Path) -> Callable[[Path], bool]:
    """Whether git would leave a path below the folder out; nothing is ignored where there is no repository."""
    repository = LocalRepository.around(folder)
    if repository is None:
        return lambda path: False
    root = Path(repository.repository.workdir).resolve()

    def ignored(path: Path) -> bool:
        below = (path.parent.resolve() / path.name).relative_to(root)
        return bool(repository.repository.path_is_ignored(below.as_posix()))

    return ignored
