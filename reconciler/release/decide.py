"""The decision: given an environment, its policy, facts and the time, the one thing to do next, or why nothing.

The order of the questions is the order of what matters: our own ledger, what must not run, what people wish, whether
the fleet keeps up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release import rules
from reconciler.release.actions import CreateBranch, Promote, RestoreLedger, TakeOver
from reconciler.release.approvals import propose, proposed_because
from reconciler.release.decision import Decision, act, wait
from reconciler.release.during import during
from reconciler.release.facts import Facts
from reconciler.release.opening import open_rollout
from reconciler.release.partial import partial
from reconciler.release.paths import RELEASE, short
from reconciler.release.pinning import judge_pins
from reconciler.release.promotion import promote
from reconciler.release.pull_requests import note_taken, unproposed
from reconciler.release.remedy import remedy
from reconciler.release.state import EnvironmentState, Ledger, Reason

__all__ = ["Decision", "decide"]

OUTDATED = {"proxy": "W-REL-027", "agent": "W-REL-028"}
"""How who is left out by version is told, by what is too old."""


def decide(
    state: EnvironmentState, policy: EnvironmentPolicy | None, facts: Facts, *, now: datetime
) -> Decision:
    """What to do with an environment now. `policy` None: valid trunk has no such environment any more.

    Pure: the same arguments give the same decision. `facts` are those of the moment `now`.
    """
    if policy is None:
        return wait(
            Reason("W-REL-013", "the environment is not on trunk any more; its nodes keep what they run")
        )
    state = state.at(now)
    ledger = state.files.ledger
    if ledger is None:
        return act(CreateBranch(), "the environment appeared on trunk")
    if state.inherited:
        return act(TakeOver(), "the key that signed it last was replaced")
    if state.tampered:
        return act(
            RestoreLedger(state.tampered), f"{', '.join(state.tampered)} changed by somebody else than us"
        )
    pinning = judge_pins(state, ledger, policy, facts, now)
    if pinning.action is not None:
        return act(pinning.action, pinning.because)
    taken = note_taken(state, policy, facts)
    if taken is not None:
        return act(taken, f"{RELEASE} names {short(taken.promoted.digest)}")
    promotion = promote(state, policy, facts, now)
    if isinstance(promotion, Promote) and not policy.pull_request:
        source = "promoted by itself" if policy.after else "newest valid commit of trunk"
        return act(promotion, f"{source}: {promotion.release.why}")
    proposing = propose(state, policy, facts, now)
    if proposing is not None:
        return act(proposing, proposed_because(proposing, policy))
    rollout = ledger.open_rollout
    if rollout is not None and ledger.plan is not None:
        look = partial if rollout.is_partial else during
        decision = look(state, ledger, rollout, ledger.plan, policy, facts, now=now)
    else:
        decision = between(state, ledger, policy, facts, now=now)
    # `promotion` says why none is made by itself, if one could be.
    skipped: tuple[Reason, ...] = tuple(one.reason for one in facts.pending)
    later = None
    if isinstance(promotion, Promote):
        skipped = (*skipped, *unproposed(promotion, facts))
    elif promotion is not None:
        skipped, later = (*skipped, promotion.reason), promotion.until
    moments = [at for at in (decision.look_again_at, pinning.look_again_at, later) if at is not None]
    return replace(
        decision,
        waiting=(*decision.waiting, *skipped, *pinning.waiting, *_outdated(facts)),
        look_again_at=min(moments, default=None),
    )


def _outdated(facts: Facts) -> tuple[Reason, ...]:
    """Who keeps what it runs because of the version of its proxy or agent: nobody waits for these nodes."""
    return tuple(
        Reason(
            OUTDATED[found.part],
            f"left out by version: {found.nodes} nodes whose {found.part} is older than {found.needs}, which "
            f"{short(found.digest)} needs ({'; '.join(found.examples)}"
            f"{'; …' if found.nodes > len(found.examples) else ''}); each gets it once its {found.part} is upgraded",
        )
        for found in facts.outdated
    )


def between(
    state: EnvironmentState, ledger: Ledger, policy: EnvironmentPolicy, facts: Facts, *, now: datetime
) -> Decision:
    """No rollout is open: the wish is what runs, or opens a rollout, or waits."""
    wish = state.files.release
    if wish is None:
        return wait(rules.no_wish(state))
    if wish.digest == ledger.live:
        found = state.quarantined(wish.digest)
        held = tuple(rules.holding(state.files.holds))
        again = remedy(state, ledger, policy, facts, now=now) if found is None and not held else None
        if again is not None:
            return again
        if found is None:
            until = rules.look_again(state, policy, now) if held else None
            return Decision((), f"every node is told to run {short(wish.digest)}", until, held)
        reason = (
            f"{short(wish.digest)} is live and quarantined ({found.why}); name another digest in {RELEASE}"
        )
        return wait(Reason("W-REL-011", reason), *held)
    return open_rollout(state, ledger, wish, policy, facts, now=now)
