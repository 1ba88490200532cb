"""Commits made by editing trees in the object store, and pushes that compare before they swap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast

import pygit2
from nacl.signing import SigningKey
from pygit2.enums import ObjectType

from reconciler.errors import LostRace, Stalled
from reconciler.git.identity import Identity
from reconciler.git.mirror import HEADS, Mirror
from reconciler.git.names import name_problem
from reconciler.git.sshsig import sign
from reconciler.git.transport import Callbacks, conversation, sanitise
from reconciler.git.trees import FILE, FOLDER
from reconciler.git.url import shown

__all__ = ["Identity", "commit_edit", "push"]

LOST_RACE_STATUSES = (
    "failed to update ref",  # git's receive-pack, every version: the reference transaction did not go through
    "cannot lock ref",  # GitHub and Gitaly: the same with git's own words
    "failed to lock",  # Gerrit and other servers on JGit
    "lock error",
    "reference already exists",  # git since 2.51, which names the reason
    "reference does not exist",
    "incorrect old value provided",
)
"""The status words of the protocol's report that mean that the branch moved between our look and our write."""


def commit_edit(
    mirror: Mirror,
    parent: str | None,
    edits: Mapping[str, bytes | None],
    *,
    message: str,
    author: Identity,
    committer: Identity,
    when: datetime,
    key: SigningKey | None,
    sign_with: Callable[[bytes], str] | None = None,
) -> str:
    """Write a commit of `parent`'s tree with `edits` and return its id. No branch moves.

    `edits` maps a path to its new bytes, or to None to remove it; a folder that becomes empty goes. With `parent` None
    the commit is an orphan of exactly `edits`. `when` is aware and cut to seconds. `key` signs the commit (SSH,
    Ed25519); None leaves it unsigned, unless `sign_with` gives the armoured SSH signature of its bytes. Equal input
    gives an equal id. Raises `Refused` when the mirror has no `parent` and ValueError for a path that no tree may have.
    """
    repository = mirror.repository
    for path in edits:
        _check_path(path)
    base = mirror.commit_object(parent).tree_id if parent is not None else None
    tree = _edited(repository, base, {tuple(path.split("/")): content for path, content in edits.items()})
    if tree is None:
        tree = repository.TreeBuilder().write()
    seconds = int(when.astimezone(UTC).timestamp())
    text: object = repository.create_commit_string(
        _signature(author, seconds),
        _signature(committer, seconds),
        message if message.endswith("\n") else message + "\n",
        tree,
        [pygit2.Oid(hex=parent)] if parent is not None else [],
    )
    content = cast("str", text)  # The binding's types call it an Oid.
    if key is not None:
        return str(repository.create_commit_with_signature(content, sign(content.encode(), key), "gpgsig"))
    if sign_with is not None:
        return str(repository.create_commit_with_signature(content, sign_with(content.encode()), "gpgsig"))
    return str(repository.odb.write(ObjectType.COMMIT, content.encode()))


def push(mirror: Mirror, ref: str, new: str, expected: str | None) -> None:
    """Move the branch `ref` of the forge from `expected` to `new`; `expected` None means that it must not exist yet.

    Returns when the forge has `new` there, also when it had it already: a push that is repeated after a crash is done.
    Raises `LostRace` when the branch stands elsewhere, `Stalled` E-GIT-012 with the forge's words when it declines and
    E-GIT-013 when another branch's name is in the way, `Transient` when the forge cannot be reached. ValueError when
    `new` does not descend from `expected`.
    """
    if not ref.startswith(HEADS) or not pygit2.reference_is_valid_name(ref):
        raise ValueError(f"'{ref}' is not a full branch name")
    if expected is not None and not mirror.is_ancestor(expected, new):
        raise ValueError(f"{new} does not descend from {expected}")
    mirror.commit_object(new)
    if expected is None:
        _check_free(mirror, ref)
    callbacks = _Swap(mirror, ref, new, expected)
    with conversation("pushing to", mirror.url, mirror.credentials):
        remote = mirror.repository.remotes.create_anonymous(mirror.url)
        try:
            # The plus only keeps libgit2 from judging by what this mirror happens to hold; the comparison is ours.
            remote.push([f"+{new}:{ref}"], callbacks=callbacks)
        except _AlreadyThereError:
            callbacks.accepted = True
    callbacks.judge()
    with mirror.locked():
        found = mirror.repository.references.get(ref)
        # Somebody may have fetched a newer state meanwhile, which must not go back.
        if (str(found.target) if found is not None else None) == expected:
            mirror.repository.references.create(ref, pygit2.Oid(hex=new), force=True)


