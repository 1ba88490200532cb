"""What becomes of one promotion, with everything that stands against its rollout where we merge it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.flows.envbranch import commit_keys
from reconciler.flows.facts import gather_facts
from reconciler.flows.promotions.branches import Asking
from reconciler.flows.promotions.look import Promoting
from reconciler.flows.pulls.reviewing import approvers
from reconciler.flows.voters import Known, signers_at, with_people
from reconciler.release import rules
from reconciler.release.actions import Promote
from reconciler.release.approvals import propose
from reconciler.release.ballot import APPROVE, Ballot
from reconciler.release.facts import Proof
from reconciler.release.pull_requests import AUTO, Forge, Judged, Proposed, judge_pull, same_wish
from reconciler.release.state import Reason


def judge(look: Promoting, one: Proposed, found: Asking, wanted: Promote | None) -> Judged:
    newer = wanted.release.digest if wanted is not None else ""
    against: tuple[Reason, ...] = ()
    mergeable = one.number and one.forge is Forge.open and not (one.conflicts or one.others)
    if (
        look.policy.pull_request == AUTO
        and mergeable
        and not same_wish(look.state.files.release, one.release)
    ):
        against = _against(look, one, found.head)
    return judge_pull(one, look.state, look.policy, newer=newer, against=against)


def _against(look: Promoting, one: Proposed, head: str) -> tuple[Reason, ...]:
    """What stands against a rollout of it, were it merged now, with those for approvals who approved the pull request.

    Their plan is the one that would be proposed; whether each counts is asked of the very rules.
    """
    context, policy = look.context, look.policy
    files = replace(look.state.files, release=one.release, proposal=None, ballots=())
    state = replace(look.state, files=files)
    facts = gather_facts(context, state, policy, look.refs, now=look.now)
    facts = with_people(context, facts, state, policy, head=head, trunk=look.trunk.commit, now=look.now)
    asked = propose(state, policy, facts, look.now)
    if (
        asked is not None
        and policy.approvals.reviews
        and look.api is not None
        and context.connection is not None
    ):
        people = approvers(context, look.api, context.connection, one.number, head)
        ballots = tuple(
            Ballot(
                person,
                APPROVE,
                one.release.digest,
                look.environment,
                asked.proposal.plan,
                hotfix=one.release.hotfix,
            )
            for person in sorted(people)
        )
        known = Known(
            context.mirror,
            look.trunk.commit,
            signers_at(context, look.trunk.commit),
            commit_keys(context),
            look.now,
        )
        how = f"a review of pull request {one.number}"
        proofs = {
            ballot.path: Proof((ballot.person, *sorted(known.names((ballot.person,)) - {ballot.person})), how)
            for ballot in ballots
        }
        state = replace(state, files=replace(files, proposal=asked.proposal, ballots=ballots))
        facts = replace(facts, proofs=proofs)
    rollout = look.ledger.open_rollout
    case = rules.Case(
        one.release, state, policy, facts, look.now, rollout.name if rollout is not None else ""
    )
    reasons = rules.judge(case)
    later = rules.try_again(reasons, state, policy, look.now) if reasons else None
    look.until = min((at for at in (look.until, later) if at is not None), default=None)
    return reasons
