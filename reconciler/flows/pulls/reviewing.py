"""Lets the reviews of pull requests count as approvals of the release that brings them, where policy says so.

A review is of the head that it was given to. Somebody has approved a release by reviews when they have approved each
pull request that it brings, at the head that was merged, and when merging that head gives what is on trunk. Nothing is
kept of reviews: the forge is asked each time, and one that does not stand any more is taken back on the branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile

from reconciler.config.installation import Connection
from reconciler.config.policy import EnvironmentPolicy
from reconciler.db.owed import ask
from reconciler.errors import LostRace, Refused, Stalled
from reconciler.flows.casting import Word, cast, read_wished, take_back
from reconciler.flows.context import Context
from reconciler.flows.envbranch import FAR, BranchRead, commit_keys
from reconciler.flows.facts import read_policies
from reconciler.flows.intake.repository import sharing
from reconciler.flows.outcome import Outcome
from reconciler.flows.promotions.pending import rows_of
from reconciler.flows.pulls.pull import head_of
from reconciler.flows.pulls.reaching import api_of
from reconciler.flows.voters import ON_BEHALF_OF, Known, signers_at, span_of
from reconciler.forge.calling import Api, NotThere
from reconciler.forge.port import PullInfo
from reconciler.forge.request import path_of
from reconciler.git.merging import merge, merge_base
from reconciler.git.mirror import CommitInfo, Mirror
from reconciler.release.approvals import expected_plan
from reconciler.release.ballot import APPROVE
from reconciler.release.paths import ballot_path
from reconciler.release.pull_requests import Fate

VIA = "reviews of pull request "
MOST_PULLS = 20
"""Of a release that brings more than these, nobody is taken to have read all."""

MOST_COMMITS = 200
LOOK = timedelta(minutes=10)
"""While a release waits its reviews are looked at this often, whatever the forge says: a delivery that tells of one
that was withdrawn may get lost."""

SHORTEST = 7
"""Digits of an abbreviated commit id."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What the reviews of a release come to: the people who approved all of it, and what was read for that."""

    people: frozenset[str]
    pulls: tuple[int, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Covering:
    """A merged pull request: its head, who opened it, the commit of trunk before it, and how many commits of trunk it
    made."""

    number: int
    head: str
    author: str
    before: str
    length: int


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Put on the branches of the repository's projects what reviews say. Raises as the forge, git and `cast` do."""
    api = api_of(context)
    if api is None or context.connection is None:
        return Outcome("unchanged", "the connection names no credentials to ask the forge with")
    said: list[str] = []
    changed = False
    for own, policy in _reviewed(context):
        project, environment = own.project, policy.name
        _, branch = read_wished(own, environment)
        plan = expected_plan(branch.state, policy) if branch is not None else ""
        if branch is None or not plan:
            continue
        found = _brought(own, api, context.connection, branch, renew)
        found = _promoted(own, api, context.connection, environment, branch, found)
        moved = _settle(own, environment, branch, found)
        changed |= bool(moved)
        if moved:
            ask(own.organization.slug, project.slug, "environment", environment, now=own.now())
        names = ", ".join(sorted(found.people)) or found.trouble or "nobody has approved all of it"
        said.append(f"{project.slug}/{environment}: {names}")
        renew()
    if not said:
        return Outcome("unchanged", "no release waits for reviews")
    return Outcome("changed" if changed else "unchanged", "; ".join(said), context.now() + LOOK)


def _reviewed(context: Context) -> Iterator[tuple[Context, EnvironmentPolicy]]:
    """The environments of the repository's projects in which reviews count."""
    for project in sharing(context.installation, context.project):
        own = replace(context, project=project, _mirror=context.mirror)
        for policy in read_policies(own).policies:
            if policy.approvals.count and policy.approvals.reviews:
                yield own, policy


def _settle(context: Context, environment: str, branch: BranchRead, found: Brought) -> list[str]:
    """Commit what has changed; the ids of the commits. A word that somebody gave or took back otherwise is theirs."""
    wish = branch.state.files.release
    if wish is None:
        return []
    via = VIA + ", ".join(map(str, found.pulls))
    ballots = {ballot.person: ballot for ballot in branch.state.files.ballots if ballot.digest == wish.digest}
    commits = []
    for person in sorted(ballots.keys() - found.people):
        given = _by_reviews(context, branch.head, ballots[person].path)
        if ballots[person].verdict == APPROVE and given:
            why = found.trouble or "the reviews do not stand any more"
            word = Word(person, APPROVE, why, via, wish.digest)
            commits.append(take_back(context, environment, word, given, now=context.now))
    if branch.state.files.ledger is not None and branch.state.files.ledger.open_rollout is not None:
        return [sha for sha in commits if sha]
    for person in sorted(found.people - ballots.keys()):
        if not _removed_by_hand(context, branch.head, ballot_path(wish.digest, person)):
            word = Word(person, APPROVE, "approved on the forge", via, wish.digest)
            commits.append(cast(context, environment, word, now=context.now))
    return [sha for sha in commits if sha]


def _by_reviews(context: Context, head: str, path: str) -> str:
    """Our commit that put a file there because of reviews, empty when another one did."""
    sha = context.mirror.introduced(head, path, limit=FAR)
    if sha is None or not context.mirror.signed_by(sha, *commit_keys(context).believed):
        return ""
    commit = context.mirror.commit(sha)
    ours = bool(commit.trailer(ON_BEHALF_OF)) and (commit.trailer("Via") or "").startswith(VIA)
    return sha if ours else ""


def _removed_by_hand(context: Context, head: str, path: str) -> bool:
    """Whether the newest commit that removed the file is somebody's own, who then says so no more."""
    commits = context.mirror.first_parents(head, limit=MOST_COMMITS, stop=None)
    for commit in commits:
        before = context.mirror.entry_id(commit.parents[0], path) if commit.parents else ""
        if before and not context.mirror.entry_id(commit.sha, path):
            return not context.mirror.signed_by(commit.sha, *commit_keys(context).believed)
    return False


def _brought(
    context: Context, api: Api, connection: Connection, branch: BranchRead, renew: Callable[[], None]
) -> Brought:
    """Who has approved each pull request that the wish brings."""
    wish, ledger = branch.state.files.release, branch.state.files.ledger
    new, old = span_of(context, wish.digest if wish else "", ledger.live if ledger else "")
    mirror = context.mirror
    if new is None or not mirror.has_commit(new.sha):
        return Brought(frozenset(), (), "which trunk commit it is of is not known")
    limit = MOST_COMMITS if old is not None else 1
    chain = mirror.first_parents(new.sha, limit=limit, stop=old.sha if old is not None else None)
    if old is not None and (not chain or chain[-1].parents[:1] != (old.sha,)):
        return Brought(frozenset(), (), "what it brings does not follow on what runs")
    people: frozenset[str] | None = None
    pulls: list[int] = []
    position = 0
    while position < len(chain):
        merged = chain[position]
        if not _touches(mirror, merged, context.project.path):
            position += 1
            continue
        renew()
        if len(pulls) == MOST_PULLS:
            return Brought(frozenset(), tuple(pulls), f"it brings more than {MOST_PULLS} pull requests")
        covered = _covering(context, api, merged, len(chain) - position)
        if covered is None:
            words = f"{merged.sha[:12]} came by no pull request that gives what is on trunk"
            return Brought(frozenset(), tuple(pulls), words)
        makers = _makers(context, connection, covered)
        if makers is None:
            words = f"pull request {covered.number} has {MOST_COMMITS} commits or more"
            return Brought(frozenset(), tuple(pulls), words)
        approved = approvers(context, api, connection, covered.number, covered.head) - makers
        people = approved if people is None else people & approved
        pulls.append(covered.number)
        position += covered.length
    return Brought(people or frozenset(), tuple(pulls))


def _promoted(
    context: Context, api: Api, connection: Connection, environment: str, branch: BranchRead, found: Brought
) -> Brought:
    """With those who approved the pull request that the promotion itself was."""
    wish = branch.state.files.release
    for row in rows_of(context, environment):
        if wish is not None and row.digest == wish.digest and row.fate == Fate.done and row.number:
            people = approvers(context, api, connection, row.number, row.head)
            found = replace(found, people=found.people | people, pulls=(*found.pulls, row.number))
    return found


def _touches(mirror: Mirror, commit: CommitInfo, folder: str) -> bool:
    return not folder or mirror.touches(commit.sha, folder) or mirror.drops(commit.sha, folder)


def _covering(context: Context, api: Api, merged: CommitInfo, most: int) -> Covering | None:
    """The pull request that `merged` ends."""
    repository, now, forge = path_of(context.project.repository), context.now(), api.forge
    for number in _numbers(context, api, merged):
        info = api.ask(forge.pull(repository, number), forge.read_pull, now=now)
        if info.target != context.project.trunk or not same(merged.sha, info.merged):
            continue
        head = _head(context.mirror, merged, info, forge.pull_ref(number))
        for length in _lengths(context, api, merged, head, number, most) if head else ():
            before = context.mirror.first_parents(merged.sha, limit=length + 1, stop=None)[-1].sha
            if before != merged.sha and merge(context.mirror, before, head).tree == merged.tree:
                return Covering(number, head, info.author, before, length)
    return None


def _numbers(context: Context, api: Api, commit: CommitInfo) -> list[int]:
    """The pull requests that the forge says a commit came by."""
    asked = api.forge.pulls_of(path_of(context.project.repository), commit.sha)
    try:
        return list(api.ask(asked, api.forge.read_numbers, now=context.now()))
    except NotThere:
        return []


def _lengths(
    context: Context, api: Api, merged: CommitInfo, head: str, number: int, most: int
) -> Iterator[int]:
    """How many commits of trunk a pull request may have made: as many as it has where it was rebased, those in a row
    that the forge says came by it where trunk was moved to its head, else one."""
    mirror = context.mirror
    if head == merged.sha:
        row = mirror.first_parents(head, limit=most, stop=None)
        yield 1 + sum(1 for _ in takewhile(lambda one: number in _numbers(context, api, one), row[1:]))
        return
    base = merge_base(mirror, merged.sha, head)
    count = len(mirror.since(base, head, limit=MOST_COMMITS)) if base is not None else 0
    if 1 < count <= most and head not in merged.parents:
        yield count
    yield 1


def _head(mirror: Mirror, merged: CommitInfo, info: PullInfo, ref: str) -> str:
    """The whole id of the head that was merged; empty when it cannot be had any more."""
    parent = next((parent for parent in merged.parents[1:] if same(parent, info.head)), "")
    if parent:
        return parent
    try:
        return head_of(mirror, mirror.refs(), info, ref)
    except (Stalled, Refused, LostRace):
        return ""


def _makers(context: Context, connection: Connection, covered: Covering) -> frozenset[str] | None:
    """Every name of those who wrote it, for where it was squashed, trunk does not say, and of who opened it: anybody
    may write any author into a commit. None when it has too many commits to ask."""
    trunk = read_policies(context).commit
    known = Known(context.mirror, trunk, signers_at(context, trunk), commit_keys(context), context.now())
    commits = context.mirror.since(covered.before, covered.head, limit=MOST_COMMITS)
    if len(commits) >= MOST_COMMITS:
        return None
    opened = connection.person_of(covered.author)
    return frozenset().union(known.names({opened} - {""}), *map(known.makers, commits))


def approvers(context: Context, api: Api, connection: Connection, number: int, head: str) -> frozenset[str]:
    """The people whose approval of a pull request stands, and is of this head."""
    found = api.forge.approvals(
        lambda request, read: api.ask(request, read, now=context.now()),
        path_of(context.project.repository),
        number,
    )
    people = {connection.person_of(one.account) for one in found if same(head, one.commit)}
    return frozenset(people - {""})


def same(sha: str, said: str) -> bool:
    """Whether a commit is what a forge means, which may say only how its id begins."""
    return len(said) >= SHORTEST and sha.startswith(said)
