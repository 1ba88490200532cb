"""One environment: read its branch, publish what it says, decide, commit, push, and again until nothing is to do.

What is published and recorded is derived from commits that are on the forge, so a run that dies between any two steps
is healed by the next one: a retry finds its own commit on the branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.config.policy import EnvironmentPolicy
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.errors import NotYet, Stalled
from reconciler.flows import delivery, envbranch, envcommit, envrow, projection, publish
from reconciler.flows.branches import branches
from reconciler.flows.context import Context
from reconciler.flows.facts import TrunkPolicies, gather_facts, read_policies
from reconciler.flows.outcome import Outcome
from reconciler.flows.pulls import feedback
from reconciler.flows.rebuild.nodes import check_nodes_known
from reconciler.flows.voters import with_people
from reconciler.git.writing import push
from reconciler.release.actions import Supersede
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.pull_requests import UNPROPOSED
from reconciler.release.state import BranchFiles, EnvironmentState

MAX_COMMITS = 5
"""In one run. More than that is a decision that does not come to rest; the next run goes on anyway."""

LOG_LOOK = timedelta(minutes=1)
"""How long after something was published the log is held against what was seen of it: by then nodes have reported."""

DRIFT_LOOK = timedelta(seconds=30)
"""How long after that the nodes are looked at for what drifts; from then on they are looked at by themselves."""

NO_FACTS = Facts()


@dataclass(slots=True)
class Look:
    """What one run has read and done so far."""

    context: Context
    environment: str
    now: datetime
    trunk: TrunkPolicies = field(default_factory=lambda: TrunkPolicies("", ()))
    policy: EnvironmentPolicy | None = None
    refs: Mapping[str, str] | None = None
    known: str = ""
    moved: bool = False
    branch: envbranch.BranchRead | None = None
    facts: Facts = NO_FACTS
    decision: Decision = field(default_factory=lambda: Decision((), ""))
    commit: str | None = None
    commits: list[str] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return envbranch.branch_ref(self.context, self.environment)

    @property
    def state(self) -> EnvironmentState:
        """The branch's state; an environment without a branch has said nothing yet."""
        if self.branch is None:
            return EnvironmentState(self.environment, BranchFiles())
        return self.branch.state

    @property
    def between_rollouts(self) -> bool:
        """Whether the last commit of this run only made room for the next one: nodes need not hear of it."""
        action = self.decision.actions[0] if self.decision.actions else None
        return isinstance(action, Supersede) and not action.back and self.commit is not None


def fetch(look: Look) -> None:
    """Bring the mirror up to date, once in a run: what we push ourselves we know."""
    if look.refs is None:
        look.refs = branches(look.context)


def read_policy(look: Look) -> None:
    """The policy of the last valid trunk commit, and the row."""
    look.trunk = read_policies(look.context)
    look.policy = look.trunk.of(look.environment)
    if look.policy is not None:
        envrow.ensure_row(look.context, look.environment, look.trunk.position(look.environment), now=look.now)
    row = envrow.find_row(look.context, look.environment)
    look.known = row.head if row is not None else ""


def read_branch(look: Look) -> None:
    """The branch, after making sure that it goes on from where we saw it last."""
    head = (look.refs or {}).get(look.ref)
    if look.known:
        envbranch.check_continuity(look.context.mirror, look.environment, look.known, head)
    if head is None:
        look.branch = None
        return
    keys = envbranch.commit_keys(look.context)
    if not look.known:
        envbranch.check_origin(look.context.mirror, head, look.environment, keys)
    look.branch = envbranch.read_branch(look.context.mirror, head, look.environment, keys)
    if not look.known and look.branch.ours is not None:
        check_nodes_known(look.context)


def publish_and_record(look: Look) -> None:
    """Pointers, history, rollouts and events as the branch says, in one transaction; nothing when they are there."""
    branch, context = look.branch, look.context
    ledger = branch.state.files.ledger if branch is not None else None
    if branch is None or ledger is None or look.between_rollouts:
        return
    if envrow.find_row(context, look.environment) is None:
        return
    envelopes = publish.prepare(context, look.environment, ledger, now=look.now)
    with reading():
        height, commits = projection.new_commits(context, look.environment, branch.head)
    if not envelopes and not commits and look.known == branch.head:
        return
    keys = envbranch.commit_keys(context)
    with writing():
        envrow.take_row(
            context, look.environment, head=branch.head, known=look.known, ledger=ledger, now=look.now
        )
        publish.store_pointers(context, look.environment, envelopes)
        if envelopes and delivery.needed(context, look.environment):
            ask(context.organization.slug, context.project.slug, "delivery", look.environment, now=look.now)
        ask(context.organization.slug, context.project.slug, "log", now=look.now, due_at=look.now + LOG_LOOK)
        drift_look = look.now + DRIFT_LOOK
        ask(
            context.organization.slug,
            context.project.slug,
            "drift",
            look.environment,
            now=look.now,
            due_at=drift_look,
        )
        if look.policy is not None and look.policy.approvals.reviews:
            ask(context.organization.slug, context.project.slug, "reviews", now=look.now)
        events = projection.project(context, look.environment, height, commits, keys)
        # Those that come after wait for what completes here, and for what people quarantine here.
        if not {"rollout.completed", projection.CHANGED_BY_HAND}.isdisjoint(events):
            for follower in look.trunk.after(look.environment):
                ask(context.organization.slug, context.project.slug, "environment", follower, now=look.now)
                _ask_for_promotions(look, look.trunk.of(follower))
    look.moved |= look.known != branch.head
    look.known = branch.head


