"""Who has approved a wish, who still has to, and why somebody's word does not count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.config.approvals import Approvals
from reconciler.config.people import TEAM_PREFIX
from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.actions import Propose
from reconciler.release.assignment import settled
from reconciler.release.ballot import APPROVE, REJECT, SHORT_HASH, Ballot, Proposal
from reconciler.release.facts import Facts, Proof
from reconciler.release.paths import ballot_folder, short
from reconciler.release.state import EnvironmentState, Ledger, Plan, Reason, Release
from reconciler.release.terms import plan_hash, terms_hash


@dataclass(frozen=True, slots=True)
class Tally:
    """The people whose approval counts, in the order of their names, and why others' does not."""

    counted: tuple[str, ...]
    uncounted: tuple[Reason, ...]


def asked(policy: EnvironmentPolicy, wish: Release) -> int:
    """How many approvals a wish may come to need, exceptions from freezes included."""
    most = max((window.hotfix_approvals or 0 for window in policy.freezes), default=0) if wish.hotfix else 0
    return policy.approvals.count + most


def propose(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, now: datetime
) -> Propose | None:
    """The proposal that is due: the wish needs approvals, and none stands for it under today's terms."""
    wish, ledger = state.files.release, state.files.ledger
    if wish is None or ledger is None or not asked(policy, wish) or not facts.bundles.get(wish.digest):
        return None
    if wish.digest == ledger.live or settled(ledger, wish):
        return None
    if standing(state, policy) is not None:
        return None
    proposal = Proposal(
        digest=wish.digest,
        plan=plan_hash(policy, wish, facts.policy_commit),
        policy=facts.policy_commit,
        terms=terms_hash(policy),
        strategy=policy.strategy,
        count=policy.approvals.count,
        at=now,
    )
    before = state.files.proposal
    changed = before is not None and before.digest == proposal.digest and before.plan != proposal.plan
    return Propose(proposal, before.plan if before is not None and changed else "")


def proposed_because(action: Propose, policy: EnvironmentPolicy) -> str:
    """Why a proposal is made, for the commit and the page."""
    if action.before:
        was = action.before[:SHORT_HASH]
        return f"the plan {was} does not hold any more: policy or target changed, and approvals of it count no more"
    asked = "1 approval" if policy.approvals.count == 1 else f"{policy.approvals.count} approvals"
    return f"{policy.name} asks for {asked} before a release"


def standing(state: EnvironmentState, policy: EnvironmentPolicy) -> Proposal | None:
    """The proposal under which the wish can be approved now, or None."""
    wish, found = state.files.release, state.files.proposal
    if wish is None or found is None or found.digest != wish.digest or found.terms != terms_hash(policy):
        return None
    return found if found.plan == plan_hash(policy, wish, found.policy) else None


def expected_plan(state: EnvironmentState, policy: EnvironmentPolicy) -> str:
    """The plan that an approval has to name: that of the open rollout when it is for the same nodes, or that of the
    proposal; "" for none."""
    wish, ledger = state.files.release, state.files.ledger
    if wish is None or ledger is None:
        return ""
    if ledger.open_rollout is not None and ledger.plan is not None and settled(ledger, wish):
        return ledger.plan.hash
    found = standing(state, policy)
    return found.plan if found is not None else ""


def tally(
    state: EnvironmentState,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    hotfix: bool = False,
    any_plan: bool = False,
) -> Tally:
    """Count the approvals of the wish; with `hotfix` those alone that were given to its label, with `any_plan` those
    too that were given to another plan of the same bundle."""
    wish = state.files.release
    counted: dict[frozenset[str], str] = {}
    uncounted: list[Reason] = []
    for ballot, trouble in judged(state, policy, facts, any_plan=any_plan):
        if trouble is None and hotfix and wish is not None and ballot.hotfix != wish.hotfix:
            words = f"{_of(ballot)} was not given to the hotfix {wish.hotfix}; they approve again"
            trouble = Reason("W-REL-044", words)
        if trouble is None:
            counted.setdefault(frozenset(facts.proofs[ballot.path].names), ballot.person)
        else:
            uncounted.append(trouble)
    return Tally(tuple(sorted(counted.values())), tuple(uncounted))


