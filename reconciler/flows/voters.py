"""Who promoted a wish, who wrote what it brings, and whose word each approval is, as git and trunk say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.signers import Signers, read_signers
from reconciler.config.source import SIGNERS
from reconciler.db.models import Commit
from reconciler.db.session import reading
from reconciler.errors import Refused
from reconciler.flows.candidates import compiled
from reconciler.flows.context import Context
from reconciler.flows.envbranch import FAR, CommitKeys, commit_keys
from reconciler.git.mirror import CommitInfo, Mirror
from reconciler.release.approvals import asked
from reconciler.release.facts import Facts, Proof
from reconciler.release.paths import RELEASE, short
from reconciler.release.state import EnvironmentState

ON_BEHALF_OF = "On-behalf-of"
"""The trailer with which the control plane commits for somebody who has shown it who they are."""

MOST_COMMITS = 5_000
"""Of more commits that a release brings nobody is asked who wrote them."""

CO_AUTHOR = "Co-authored-by"
ADDRESS = re.compile(r"<([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Known:
    """What people are known by: the keys that trunk `commit` gives them, and our own."""

    mirror: Mirror
    commit: str
    signers: Signers
    keys: CommitKeys
    now: datetime

    def names(self, people: Iterable[str]) -> frozenset[str]:
        """Every name of these people."""
        return frozenset().union(*(self.signers.names_of(person.lower()) for person in people))

    def makers(self, commit: CommitInfo) -> frozenset[str]:
        """Every name of whoever wrote, committed or signed a commit."""
        co_authors = [
            found[1]
            for name, value in commit.trailers
            if name.lower() == CO_AUTHOR.lower() and (found := ADDRESS.search(value))
        ]
        key = self.mirror.signing_key(commit.sha)
        # Whether the key counts still is no matter: who made something is left out of approving it all the same.
        signed = self.signers.owners_of(key) if key is not None else ()
        return self.names((commit.author_email, commit.committer_email, *co_authors, *signed))


def with_people(
    context: Context,
    facts: Facts,
    state: EnvironmentState,
    policy: EnvironmentPolicy,
    *,
    head: str | None,
    trunk: str,
    now: datetime,
) -> Facts:
    """The facts, with those about people where the wish needs approvals or has some.

    `trunk` is the last valid commit of trunk.
    """
    facts = replace(facts, policy_commit=trunk)
    wish = state.files.release
    if head is None or wish is None or not (asked(policy, wish) or state.files.ballots):
        return facts
    known = Known(context.mirror, trunk, signers_at(context, trunk), commit_keys(context), now)
    authors, unknown = _authors(context, known, state)
    promoters = _promoters(known, head)
    if promoters is None:
        authors, unknown = None, f"who promoted it {FAR} commits ago or earlier is not known"
    return replace(
        facts,
        proofs={ballot.path: prove(known, head, ballot.path) for ballot in state.files.ballots},
        promoters=tuple(sorted(promoters or ())),
        authors=None if authors is None else tuple(sorted(authors)),
        unknown_authors=unknown,
    )


def signers_at(context: Context, commit: str) -> Signers:
    """Whose key is whose as a valid trunk commit says; nobody's when it says nothing, or is not to be had."""
    mirror, folder = context.mirror, context.project.path
    path = f"{folder}/{SIGNERS}" if folder else SIGNERS
    if not mirror.has_commit(commit):
        return Signers()
    try:
        content = mirror.read_file(commit, path)
    except Refused:
        return Signers()
    return (read_signers(content)[0] if content is not None else None) or Signers()


