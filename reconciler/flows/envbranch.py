"""Reads one environment branch out of the mirror: wishes at its head, the ledger at our own newest commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.git.mirror import CommitInfo, Mirror
from reconciler.release import paths
from reconciler.release.branch import parse_branch
from reconciler.release.state import BranchFiles, EnvironmentState

NEAR = 20
FAR = 5_000
"""How many commits of other people may stand on top of our last one before we say that we do not find it."""


@dataclass(frozen=True, slots=True)
class BranchRead:
    """A branch at `head`. `ours` is our newest first-parent commit, None when there is none; `originals` are the
    ledger files as they stand there."""

    head: str
    ours: str | None
    state: EnvironmentState
    originals: Mapping[str, bytes]


def branch_ref(context: Context, environment: str) -> str:
    """The full name of the environment's branch."""
    return f"refs/heads/{context.project.branch_prefix}env/{environment}"


def read_branch(mirror: Mirror, head: str, environment: str, public_key: bytes) -> BranchRead:
    """Read the branch at `head`; `public_key` is our commit key's.

    Raises `Stalled` E-REL-003 when there is a ledger and none of the commits is ours, E-REL-004 when the ledger that
    we wrote cannot be read.
    """
    ours = newest_of_ours(mirror, head, public_key)
    files, unreadable = _read(mirror, head, _wishes(mirror, head))
    originals: dict[str, bytes] = {}
    if ours is not None:
        originals, damage = _read(mirror, ours.sha, paths.LEDGER)
        unreadable |= damage
    there, changed = _read(mirror, head, paths.LEDGER)
    if ours is None and paths.ROLLOUT in {**there, **changed}:
        raise Stalled(
            "E-REL-003",
            f"the branch of '{environment}' has a ledger, and our commit key has signed none of its commits",
            cure="Put the commit key back that signed them; after a change of keys see docs/environment-branches.md",
        )
    parsed = parse_branch({**files, **originals}, unreadable)
    damaged = [found for found in parsed.malformed if found.path in paths.LEDGER]
    if damaged:
        raise Stalled(
            "E-REL-004",
            f"our own ledger of '{environment}' cannot be read: {damaged[0].message}",
            cure="Update the control plane to the version that wrote it",
        )
    tampered = tuple(
        path for path in paths.LEDGER if path in changed or there.get(path) != originals.get(path)
    )
    return BranchRead(
        head,
        ours.sha if ours is not None else None,
        EnvironmentState(environment, parsed, tampered if ours is not None else ()),
        originals,
    )


def read_ledger_at(mirror: Mirror, sha: str) -> BranchFiles:
    """The ledger files of one of our commits."""
    originals, unreadable = _read(mirror, sha, paths.LEDGER)
    return parse_branch(originals, unreadable)


def completed_digests(mirror: Mirror, head: str, public_key: bytes) -> tuple[str, ...] | None:
    """The digests whose rollout completed in the environment of this branch; None when its ledger is not to be had."""
    ours = newest_of_ours(mirror, head, public_key)
    if ours is None:
        return None
    ledger = read_ledger_at(mirror, ours.sha).ledger
    return None if ledger is None else tuple(sorted({entry.digest for entry in ledger.history}))


def newest_of_ours(mirror: Mirror, head: str, public_key: bytes) -> CommitInfo | None:
    """The newest first-parent commit that our key signed, or None."""
    seen = 0
    for limit in (NEAR, FAR):
        commits = mirror.first_parents(head, limit=limit, stop=None)
        for commit in commits[seen:]:
            if mirror.signed_by(commit.sha, public_key):
                return commit
        if len(commits) < limit:
            return None
        seen = limit
    return None


def check_continuity(mirror: Mirror, environment: str, known: str, head: str | None) -> None:
    """Return when the branch goes on from `known`, the head that we saw last.

    Raises `Stalled` E-REL-001 when the branch is gone, E-REL-002 when its first parents do not lead to `known`.
    """
    if head == known:
        return
    if head is None:
        raise Stalled(
            "E-REL-001",
            f"the branch of '{environment}' is gone; it was at {known}. Nothing changes until it is back",
            cure=f"Push it back: git push origin {known}:<the branch>",
        )
    newer = mirror.first_parents(head, limit=FAR, stop=known)
    if not newer or newer[-1].parents[:1] != (known,):
        raise Stalled(
            "E-REL-002",
            f"the branch of '{environment}' was rewritten: {head[:12]} does not go on from {known}. "
            "Nothing changes until it does",
            cure=f"Push {known} back, or a commit whose first parent it is (git switch --detach {known[:12]}, then "
            f"git merge --no-ff {head[:12]})",
        )


def _wishes(mirror: Mirror, head: str) -> tuple[str, ...]:
    found = [paths.RELEASE]
    for folder in paths.WISH_FOLDERS:
        found += [f"{folder}/{name}" for name in mirror.list_folder(head, folder)]
    return tuple(found)


def _read(mirror: Mirror, sha: str, wanted: tuple[str, ...]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files that are there, and of those that cannot be read why."""
    files, unreadable = {}, {}
    for path in wanted:
        try:
            content = mirror.read_file(sha, path)
        except Refused as error:
            unreadable[path] = error.message
            continue
        if content is not None:
            files[path] = content
    return files, unreadable
