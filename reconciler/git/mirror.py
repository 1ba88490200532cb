"""A bare mirror of one repository: every branch head, fetched with pruning, never checked out.

Any number of processes may use the same folder at once. Fetching, and moving a branch after a push, happen under a
file lock beside it; objects are only ever added, so reading needs no lock.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pygit2
from pygit2.enums import FetchPrune, ObjectType, SortMode

from reconciler.errors import Refused, Stalled
from reconciler.git.commits import CommitInfo, describe
from reconciler.git.identity import Credentials, Identity
from reconciler.git.sockets import undelayed
from reconciler.git.ssh_verify import signing_key
from reconciler.git.sshsig import verify
from reconciler.git.transport import Callbacks, conversation, prepare_process
from reconciler.git.trees import FOLDER, REGULAR, Entry, entries, lookup
from reconciler.git.url import check_url, shown

__all__ = ["CommitInfo", "Credentials", "Identity", "Mirror"]

HEADS = "refs/heads/"
MAX_REFS = 20_000
MAX_FILE = 1024 * 1024
"""The largest file that `read_file` returns. The files of an environment branch have a few kilobytes."""

OBJECT_ID = re.compile(r"[0-9a-f]{40}")


class Mirror:
    """One repository. Made by `open`; methods take full reference names and full object ids, never revision text."""

    def __init__(
        self, repository: pygit2.Repository, url: str, credentials: Credentials | None, lock: Path
    ) -> None:
        self.repository = repository
        self.url = url
        self.credentials = credentials
        self._lock = lock

    @classmethod
    def open(cls, folder: Path, url: str, credentials: Credentials | None) -> Mirror:
        """Open the mirror in `folder`, which is made when it is missing. Asks the network nothing.

        Raises `Refused` when `url` is not allowed, `Stalled` E-GIT-008 when the folder holds something else.
        """
        check_url(url)
        prepare_process()
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(folder.name + ".lock")
        try:
            if not (folder / "HEAD").exists():
                with _locked(lock):
                    if not (folder / "HEAD").exists():
                        _create(folder)
            repository = pygit2.Repository(str(folder))
        except (pygit2.GitError, OSError) as error:
            raise Stalled(
                "E-GIT-008",
                f"the mirror of {shown(url)} in {folder} cannot be opened ({type(error).__name__})",
                cure="Check the folder's owner and the disk; a mirror that is removed is fetched again",
            ) from error
        return cls(repository, url, credentials, lock)

    def fetch(self, before: Callable[[], None] = lambda: None) -> dict[str, str]:
        """Bring every branch to what the forge has, drop those it no longer has, and return `refs()`.

        `before` is called before the forge is asked, which is what takes the time.

        A branch that was rewritten is followed: whoever reads must compare with what he knew. Raises `Transient` when
        the forge cannot be reached, `Stalled` when it refuses us.
        """
        with self.locked(), conversation("fetching from", self.url, self.credentials):
            before()
            remote = self.repository.remotes.create_anonymous(self.url)
            callbacks = Callbacks(self.url, self.credentials)
            with undelayed():
                remote.connect(callbacks=callbacks)
            there = heads(remote, self.url)
            here = self.refs()
            if there == here:
                return here
            # What is gone goes first, since `env` in our store would keep `env/dev` out.
            for name in here.keys() - there.keys():
                self.repository.references.delete(name)
            if there:
                remote.fetch(
                    [f"+{HEADS}*:{HEADS}*"],
                    callbacks=Callbacks(self.url, self.credentials),
                    prune=FetchPrune.NO_PRUNE,
                )
            return self.refs()

    def fetch_ref(self, ref: str) -> str:
        """The commit that the forge has at `ref`, which need be no branch and becomes none here.

        Raises `Refused` E-GIT-020 when there is none, and otherwise as `fetch`.
        """
        kept = "refs/seen/" + ref.removeprefix("refs/")
        with self.locked(), conversation("fetching from", self.url, self.credentials):
            remote = self.repository.remotes.create_anonymous(self.url)
            remote.fetch([f"+{ref}:{kept}"], callbacks=Callbacks(self.url, self.credentials))
        found = self.repository.references.get(kept)
        if found is None or not isinstance(found.target, pygit2.Oid):
            raise Refused("E-GIT-020", f"{shown(self.url)} has no '{ref}'")
        return str(found.target)

    def refs(self) -> dict[str, str]:
        """The branches as last fetched or pushed: full reference name to commit id, sorted by name."""
        names = sorted(name for name in self.repository.references if name.startswith(HEADS))
        found = {}
        for name in names:
            reference = self.repository.references.get(name)
            if reference is not None and isinstance(reference.target, pygit2.Oid):
                found[name] = str(reference.target)
        return found

    def commit(self, sha: str) -> CommitInfo:
        """The commit `sha`. Raises `Refused` E-GIT-020 when the mirror has none of that id."""
        return describe(self.commit_object(sha))

    def has_commit(self, sha: str) -> bool:
        """Whether the mirror holds a commit of that id, on a branch or not."""
        if OBJECT_ID.fullmatch(sha) is None or pygit2.Oid(hex=sha) not in self.repository:
            return False
        return self.repository.odb.read_header(pygit2.Oid(hex=sha))[0] == ObjectType.COMMIT

    def first_parents(self, sha: str, *, limit: int, stop: str | None) -> list[CommitInfo]:
        """`sha` and its first parents, newest first, at most `limit`, ending before `stop` when that is met."""
        walker = self.repository.walk(self.commit_object(sha).id, SortMode.TOPOLOGICAL)
        walker.simplify_first_parent()
        found: list[CommitInfo] = []
        for commit in walker:
            if len(found) >= limit or str(commit.id) == stop:
                break
            found.append(describe(commit))
        return found

    def since(self, old: str, new: str, *, limit: int) -> list[CommitInfo]:
        """The commits that lead to `new` and not to `old`, newest first, by all parents and at most `limit`."""
        walker = self.repository.walk(self.commit_object(new).id, SortMode.TOPOLOGICAL)
        walker.hide(self.commit_object(old).id)
        return [describe(commit) for commit, _ in zip(walker, range(limit), strict=False)]

    def is_ancestor(self, a: str, b: str) -> bool:
        """Whether `a` is `b` or one of its ancestors. False when the mirror has no commit `a`."""
        if not self.has_commit(a):
            return False
        newer = self.commit_object(b)
        return a == b or self.repository.descendant_of(newer.id, pygit2.Oid(hex=a))

    def read_file(self, sha: str, path: str) -> bytes | None:
        """The file `path` of commit `sha`, or None when there is none.

        Raises `Refused` E-GIT-021 when something that is no regular file stands there, or more than 1 MiB.
        """
        entry = self._entry(sha, path)
        if entry is None:
            return None
        if entry.mode not in REGULAR:
            raise Refused(
                "E-GIT-021", f"'{path}' in commit {sha[:12]} is not a regular file", cure="Make it one"
            )
        size = self.repository.odb.read_header(entry.oid)[1]
        if size > MAX_FILE:
            raise Refused(
                "E-GIT-021",
                f"'{path}' in commit {sha[:12]} has {size} bytes (at most {MAX_FILE})",
                cure="Shorten it",
            )
        return bytes(self.repository.odb.read(entry.oid)[1])

    def entry_id(self, sha: str, path: str) -> str:
        """What stands at `path` in commit `sha`, as an id that is the same for the same content; empty for nothing."""
        entry = self._entry(sha, path)
        return "" if entry is None else f"{entry.mode:o} {entry.oid}"

    def list_folder(self, sha: str, folder: str) -> tuple[str, ...]:
        """Names of the regular files directly in `folder` ("" is the root), sorted; empty when there is no folder.

        A name that is not UTF-8 is left out; `reading.read_tree` is what reports such things.
        """
        tree = self._entry(sha, folder.strip("/"))
        if tree is None or tree.mode != FOLDER:
            return ()
        names = []
        for child in entries(self.repository, tree.oid):
            if child.mode in REGULAR:
                try:
                    names.append(child.raw_name.decode())
                except UnicodeDecodeError:
                    continue
        return tuple(sorted(names))

    def signed_by(self, sha: str, *public_keys: bytes) -> bool:
        """Whether commit `sha` carries an SSH signature over exactly this commit, by one of these keys of 32 bytes."""
        armored, payload = self._signature(sha)
        return bool(armored) and any(verify(payload, armored, public_key) for public_key in public_keys)

    def signing_key(self, sha: str) -> bytes | None:
        """The public SSH key, as SSH sends it, that signed exactly this commit; None when no sound signature says."""
        armored, payload = self._signature(sha)
        return signing_key(payload, armored) if armored else None

    def is_signed(self, sha: str) -> bool:
        """Whether the commit carries a signature of whatever kind, sound or not."""
        return bool(cast("tuple[bytes | None, bytes]", self.commit_object(sha).gpg_signature)[0])

    def introduced(self, sha: str, path: str, *, limit: int) -> str | None:
        """The commit that put the file `path` of commit `sha` there as it is: the newest that changed it.

        Through a merge this is the commit that was merged, unless the line that it was merged into had it before and
        dropped it: whoever brings back what was taken away does so in their own name. None when there is no such file,
        or when it is older than `limit` commits.
        """
        entry = self._entry(sha, path)
        if entry is None:
            return None
        merges: list[tuple[str, str]] = []
        for _ in range(limit):
            parents = [str(parent) for parent in self.commit_object(sha).parent_ids]
            same = [parent for parent in parents if self._entry(parent, path) == entry]
            if not same:
                return next((m for m, first in merges if self.is_ancestor(sha, first)), sha)
            if same[0] != parents[0]:
                merges.append((sha, parents[0]))
            sha = same[0]
        return None

    def commit_object(self, sha: str) -> pygit2.Commit:
        """libgit2's commit. Raises `Refused` E-GIT-020 for an id that is not forty hex digits or not a commit here."""
        if not self.has_commit(sha):
            raise Refused(
                "E-GIT-020",
                f"{shown(self.url)} has no commit '{sha[:40]}'",
                cure="Name a commit that is on a branch, by its forty hex digits",
            )
        return cast("pygit2.Commit", self.repository[pygit2.Oid(hex=sha)])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which branches of this folder are moved, against other processes and threads."""
        with _locked(self._lock):
            yield

    def touches(self, sha: str, folder: str) -> bool:
        """Whether a commit changes anything in `folder` ("" is the root), compared with its first parent."""
        parents = self.commit_object(sha).parent_ids
        path = folder.strip("/")
        return not parents or self._entry(sha, path) != self._entry(str(parents[0]), path)

    def drops(self, sha: str, folder: str) -> bool:
        """Whether a merge left `folder` as its first parent has it, although another one had changed it."""
        first, *others = (str(parent) for parent in self.commit_object(sha).parent_ids or (sha,))
        path = folder.strip("/")
        kept = self._entry(sha, path)
        if kept != self._entry(first, path):
            return False
        for other in others:
            theirs = self._entry(other, path)
            base = self.repository.merge_base(pygit2.Oid(hex=first), pygit2.Oid(hex=other))
            if theirs != kept and (base is None or self._entry(str(base), path) != theirs):
                return True
        return False

    def _signature(self, sha: str) -> tuple[str, bytes]:
        """The armour of a commit's signature, "" without one in ASCII, and what it is a signature of."""
        signature, payload = cast("tuple[bytes | None, bytes]", self.commit_object(sha).gpg_signature)
        try:
            return (signature or b"").decode("ascii"), payload
        except UnicodeDecodeError:
            return "", payload

    def _entry(self, sha: str, path: str) -> Entry | None:
        parts = tuple(path.split("/")) if path else ()
        return lookup(self.repository, self.commit_object(sha).tree_id, parts)


def heads(remote: pygit2.Remote, url: str) -> dict[str, str]:
    """The branches that a connected remote advertises. Raises `Stalled` E-GIT-007 for more than any project has."""
    advertised = {
        head.name: str(head.oid)
        for head in remote.list_heads(connect=False)
        if head.name is not None and head.name.startswith(HEADS)
    }
    if len(advertised) > MAX_REFS:
        raise Stalled(
            "E-GIT-007",
            f"{shown(url)} has more than {MAX_REFS} branches",
            cure="Delete branches that are not used",
        )
    return dict(sorted(advertised.items()))


def _create(folder: Path) -> None:
    repository = pygit2.init_repository(str(folder), bare=True)
    # A redirect could lead from an allowed host to any other, and take the credentials along.
    repository.config["http.followRedirects"] = False
    repository.config["core.logAllRefUpdates"] = False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
