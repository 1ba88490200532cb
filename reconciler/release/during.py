"""Decisions while a rollout is open or paused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch, merge
from reconciler.release import rules
from reconciler.release.actions import AdvanceStep, Complete, Pause, Resume, RollBack, Supersede
from reconciler.release.approvals import rejecting, withdrawn
from reconciler.release.decision import Decision, act, wait
from reconciler.release.facts import Facts
from reconciler.release.freeze import frozen_for
from reconciler.release.gates import GateFacts, Judged, judge_all
from reconciler.release.opening import open_rollout, unfit
from reconciler.release.paths import hold_path, short
from reconciler.release.returning import LOOK_AGAIN, going_back, turned
from reconciler.release.serving import weight_words
from reconciler.release.state import (
    EnvironmentState,
    Judgement,
    Ledger,
    Plan,
    Progress,
    Reason,
    Release,
    Rollout,
)
from reconciler.release.swap import REPLACED, all_to
from reconciler.release.verdict import Fail, Pass, Wait, judgement, severity

BY = "sentinel reconciler"


def during(
    state: EnvironmentState,
    ledger: Ledger,
    rollout: Rollout,
    plan: Plan,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    """What must not run goes first, then what people wish, then what the fleet says.

    Whatever ends a rollout whose release gets requests: the traffic goes back before that.
    """
    returning = rollout.returning
    if returning is None:
        decision = _going_on(state, ledger, rollout, plan, policy, facts, now=now)
        return turned(decision, ledger)
    # What was good when the way back began may have been quarantined since.
    nowhere = tuple(rules.abandoning(state, ledger))
    if nowhere:
        if rollout.state == "paused":
            return wait(*nowhere)
        because = f"it cannot go back: {nowhere[0].message}"
        return act(Pause(because), because)
    waits = going_back(ledger, rollout, plan, facts, now=now)
    if waits is not None:
        return waits
    because = returning.because
    if returning.cause == REPLACED:
        wish = state.files.release
        return act(Supersede(because, back=wish is not None and wish.digest == ledger.live), because)
    ended = _fail(state, ledger, rollout, because, on_failure="rollback")
    return ended or wait(
        Reason("W-REL-005", f"{rollout.name} goes back, and {short(rollout.previous)} is quarantined")
    )


def _going_on(
    state: EnvironmentState,
    ledger: Ledger,
    rollout: Rollout,
    plan: Plan,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    quarantine = state.quarantined(rollout.digest)
    if quarantine is not None:
        because = f"{short(rollout.digest)} was quarantined: {quarantine.why or 'no reason given'}"
        decision = _fail(state, ledger, rollout, because, on_failure="rollback")
        if decision is not None:
            return decision
    wish = state.files.release
    if wish is None or wish.digest != rollout.digest:
        return _other_wish(state, ledger, rollout, plan, wish, policy, facts, now=now)
    elsewhere = wish.only != plan.wished
    later = (_waits(wish, policy),) if elsewhere else ()
    rejections = tuple(rejecting(state))
    forbidden = tuple(rules.forbidding_before(state, policy, facts, rollout.digest))
    objections = (*rejections, *forbidden, *withdrawn(state, policy, facts, plan))
    holds = (*rules.holding(state.holds_except(rollout.name)), *objections)
    own = any(hold.name == rollout.name for hold in state.files.holds)
    if rollout.state == "open" and (holds or own):
        reasons = (*(hold.reason for hold in state.files.holds), *(r.message for r in objections))
        objected = (
            "it was rejected"
            if rejections
            else "it was quarantined in an environment before"
            if forbidden
            else "an approval was withdrawn"
        )
        return act(Pause("; ".join(reasons)), objected if objections else "a hold was placed")
    if rollout.state == "paused":
        failed = (_paused(rollout),) if own else ()
        if holds or failed:
            return wait(*failed, *holds, *later, until=rules.look_again(state, policy, now))
        if quarantine is not None:
            return wait(
                Reason(
                    "W-REL-005", f"{short(rollout.digest)} is quarantined, and there is none to go back to"
                )
            )
        frozen = tuple(rules.freezing(state, policy, facts, now))
        if frozen:
            return wait(*frozen, *later, until=rules.thaw(policy, now))
        return act(Resume(), "nothing holds it any more")
    judged = _judge(state, ledger, rollout, plan, policy, facts, now=now)
    return _elsewhere(judged, state, ledger, wish, policy, facts, now=now) if elsewhere else judged


def _elsewhere(
    going_on: Decision,
    state: EnvironmentState,
    ledger: Ledger,
    wish: Release,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    """The same digest is wished for other nodes: nobody goes back, and no further step begins.

    When the batch that is under way is well, a rollout opens that goes on from the nodes which were moved.
    """
    done = next((action for action in going_on.actions if isinstance(action, AdvanceStep)), None)
    if done is None or policy.supersede == "finish":
        return replace(going_on, waiting=(*going_on.waiting, _waits(wish, policy)))
    opening = open_rollout(state, ledger, wish, policy, facts, now=now)
    return replace(opening, verdicts=done.verdicts, counts=done.counts)


def _other_wish(
    state: EnvironmentState,
    ledger: Ledger,
    rollout: Rollout,
    plan: Plan,
    wish: Release | None,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    """The wish does not name the rollout's digest any more: go back, begin anew, or stand still until it is clear."""
    if wish is None:
        reasons: tuple[Reason, ...] = (rules.no_wish(state),)
    else:
        words = wish.why or "no reason given"
        if wish.digest == ledger.live:
            reasons = rules.going_back(state, wish.digest, rollout.name)
            if not reasons:
                because = f"{short(wish.digest)}, which is live, is wished again: {words}"
                return act(Supersede(because, back=True), because)
        else:
            # What could not open afterwards ends nothing that goes on.
            reasons = rules.judge(rules.Case(wish, state, policy, facts, now, rollout.name)) or unfit(
                ledger, wish, policy, facts
            )
            if not reasons and (policy.supersede != "finish" or rollout.state == "paused"):
                # A rollout that is finished first takes nobody back.
                reasons = tuple(rules.abandoning(state, ledger))
            if not reasons:
                because = f"{_named(wish)} is wished instead: {words}"
                replaced = act(Supersede(because, back=False), because)
                if policy.supersede == "replace" or rollout.state == "paused":
                    return replaced
                return _finishing(
                    _judge(state, ledger, rollout, plan, policy, facts, now=now), replaced, policy, wish
                )
    if rollout.state == "open":
        because = f"the wish is not {short(rollout.digest)} any more, and waits: {reasons[0].message}"
        return act(Pause(because), because)
    return wait(*reasons, until=rules.try_again(reasons, state, policy, now))


