"""Reads one environment branch out of the mirror: wishes at its head, the ledger at our own newest commit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.roots import trusted_roots
from reconciler.git.mirror import CommitInfo, Mirror
from reconciler.release import paths
from reconciler.release.branch import parse_branch
from reconciler.release.readme import CREATED, created_subject
from reconciler.release.state import BranchFiles, Completed, EnvironmentState, Quarantine

MOST_BALLOTS = 200
"""Each is proved by looking for the commit that put it there, which anybody who may push could make long."""

EVENT_TRAILER = "Event"
MOST_HISTORY = 100_000
"""So many commits of a branch that is new to us are searched for where it comes from."""

NEAR = 20
FAR = 5_000
"""How many commits of other people may stand on top of our last one before we say that we do not find it."""


@dataclass(frozen=True, slots=True)
class CommitKeys:
    """Public halves of commit keys: those of the newest root, those that were replaced, and those that were revoked."""

    current: tuple[bytes, ...]
    former: tuple[bytes, ...] = ()
    revoked: tuple[bytes, ...] = ()

    @property
    def believed(self) -> tuple[bytes, ...]:
        """All whose commits were ours when they were made."""
        return self.current + self.former


def commit_keys(context: Context) -> CommitKeys:
    """The commit keys as the roots have them. Raises `Stalled` as `trusted_roots`."""
    roots = trusted_roots(context)
    return CommitKeys(
        tuple(roots.newest.keys_of("commit").values()),
        tuple(roots.former("commit").values()),
        tuple(roots.revoked("commit").values()),
    )


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


def read_branch(mirror: Mirror, head: str, environment: str, keys: CommitKeys) -> BranchRead:
    """Read the branch at `head`.

    Raises `Stalled` E-REL-003 when there is a ledger and none of the commits is ours, E-REL-008 when only a revoked key
    signed it, E-REL-004 when the ledger that we wrote cannot be read.
    """
    found = newest_of_ours(mirror, head, keys)
    ours, inherited = found if found is not None else (None, False)
    files, unreadable = _read(mirror, head, _wishes(mirror, head))
    ballots = _ballots(mirror, head, files.get(paths.RELEASE))
    words, silent = _read(mirror, head, ballots[:MOST_BALLOTS])
    files |= words
    unreadable |= silent
    for path in ballots[MOST_BALLOTS : MOST_BALLOTS + 1]:
        unreadable[path] = f"{path} and what comes after it is not read: {MOST_BALLOTS} approvals are enough"
    originals: dict[str, bytes] = {}
    if ours is not None:
        originals, damage = _read(mirror, ours.sha, paths.LEDGER)
        unreadable |= damage
    there, changed = _read(mirror, head, paths.LEDGER)
    if ours is None and paths.ROLLOUT in {**there, **changed}:
        raise _nobodys(mirror, head, environment, keys)
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
        EnvironmentState(environment, parsed, tampered if ours is not None else (), inherited),
        originals,
    )


def read_ledger_at(mirror: Mirror, sha: str) -> BranchFiles:
    """The ledger files of one of our commits."""
    originals, unreadable = _read(mirror, sha, paths.LEDGER)
    return parse_branch(originals, unreadable)


def completed_rollouts(mirror: Mirror, head: str, keys: CommitKeys) -> tuple[Completed, ...] | None:
    """The rollouts that completed in the environment of this branch; None when its ledger is not to be had."""
    ours = newest_of_ours(mirror, head, keys)
    if ours is None:
        return None
    ledger = read_ledger_at(mirror, ours[0].sha).ledger
    return None if ledger is None else ledger.history


def quarantine_at(mirror: Mirror, head: str) -> tuple[Quarantine, ...]:
    """The quarantines that stand on a branch; one that cannot be read forbids what its name says."""
    folder = paths.QUARANTINE
    return parse_branch(
        *_read(mirror, head, tuple(f"{folder}/{name}" for name in mirror.list_folder(head, folder)))
    ).quarantine


def newest_of_ours(mirror: Mirror, head: str, keys: CommitKeys) -> tuple[CommitInfo, bool] | None:
    """The newest first-parent commit that a commit key of today signed; where there is none, the newest by a former
    one, and then True. So a former key counts for nothing as soon as a commit of today's stands on its branch.
    """
    inherited: CommitInfo | None = None
    seen = 0
    for limit in (NEAR, FAR):
        commits = mirror.first_parents(head, limit=limit, stop=None)
        for commit in commits[seen:]:
            if mirror.signed_by(commit.sha, *keys.current):
                return commit, False
            if inherited is None and mirror.signed_by(commit.sha, *keys.former):
                inherited = commit
        if len(commits) < limit:
            break
        seen = limit
    return None if inherited is None else (inherited, True)


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


def is_followed(mirror: Mirror, environment: str, known: str, head: str) -> bool:
    """Whether `head` is of the branch of which we saw `known` last: a later commit of it, or an earlier one that was
    read before others went on."""
    for older, newer in ((known, head), (head, known)):
        if mirror.has_commit(newer):
            with suppress(Stalled):
                check_continuity(mirror, environment, older, newer)
                return True
    return False


def check_origin(mirror: Mirror, head: str, environment: str, keys: CommitKeys) -> None:
    """Return when a branch that nobody has seen yet was not made by us for another environment.

    Whoever may push could otherwise give a new environment the history of one in which everything has completed.
    Raises `Stalled` E-REL-060.
    """
    for commit in mirror.first_parents(head, limit=MOST_HISTORY, stop=None):
        foreign = commit.subject != created_subject(environment)
        if (
            commit.trailer(EVENT_TRAILER) == CREATED
            and foreign
            and mirror.signed_by(commit.sha, *keys.believed)
        ):
            raise Stalled(
                "E-REL-060",
                f"the branch of '{environment}' goes on from that of another environment: {commit.sha[:12]} says "
                f"'{commit.subject[:80]}'. Nothing changes until it does not",
                cure="Delete the branch; a new one is made at the next look",
            )


def _nobodys(mirror: Mirror, head: str, environment: str, keys: CommitKeys) -> Stalled:
    for commit in mirror.first_parents(head, limit=FAR, stop=None):
        if mirror.signed_by(commit.sha, *keys.revoked):
            return Stalled(
                "E-REL-008",
                f"the ledger of '{environment}' is signed by a commit key that was revoked, last in {commit.sha}, and "
                "by no other. Nothing changes until somebody says which of its commits holds",
                cure=f"Look at the branch's log, then run `sentinelctl keys vouch {environment} --commit SHA`",
            )
    return Stalled(
        "E-REL-003",
        f"the branch of '{environment}' has a ledger, and no commit key of ours has signed any of its commits",
        cure="Publish a root that names the commit key which signed them; see docs/keys.md",
    )


def _wishes(mirror: Mirror, head: str) -> tuple[str, ...]:
    found = [paths.RELEASE]
    for folder in paths.WISH_FOLDERS:
        found += [f"{folder}/{name}" for name in mirror.list_folder(head, folder)]
    return tuple(found)


def _ballots(mirror: Mirror, head: str, release: bytes | None) -> tuple[str, ...]:
    """The words of people on what is wished; those on anything else mean nothing now."""
    wish = parse_branch({paths.RELEASE: release}).release if release is not None else None
    if wish is None:
        return ()
    folder = paths.ballot_folder(wish.digest)
    return tuple(f"{folder}/{name}" for name in mirror.list_folder(head, folder))


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
