"""Approvals that are taken back after a release opened: while its rollout is open, and when it is issued again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.config.approvals import Approvals
from reconciler.config.drift import DriftPolicy
from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch
from reconciler.release.actions import AdvanceStep, Pause, Propose, Reissue, Resume
from reconciler.release.ballot import Ballot
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.planning import make_plan
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Ledger,
    Progress,
    Release,
    Rollout,
)
from tests.unit.release.test_release_approvals import ASKED, DONE, LIVE, NEW, NOW, PLAN, PROD, ballot, signed

ANN, BOB, CAROL = "ada@x", "bob@x", "carol@x"
MADE = replace(make_plan("r-0002", NEW, PROD, {"": ("1" * 16, "2" * 16)}), hash=PLAN, approved=(ANN, BOB))
WELL = Batch(total=1, settled=1)


def during(
    *ballots: Ballot,
    state: str = "open",
    policy: EnvironmentPolicy = PROD,
    proofs: int | None = None,
    only: str = "",
    by: str = "",
) -> Decision:
    """The decision on a well first step of a rollout that Ada and Bob had approved. `proofs`: of so many ballots.
    `only`: what it is wished for meanwhile, by whom."""
    since = NOW - timedelta(seconds=30)
    steps = (Progress(1, "active", since, None, 4), Progress(2))
    paused = NOW if state == "paused" else None
    rollout = Rollout("r-0002", state, NEW, LIVE, "b" * 40, since, "", steps, paused_at=paused)
    files = BranchFiles(Release(NEW, only=only), ledger=Ledger(4, rollout, MADE, (DONE,)), ballots=ballots)
    facts = Facts(
        bundles={NEW: True},
        batches=(WELL, WELL),
        proofs=signed(*ballots[:proofs]),
        promoters=(by,) if by else (),
    )
    found = decide(EnvironmentState("prod", files), policy, facts, now=NOW)
    if found.actions and isinstance(found.actions[0], Propose):
        files = replace(files, proposal=found.actions[0].proposal)
        found = decide(EnvironmentState("prod", files), policy, facts, now=NOW)
    return found


def test_a_rollout_goes_on_while_its_approvals_stand() -> None:
    assert isinstance(during(ballot(ANN), ballot(BOB)).actions[0], AdvanceStep)
    # Somebody else stands in for whoever took theirs back.
    assert isinstance(during(ballot(ANN), ballot(CAROL)).actions[0], AdvanceStep)


@pytest.mark.parametrize(
    ("ballots", "proofs"),
    [
        pytest.param((ballot(ANN),), 1, id="its file is gone"),
        pytest.param((ballot(ANN), ballot(BOB, plan="9" * 64)), 2, id="it is for another plan now"),
        pytest.param((ballot(ANN), ballot(BOB)), 1, id="nobody signed it any more"),
    ],
)
def test_a_withdrawn_approval_pauses_a_rollout(ballots: tuple[Ballot, ...], proofs: int) -> None:
    decision = during(*ballots, proofs=proofs)
    (action,) = decision.actions
    assert isinstance(action, Pause)
    assert action.hold == ""
    assert decision.because == "an approval was withdrawn"
    assert "r-0002 opened with the approval of bob@x, which does not count any more: 1 of 2" in action.because
    waits = during(*ballots, proofs=proofs, state="paused")
    assert waits.actions == ()
    assert waits.waiting[0].code == "W-REL-080"


def test_it_goes_on_when_it_is_approved_again() -> None:
    assert isinstance(during(ballot(ANN), ballot(CAROL), state="paused").actions[0], Resume)


FINISH = replace(PROD, supersede="finish")


def test_whom_it_is_wished_for_meanwhile_makes_no_approval_unnecessary() -> None:
    assert isinstance(during(ballot(ANN), policy=FINISH, only="region=eu").actions[0], Pause)
    waits = during(ballot(ANN), policy=FINISH, only="region=eu", state="paused")
    assert [reason.code for reason in waits.waiting][:1] == ["W-REL-080"]
    # An approval of what is wished now is none less of the bundle, and so is that of whoever wishes it for others.
    stands = during(ballot(ANN), ballot(BOB, plan="9" * 64), policy=FINISH, only="region=eu", by=ANN)
    assert isinstance(stands.actions[0], AdvanceStep)


def test_what_the_policy_came_to_ask_for_since_stops_nothing() -> None:
    stricter = replace(PROD, approvals=replace(ASKED, count=3))
    assert isinstance(during(ballot(ANN), ballot(BOB), policy=stricter).actions[0], AdvanceStep)
    assert isinstance(during(policy=replace(PROD, approvals=Approvals())).actions[0], AdvanceStep)


REMEDY = replace(PROD, drift=DriftPolicy(grace_seconds=120, remediate=True, per_hour=2))


def again(*ballots: Ballot, asked: int = 2, rolled_back: bool = False) -> Decision:
    """The decision on a node that drifts from what is live, which Ada and Bob had approved."""
    done = Completed(NEW, "b" * 40, "r-0002", 5, NOW)
    rollout = Rollout("r-0002", "completed", NEW, LIVE, "b" * 40, NOW, "", (Progress(1, "done"),))
    plan = replace(MADE, digest=LIVE) if rolled_back else MADE
    ledger = Ledger(5, rollout, plan, (done, DONE))
    files = BranchFiles(Release(NEW), ledger=ledger, ballots=ballots)
    policy = replace(REMEDY, approvals=replace(ASKED, count=asked))
    facts = Facts(bundles={NEW: True}, proofs=signed(*ballots), drifting=1)
    return decide(EnvironmentState("prod", files), policy, facts, now=NOW)


def test_what_is_live_is_issued_again_while_its_approvals_stand() -> None:
    # The plan may have changed since: what is approved is that nodes run this bundle.
    assert isinstance(again(ballot(ANN), ballot(BOB, plan="9" * 64)).actions[0], Reissue)
    # As many as its rollout opened with are enough, as far as that is known.
    assert isinstance(again(ballot(ANN), ballot(BOB), asked=3).actions[0], Reissue)
    assert again(ballot(ANN), ballot(BOB), asked=3, rolled_back=True).actions == ()


@pytest.mark.parametrize(
    ("ballots", "code"),
    [
        pytest.param((ballot(ANN),), "W-REL-081", id="one is gone"),
        pytest.param((ballot(ANN), ballot("eve@x")), "W-REL-081", id="one is not asked for"),
        pytest.param((ballot(ANN), ballot(BOB), ballot(CAROL, verdict="reject")), "W-REL-041", id="rejected"),
    ],
)
def test_what_was_withdrawn_is_not_issued_again(ballots: tuple[Ballot, ...], code: str) -> None:
    decision = again(*ballots)
    assert decision.actions == ()
    assert [reason.code for reason in decision.waiting[:2]] == ["W-REL-082", code]