def judged(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, *, any_plan: bool = False
) -> Iterator[tuple[Ballot, Reason | None]]:
    """Each approval of the wish, and why it does not count; None when it does."""
    plan = expected_plan(state, policy)
    for ballot in _ballots(state, APPROVE):
        proof, meant = facts.proofs.get(ballot.path), ballot.plan if any_plan else plan
        yield ballot, _trouble(ballot, proof, state.name, meant, policy.approvals, facts)


def approving(state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts) -> Iterator[Reason]:
    """Why the approvals of the wish are not enough; nothing when they are."""
    if policy.approvals.count:
        yield from _short_of(policy.approvals.count, tally(state, policy, facts), state, policy, facts)


def hotfix_short(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, more: int
) -> tuple[str, tuple[Reason, ...]]:
    """What is missing for a hotfix to pass a freeze that asks for so many more approvals, and why; "" for nothing."""
    found = tally(state, policy, facts, hotfix=True)
    needed = policy.approvals.count + more
    if len(found.counted) >= needed:
        return "", ()
    return _count(needed, found, state, policy, facts), found.uncounted


def withdrawn(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, plan: Plan
) -> Iterator[Reason]:
    """Why an open rollout stands on fewer approvals than it opened with. What the policy came to ask for since does
    not count against it.

    While its bundle is wished for other nodes, people approve that under another plan: no matter under which one, and
    who wishes it, their approval has not been withdrawn.
    """
    needed, wish = min(policy.approvals.count, len(plan.approved)), state.files.release
    if not needed or wish is None:
        return
    elsewhere = wish.only != plan.wished
    asked_of = replace(facts, promoters=()) if elsewhere else facts
    found = tally(state, policy, asked_of, any_plan=elsewhere)
    if len(found.counted) < needed:
        gone = ", ".join(person for person in plan.approved if person not in found.counted)
        words = f"{plan.rollout} opened with the approval of {gone}, which does not count any more"
        yield Reason("W-REL-080", f"{words}: {_count(needed, found, state, policy, facts)}")
        yield from found.uncounted


def live_short(
    state: EnvironmentState, ledger: Ledger, policy: EnvironmentPolicy, facts: Facts
) -> Iterator[Reason]:
    """Why what is live may not be given to nodes once more: it was rejected, or too few approvals of it stand.

    Under which plan they were given does not matter any more; how many its rollout opened with is enough, as far as
    that is known.
    """
    yield from rejecting(state)
    needed, plan = policy.approvals.count, ledger.plan
    if plan is not None and plan.digest == ledger.live:
        needed = min(needed, len(plan.approved))
    troubles = tuple(judged(state, policy, facts, any_plan=True))
    people = {frozenset(facts.proofs[ballot.path].names) for ballot, trouble in troubles if trouble is None}
    if len(people) < needed:
        words = f"{len(people)} of {needed} approvals of {short(ledger.live)}, which is live, stand"
        yield Reason("W-REL-081", f"{words}; approve it with: sentinelctl approve {state.name}")
        yield from (trouble for _, trouble in troubles if trouble is not None)


def rejecting(state: EnvironmentState) -> Iterator[Reason]:
    """A reason for each person who rejected what is wished. It needs no signature: whoever may push may also hold.

    A file in the folder of the wish that cannot be read may be a rejection: unknown means no.
    """
    wish = state.files.release
    folder = f"{ballot_folder(wish.digest)}/" if wish is not None else None
    for found in state.files.malformed:
        if folder is not None and found.path.startswith(folder):
            yield Reason(
                "W-REL-041",
                f"{found.path} cannot be read and may be a rejection: {found.message}; mend or delete it to go on",
            )
    for ballot in _ballots(state, REJECT):
        yield Reason(
            "W-REL-041",
            f"rejected by {ballot.person}: {ballot.why or 'no reason given'}; delete {ballot.path} to go on, or let "
            f"{ballot.person} approve",
        )


