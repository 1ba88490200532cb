"""Puts a person's word on a release onto the branch for them: somebody who has shown the control plane who they are.

The API and reviews on a forge come here. The commit is ours and says for whom it was made; `voters` believes that
because our key signed it, so whoever calls this has to know the person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.config.people import is_person
from reconciler.errors import LostRace, NotYet, Refused
from reconciler.flows import envbranch, envcommit
from reconciler.flows.context import Context
from reconciler.flows.envrow import find_row
from reconciler.flows.facts import read_policies
from reconciler.flows.roots import signers, trusted_roots
from reconciler.flows.voters import ON_BEHALF_OF
from reconciler.git.writing import commit_edit, push
from reconciler.release.approvals import expected_plan
from reconciler.release.ballot import APPROVE, REJECT, Ballot, render_ballot
from reconciler.release.paths import ballot_path, short

ATTEMPTS = 8
LONGEST = 1000
TAKEN_BACK = "release.approval-taken-back"
VERDICTS = {APPROVE: ("Approve", "release.approved"), REJECT: ("Reject", "release.rejected")}


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said. `via` is how they said it, such as the address of a review. `digest` and `plan` are the
    bundle and the plan that it was said of, empty for whatever is wished."""

    person: str
    verdict: str
    why: str
    via: str = ""
    digest: str = ""
    plan: str = ""


def cast(
    context: Context,
    environment: str,
    word: Word,
    *,
    now: Callable[[], datetime],
    trying: Callable[[str], None] = lambda sha: None,
) -> str:
    """Commit a person's word on what is wished in an environment, and return the commit's id, which `trying` is told
    before it is pushed.

    Raises `Refused` E-REL-040 for somebody who is no person or a word that is none, `NotYet` E-REL-041 while there is
    nothing to approve, `Stalled` E-REL-001 and E-REL-002 while the branch is not followed, `LostRace` when it keeps
    moving.
    """
    person = word.person.lower()
    if not is_person(person) or word.verdict not in (APPROVE, REJECT):
        raise Refused(
            "E-REL-040",
            f"'{word.verdict[:40]}' by '{person[:120]}' is no approval: expected {APPROVE} or {REJECT} by an address",
            cure="Give the person the address that stands in their commits",
        )
    return _while_it_moves(lambda: _cast(context, environment, person, word, now(), trying))


def take_back(
    context: Context, environment: str, word: Word, given: str, *, now: Callable[[], datetime]
) -> str:
    """Remove the word that we committed for a person with the commit `given`, and return the new commit's id; "" when
    it does not stand any more. Raises as `cast`."""
    return _while_it_moves(lambda: _take_back(context, environment, word, given, now()))


def _while_it_moves(attempt: Callable[[], str]) -> str:
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except LostRace as error:
            lost = error
    raise lost


def read_wished(context: Context, environment: str) -> tuple[str | None, envbranch.BranchRead | None]:
    """The head of an environment's branch and what it says; None where there is none, or none of ours."""
    mirror, ref = context.mirror, envbranch.branch_ref(context, environment)
    # Read before the branch is: what we saw last is then never ahead of it.
    row = find_row(context, environment)
    head = mirror.fetch().get(ref)
    if row is not None and row.head:
        envbranch.check_continuity(mirror, environment, row.head, head)
    if head is None:
        return None, None
    branch = envbranch.read_branch(mirror, head, environment, envbranch.commit_keys(context))
    return head, branch if branch.ours is not None else None


def _cast(
    context: Context,
    environment: str,
    person: str,
    word: Word,
    now: datetime,
    trying: Callable[[str], None],
) -> str:
    head, branch = read_wished(context, environment)
    policy = read_policies(context).of(environment)
    wish = branch.state.files.release if branch is not None else None
    plan = expected_plan(branch.state, policy) if branch is not None and policy is not None else ""
    unasked = (word.verdict == APPROVE and not plan) or word.plan not in ("", plan)
    if head is None or branch is None or wish is None or unasked or word.digest not in ("", wish.digest):
        raise NotYet(
            "E-REL-041",
            f"nothing is proposed for '{environment}' that could be approved",
            after=timedelta(seconds=2),
        )
    ballot = Ballot(
        person, word.verdict, wish.digest, environment, plan, word.why[:LONGEST], wish.hotfix, now
    )
    verb, event = VERDICTS[word.verdict]
    said = [("Bundle", wish.digest), ("Plan", plan), ("Because", word.why), ("Via", word.via)]
    trailers = [*said, (ON_BEHALF_OF, person), (envbranch.EVENT_TRAILER, event)]
    subject = f"{verb} {short(wish.digest)} in {environment}"
    content = render_ballot(ballot)
    return _commit(context, environment, branch, {ballot.path: content}, subject, trailers, now, trying)


def _take_back(context: Context, environment: str, word: Word, given: str, now: datetime) -> str:
    _, branch = read_wished(context, environment)
    path = ballot_path(word.digest, word.person)
    if branch is None or context.mirror.introduced(branch.head, path, limit=envbranch.FAR) != given:
        return ""
    said = [("Bundle", word.digest), ("Because", word.why), ("Via", word.via)]
    trailers = [*said, (ON_BEHALF_OF, word.person), (envbranch.EVENT_TRAILER, TAKEN_BACK)]
    subject = f"Take back the approval of {short(word.digest)} in {environment}"
    return _commit(context, environment, branch, {path: None}, subject, trailers, now)


def _commit(
    context: Context,
    environment: str,
    branch: envbranch.BranchRead,
    edits: dict[str, bytes | None],
    subject: str,
    trailers: list[tuple[str, str]],
    now: datetime,
    trying: Callable[[str], None] = lambda sha: None,
) -> str:
    # Whatever we sign is a ledger of ours, so one that somebody edited goes back to what it was in the same commit.
    restored = {path: branch.originals.get(path) for path in branch.state.tampered}
    sha = commit_edit(
        context.mirror,
        branch.head,
        {**restored, **edits},
        message=envcommit.worded(subject, trailers),
        author=envcommit.US,
        committer=envcommit.US,
        when=now,
        key=signers(context, "commit", trusted_roots(context).newest)[0],
    )
    trying(sha)
    push(context.mirror, envbranch.branch_ref(context, environment), sha, branch.head)
    return sha