def _named(wish: Release) -> str:
    return f"{short(wish.digest)} for {wish.only}" if wish.only else short(wish.digest)


def _finishing(going_on: Decision, replaced: Decision, policy: EnvironmentPolicy, wish: Release) -> Decision:
    """What the open rollout does while another wish waits for its batch, or for its end."""
    if policy.supersede == "finish-batch" and any(isinstance(a, AdvanceStep) for a in going_on.actions):
        return replaced
    return replace(going_on, waiting=(*going_on.waiting, _waits(wish, policy)))


def _waits(wish: Release, policy: EnvironmentPolicy) -> Reason:
    what = "rollout" if policy.supersede == "finish" else "batch"
    return Reason("W-REL-016", f"{_named(wish)} is wished, and waits until the open {what} has ended")


def _judge(
    state: EnvironmentState,
    ledger: Ledger,
    rollout: Rollout,
    plan: Plan,
    policy: EnvironmentPolicy,
    facts: Facts,
    *,
    now: datetime,
) -> Decision:
    """Ask the gates about the active step."""
    active = rollout.active
    if active is None or active.since is None:
        raise RuntimeError(f"rollout {rollout.name} is open and has no active step")
    batch = facts.batches[active.number - 1]
    planned = plan.steps[active.number - 1]
    earlier = merge(facts.batches[: active.number - 1])
    said = state.files.go(rollout, active)
    go = said if said is not None and said.is_for(rollout, active) else None
    alone = _alone(rollout, plan, active)
    judged = judge_all(
        GateFacts(
            planned,
            batch,
            earlier,
            plan.rules,
            active.since,
            now,
            go,
            said,
            facts.signals,
            alone,
            plan.swap,
            not rollout.previous,
        )
    )
    kept = tuple(judgement(one.label, one.verdict) for one in judged)
    worst = max((one.verdict for one in judged), key=severity)
    counts = batch.to_counts()
    words = "; ".join(f"{one.label} {one.verdict.because}" for one in judged)
    if isinstance(worst, Pass):
        if active.number == len(plan.steps):
            return act(Complete(kept, counts), words)
        frozen = tuple(rules.freezing(state, policy, facts, now))
        if frozen:
            # The nodes of this step are moved and well; that no further ones may be moved is nobody's failure.
            thaw = rules.thaw(policy, now)
            return replace(wait(*frozen, until=thaw), verdicts=kept, counts=counts)
        return act(AdvanceStep(kept, counts), words)
    # Frozen time does not count, as paused time does not: a step may have passed and waited for days.
    deadline = active.since + timedelta(seconds=plan.rules.deadline_seconds + planned.lasts)
    deadline += frozen_for(policy.freezes, policy.name, active.since, now)
    deadline = max(deadline, _lapse_ends(plan, merge((earlier, batch))) or deadline)
    failure = _failure(judged, active, plan, now >= deadline)
    if failure:
        decision = _fail(
            state, ledger, rollout, failure, on_failure=plan.rules.on_failure, verdicts=kept, counts=counts
        )
        if decision is not None:
            return decision
        raise RuntimeError("an open rollout can always be paused")
    shifted = weight_words(plan, active.number)
    where = (
        f"batch {active.number} of {len(plan.steps)} of {rollout.name}{f' ({shifted})' if shifted else ''}"
    )
    reasons, moments = [], [now + LOOK_AGAIN, *((deadline,) if deadline > now else ())]
    for one in judged:
        if isinstance(one.verdict, Wait):
            reasons.append(Reason("W-REL-009", f"{where}: {one.label}: {one.verdict.because}"))
            moments += [one.verdict.until] if one.verdict.until is not None else []
    look = max(min(moments), now)
    return replace(wait(*reasons, until=look), verdicts=kept, counts=counts)