def prove(known: Known, head: str, path: str) -> Proof:
    """Who put a file of the branch there as it is, by a signature, or by our own word for them."""
    mirror = known.mirror
    sha = mirror.introduced(head, path, limit=FAR)
    if sha is None:
        return Proof((), f"it is older than {FAR} commits")
    if mirror.signed_by(sha, *known.keys.believed):
        person = mirror.commit(sha).trailer(ON_BEHALF_OF)
        if not person:
            return Proof((), f"our own commit {sha[:12]} does not say for whom it was made", sha)
        return Proof(_ordered(known, (person.lower(),)), f"our word in commit {sha[:12]}", sha)
    if not mirror.is_signed(sha):
        return Proof((), f"commit {sha[:12]} is not signed", sha)
    key = mirror.signing_key(sha)
    if key is None:
        return Proof((), f"the signature of commit {sha[:12]} cannot be verified", sha)
    principals = known.signers.principals_of(key, known.now)
    if not principals:
        where = f"{SIGNERS} of trunk {known.commit[:12]}"
        return Proof((), f"the key that signed commit {sha[:12]} is nobody's in {where}", sha)
    return Proof(_ordered(known, principals), f"the signature of commit {sha[:12]}", sha)


def _ordered(known: Known, first: tuple[str, ...]) -> tuple[str, ...]:
    return (*first, *sorted(known.names(first) - set(first)))


def _promoters(known: Known, head: str) -> frozenset[str] | None:
    """Every name of whoever committed the wish; of our own commits whoever they were made for. None for unknown."""
    sha = known.mirror.introduced(head, RELEASE, limit=FAR)
    if sha is None:
        return None
    people = _committed(known, sha)
    brought = known.mirror.brought(head, RELEASE, limit=FAR)
    if brought is None:
        return None
    # Whoever merged it has promoted it as well as whoever asked for it on another branch.
    people |= _committed(known, brought)
    for parent in known.mirror.commit(brought).parents[1:]:
        asked_for = known.mirror.introduced(parent, RELEASE, limit=FAR)
        if known.mirror.entry_id(parent, RELEASE) == known.mirror.entry_id(head, RELEASE) and asked_for:
            people |= _committed(known, asked_for)
    return people


def _committed(known: Known, sha: str) -> frozenset[str]:
    """Every name of whoever made a commit; of one of ours whoever it was made for."""
    commit = known.mirror.commit(sha)
    if known.mirror.signed_by(sha, *known.keys.believed):
        person = commit.trailer(ON_BEHALF_OF)
        return known.names((person,)) if person else frozenset()
    return known.makers(commit)


def _authors(context: Context, known: Known, state: EnvironmentState) -> tuple[frozenset[str] | None, str]:
    """Every name of those who wrote or committed what the wish brings; None when that is not known, and why."""
    wish, ledger = state.files.release, state.files.ledger
    live = ledger.live if ledger is not None else ""
    if wish is None:
        return frozenset(), ""
    new, old = span_of(context, wish.digest, live)
    if new is None or (live and old is None):
        return None, f"which trunk commit {short(wish.digest if new is None else live)} is of is not known"
    missing = [row.sha for row in (new, old) if row is not None and not context.mirror.has_commit(row.sha)]
    if missing:
        return None, f"the trunk commit {missing[0][:12]} is not in the repository any more"
    if old is None:
        # Nothing runs here yet. What was written before the first release is not anybody's change of it.
        return known.makers(context.mirror.commit(new.sha)), ""
    commits = context.mirror.since(old.sha, new.sha, limit=MOST_COMMITS)
    if not commits:
        # It goes back behind what runs, so that what comes is what the released commit says.
        return known.makers(context.mirror.commit(new.sha)), ""
    if len(commits) >= MOST_COMMITS:
        return None, f"it brings {MOST_COMMITS} commits or more"
    folder = context.project.path
    mirror = context.mirror
    touching = [one for one in commits if mirror.touches(one.sha, folder) or mirror.drops(one.sha, folder)]
    return frozenset().union(*map(known.makers, touching)), ""


def span_of(context: Context, digest: str, live: str) -> tuple[Commit | None, Commit | None]:
    """The trunk commits that a bundle and what runs are of; None where that is not known. The widest span that it can
    be: the same digest may have been compiled from several commits."""
    with reading():
        new = _compiled_to(context, digest).order_by(Commit.position.desc()).first()
        old = _compiled_to(context, live).order_by(Commit.position).first() if live else None
    return new, old


def _compiled_to(context: Context, digest: str):  # type: ignore[no-untyped-def]
    return compiled(context).where(Commit.digest == digest)