def _ballots(state: EnvironmentState, verdict: str) -> Iterator[Ballot]:
    wish = state.files.release
    for ballot in state.files.ballots:
        if wish is not None and ballot.digest == wish.digest and ballot.verdict == verdict:
            yield ballot


def _trouble(
    ballot: Ballot, proof: Proof | None, environment: str, plan: str, asked: Approvals, facts: Facts
) -> Reason | None:
    """Why an approval does not count, or None."""
    if ballot.environment != environment:
        words = f"{_of(ballot)} was given to '{ballot.environment}', and this is '{environment}'"
        return Reason("W-REL-044", words)
    if proof is None or not proof.names:
        return Reason("W-REL-042", f"{_of(ballot)} does not count: {_unproven(proof)}; {_sign(ballot)}")
    if ballot.person not in proof.names:
        words = f"{_of(ballot)} does not count: {proof.how} is that of {proof.names[0]}"
        return Reason("W-REL-042", f"{words}, who approves in their own name")
    names = set(proof.names)
    if asked.restricted and not names & asked.everybody:
        return Reason("W-REL-043", f"{_of(ballot)} does not count: the policy does not name them")
    if names & set(facts.promoters):
        return Reason("W-REL-043", f"{_of(ballot)} does not count: they promoted it")
    if facts.authors is None:
        words = f"{_of(ballot)} does not count: {facts.unknown_authors or 'who wrote what it brings is not known'}"
        return Reason("W-REL-045", words)
    if names & set(facts.authors):
        return Reason("W-REL-043", f"{_of(ballot)} does not count: they wrote or committed what it brings")
    if ballot.plan != plan:
        was, now = ballot.plan[:SHORT_HASH] or "none", plan[:SHORT_HASH] or "not proposed yet"
        words = f"{_of(ballot)} was given to the plan {was}; the plan is {now} now: policy or target changed"
        return Reason("W-REL-044", f"{words}; they approve again, with sentinelctl approve {environment}")
    return None


def _short_of(
    needed: int, found: Tally, state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts
) -> Iterator[Reason]:
    if len(found.counted) < needed:
        yield Reason("W-REL-040", _count(needed, found, state, policy, facts))
        yield from found.uncounted


def _count(
    needed: int, found: Tally, state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts
) -> str:
    """Such as: 1 of 2 approvals: bob; needs one of alice, team:sre."""
    missing = needed - len(found.counted)
    who = ", ".join(found.counted) or "nobody yet"
    plan = expected_plan(state, policy)[:SHORT_HASH]
    left = _left(policy.approvals, {*found.counted, *facts.promoters, *(facts.authors or ())})
    number = "one" if missing == 1 else str(missing)
    if not policy.approvals.restricted:
        people = "person" if missing == 1 else "people"
        wanted = f"needs {number} more {people} whose key is in .sentinel/allowed-signers"
    elif left:
        wanted = f"needs {number} of {', '.join(left)}"
    else:
        wanted = "nobody whom the policy names is left who may approve it"
    wish = state.files.release
    of = f" of the plan {plan}" if plan else ""
    digest = f" for {short(wish.digest)}" if wish is not None else ""
    return f"{len(found.counted)} of {needed} approvals{digest}{of}: {who}; {wanted}"


def _left(asked: Approvals, out: set[str]) -> list[str]:
    """The people and teams of whom somebody may still approve."""
    teams = [TEAM_PREFIX + name for name, members in asked.teams if set(members) - out]
    return [*(person for person in asked.people if person not in out), *teams]


def _of(ballot: Ballot) -> str:
    return f"the approval of {ballot.person}"


def _unproven(proof: Proof | None) -> str:
    return proof.how if proof is not None and proof.how else "who put it there is not known"


def _sign(ballot: Ballot) -> str:
    return f"{ballot.person} signs it with: sentinelctl approve {ballot.environment} --sign ~/.ssh/id_ed25519"