def gather(look: Look) -> None:
    """The facts of this moment."""
    look.facts = NO_FACTS
    if look.policy is not None:
        facts = gather_facts(look.context, look.state, look.policy, look.refs or {}, now=look.now)
        look.facts = with_people(
            look.context,
            facts,
            look.state,
            look.policy,
            head=look.branch.head if look.branch is not None else None,
            trunk=look.trunk.commit,
            now=look.now,
        )


def make_decision(look: Look) -> None:
    """Ask the release engine."""
    look.decision = decide(look.state, look.policy, look.facts, now=look.now)


def make_commit(look: Look) -> None:
    """The commit of the decision, in the mirror alone."""
    look.commit = None
    if look.decision.actions and look.policy is not None:
        look.commit = envcommit.make_commit(
            look.context,
            look.environment,
            look.branch,
            look.policy,
            look.facts,
            look.decision,
            now=look.now,
        )


def push_commit(look: Look) -> None:
    """Compare and swap. After this the decision is made; everything else follows from it."""
    if look.commit is None:
        return
    head = look.branch.head if look.branch is not None else None
    push(look.context.mirror, look.ref, look.commit, head)
    look.refs = {**(look.refs or {}), look.ref: look.commit}
    look.commits.append(look.commit)


Step = Callable[[Look], None]

STEPS: tuple[Step, ...] = (
    fetch,
    read_policy,
    read_branch,
    publish_and_record,
    gather,
    make_decision,
    make_commit,
    push_commit,
)


def run(context: Context, environment: str, renew: Callable[[], None]) -> Outcome:
    """Look at an environment until nothing is left to do, with at most `MAX_COMMITS` commits.

    `renew` is called before each step. Raises `LostRace` when somebody else pushed first, `Stalled` (also written on
    the environment's row) when a person must act, `Transient` when something is away.
    """
    look = Look(context, environment, context.now())
    try:
        while True:
            look.now = context.now()
            for step in STEPS:
                renew()
                step(look)
            if look.commit is None or len(look.commits) > MAX_COMMITS:
                break
        if look.commit is None:
            publish_and_record(look)
    except Stalled as error:
        envrow.note_stalled(context, environment, error, now=context.now())
        _keep_pointers(context, environment)
        raise
    feedback.ask_for(context)
    if look.moved or any(one.code == UNPROPOSED for one in look.decision.waiting):
        _ask_for_promotions(look, look.policy)
    return _finish(look)


def _ask_for_promotions(look: Look, policy: EnvironmentPolicy | None) -> None:
    """Have the pull requests looked at that promotions into an environment are."""
    if policy is not None and policy.pull_request:
        scope = look.context.organization.slug, look.context.project.slug
        ask(*scope, "promotion", policy.name, now=look.now)


def _finish(look: Look) -> Outcome:
    """Show how it ended, and say when to look again."""
    if envrow.find_row(look.context, look.environment) is None:
        return Outcome("unchanged", f"'{look.environment}' is not on valid trunk")
    envrow.show(look.context, look.state, look.policy, look.facts, look.decision, now=look.now)
    moments = [look.decision.look_again_at, publish.redate_at(look.context, look.environment)]
    look_again_at = min((moment for moment in moments if moment is not None), default=None)
    if look.commit is not None:
        return Outcome("changed", f"{len(look.commits)} commits, and more to do", look.now)
    if look.commits:
        return Outcome("changed", look.decision.because, look_again_at)
    if look.decision.waiting:
        return Outcome("waiting", look.decision.because, look_again_at)
    return Outcome("unchanged", look.decision.because, look_again_at)


def _keep_pointers(context: Context, environment: str) -> None:
    """While the branch cannot be followed nodes keep what they run, with pointers that do not expire."""
    now = context.now()
    try:
        envelopes = publish.redate(context, environment, now=now)
    except (Stalled, NotYet):
        return  # Keys or root are what is stalled; the first error says so already.
    if envelopes:
        with writing():
            envrow.lock_row(context, environment, now=now)
            publish.store_pointers(context, environment, envelopes)


__all__ = ["MAX_COMMITS", "STEPS", "Look", "run"]