def _alone(rollout: Rollout, plan: Plan, active: Progress) -> str:
    """Why no node is left that runs what was before the rollout, or "" when there has to be one."""
    if not rollout.previous:
        return "nothing was released before: there is nothing to compare with"
    if plan.swap is not None and plan.steps[active.number - 1].weights == all_to(plan.swap.standby):
        return f"the slot {plan.swap.former} gets no requests any more; the steps before were compared"
    if active.number == len(plan.steps) > 1:
        return "every node is moved; the steps before were compared"
    return ""


def _lapse_ends(plan: Plan, moved: Batch) -> datetime | None:
    """Until when nodes may be silent, or become healthy again, in a step that a person is asked about; None when that
    is not all there is. Such a step may have been well for days, and waited for nothing but the person's word."""
    asked = any(gate.kind == "manual" for gate in plan.rules.gates)
    if not asked or moved.lapsed_at is None or not moved.lapses:
        return None
    return moved.lapsed_at + timedelta(seconds=plan.rules.deadline_seconds)


def _failure(judged: tuple[Judged, ...], active: Progress, plan: Plan, late: bool) -> str:
    """Why the active step has failed, or "". What only waits has failed when the deadline is past, unless it is
    patient."""
    failed = [f"{one.label}: {one.verdict.because}" for one in judged if isinstance(one.verdict, Fail)]
    if not failed and late:
        failed = [
            f"no progress within {plan.rules.deadline_seconds} s: {one.label}: {one.verdict.because}"
            for one in judged
            if isinstance(one.verdict, Wait) and not one.patient
        ]
    return f"batch {active.number} of {len(plan.steps)}: {'; '.join(failed)}" if failed else ""


def _fail(
    state: EnvironmentState,
    ledger: Ledger,
    rollout: Rollout,
    because: str,
    *,
    on_failure: str,
    verdicts: tuple[Judgement, ...] = (),
    counts: dict[str, int] | None = None,
) -> Decision | None:
    """Go back if that is asked for and there is a good digest to go back to, else pause. None when paused already."""
    previous = rollout.previous
    if on_failure == "rollback" and previous and state.quarantined(previous) is None:
        wish = state.files.release
        release = None
        if wish is not None and wish.digest == rollout.digest:
            last = next((done for done in ledger.history if done.digest == previous), None)
            commit = last.commit if last is not None else ""
            release = Release(previous, commit, f"rollback of {rollout.name}: {because}"[:1000], BY)
        return act(RollBack(because, release, verdicts, counts), because)
    if rollout.state == "paused":
        return None
    if on_failure == "rollback":
        lack = (
            "and the digest before is quarantined too"
            if previous
            else "and there is no earlier digest to go back to"
        )
        because = f"{because}; {lack}"
    return act(
        Pause(because, hold=f"{rollout.name} failed: {because}"[:1000], verdicts=verdicts, counts=counts),
        because,
    )


def _paused(rollout: Rollout) -> Reason:
    return Reason(
        "W-REL-008",
        f"{rollout.name} is paused: {rollout.because}; delete {hold_path(rollout.name)} to resume, "
        "or name another digest in release.kdl",
    )