class _AlreadyThereError(Exception):
    """The forge has the commit on that branch: an earlier push went through although nobody heard the answer."""


class _Swap(Callbacks):
    """A push that goes on only when the branch stands where the caller read it."""

    def __init__(self, mirror: Mirror, ref: str, new: str, expected: str | None) -> None:
        super().__init__(mirror.url, mirror.credentials)
        self._ref = ref
        self._new = new
        self._expected = expected
        self._status: str | None = None
        self.accepted = False

    def push_negotiation(self, updates: list[pygit2.remotes.PushUpdate]) -> None:
        """Compare the advertised id with the expected one, before anything is sent."""
        for update in updates:
            advertised = None if set(str(update.src)) == {"0"} else str(update.src)
            if advertised == self._new:
                raise _AlreadyThereError
            if advertised != self._expected:
                raise LostRace(
                    "E-GIT-010",
                    f"{self._ref} of {shown(self._url)} is at {_short(advertised)}, not at {_short(self._expected)}",
                )

    def push_update_reference(self, refname: str, message: str | None) -> None:
        """Keep the forge's answer. A message is a refusal, although `push` itself returns."""
        if refname == self._ref:
            self._status = message
            self.accepted = message is None

    def judge(self) -> None:
        """Raise what the forge's answer means, or return when it accepted."""
        if self.accepted:
            return
        status = self._status or "the forge gave no answer for this branch"
        if any(words in status.lower() for words in LOST_RACE_STATUSES):
            raise LostRace(
                "E-GIT-011", f"{self._ref} of {shown(self._url)} moved during the push ({sanitise(status)})"
            )
        words = f": {self.words}" if self.words else ""
        raise Stalled(
            "E-GIT-012",
            f"{shown(self._url)} declined the push to {self._ref} ({sanitise(status)}){words}",
            cure="Let this user push to that branch: look at its branch protection and the server's hooks",
        )


def _edited(
    repository: pygit2.Repository, base: pygit2.Oid | None, edits: Mapping[tuple[str, ...], bytes | None]
) -> pygit2.Oid | None:
    """The tree of `base` with `edits`, or None when nothing is left in it."""
    builder = repository.TreeBuilder(base) if base is not None else repository.TreeBuilder()
    here = {path[0]: content for path, content in edits.items() if len(path) == 1}
    below: dict[str, dict[tuple[str, ...], bytes | None]] = {}
    for path, content in edits.items():
        if len(path) > 1:
            below.setdefault(path[0], {})[path[1:]] = content
    for name in sorted(here):
        content = here[name]
        if content is not None:
            builder.insert(name, repository.create_blob(content), FILE)
        elif builder.get(name) is not None:
            builder.remove(name)
    for name in sorted(below):
        found = builder.get(name)
        inner = _edited(
            repository, found.id if found is not None and found.filemode == FOLDER else None, below[name]
        )
        if inner is not None:
            builder.insert(name, inner, FOLDER)
        elif found is not None and found.filemode == FOLDER:
            builder.remove(name)
    return builder.write() if len(builder) else None


def _check_free(mirror: Mirror, ref: str) -> None:
    # Git keeps a branch as a file, so a branch `env` leaves no room for `env/dev`. The forge would answer as if the
    # race were lost, and reading again would never help.
    for other in mirror.refs():
        if other.startswith(ref + "/") or ref.startswith(other + "/"):
            raise Stalled(
                "E-GIT-013",
                f"{ref} cannot be made in {shown(mirror.url)}: its branch {other} is in the way",
                cure=f"Delete or rename the branch {other.removeprefix(HEADS)}",
            )


def _check_path(path: str) -> None:
    parts = path.split("/")
    problems = [problem for part in parts if (problem := name_problem(part.encode())) is not None]
    if problems:
        raise ValueError(f"'{path}' cannot be a path in a tree: {problems[0].message}")


def _signature(identity: Identity, seconds: int) -> pygit2.Signature:
    def clean(text: str) -> str:
        return "".join(
            character for character in text if character.isprintable() and character not in "<>"
        ).strip()

    return pygit2.Signature(
        clean(identity.name) or "unknown", clean(identity.email) or "unknown", seconds, 0, "utf-8"
    )


def _short(sha: str | None) -> str:
    return sha[:12] if sha is not None else "no commit"
