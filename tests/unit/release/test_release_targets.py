"""Releases for some nodes alone, one situation a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.config.approvals import Approvals
from reconciler.config.groups import NodeGroup
from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch
from reconciler.release.actions import AdvanceStep, Complete, OpenRollout, Propose, RollBack, Supersede
from reconciler.release.apply import Edit, Material, apply
from reconciler.release.assignment import already_of, assignment_of
from reconciler.release.ballot import Ballot
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts, Proof
from reconciler.release.planning import make_plan
from reconciler.release.render import render_plan
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Hold,
    Ledger,
    Moved,
    Only,
    Progress,
    Quarantine,
    Release,
    Rollout,
)

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
OPENED = NOW - timedelta(seconds=30)
EARLIER = OPENED - timedelta(seconds=1)
LIVE, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")
EU, US = "region=eu", "region=us"
ALL = {"": "f" * 16}
PROD = EnvironmentPolicy(
    "prod", (), "1.0", "rolling", None, 1, 0, "manual", "rollback", 10, 60, 30,
    groups=(NodeGroup("edge", (("tier", ("edge",)),)),),
)  # fmt: skip
DONE = Completed(LIVE, "a" * 40, "r-0001", 3, OPENED)
IDLE = Ledger(3, None, None, (DONE,))
RANKS = {"": ("1" * 16, "2" * 16)}
MANY = {"": tuple(f"{number:016x}" for number in range(500))}
FACTS = Facts(bundles={LIVE: True, NEW: True, OTHER: True}, ranks=RANKS, left_out=7)


def ended(state: str = "partial", **changes: Any) -> Ledger:
    """A rollout of NEW for EU alone whose only step is done, or active when it is open."""
    plan = make_plan("r-0002", NEW, PROD, {"": ("1" * 16,)}, only=Only(EU, EU))
    step = Progress(1, "done" if state == "partial" else "active", OPENED, None, 4)
    rollout = Rollout("r-0002", state, NEW, LIVE, "b" * 40, OPENED, "", (step,))
    return Ledger(4, replace(rollout, **changes), plan, (DONE,))


def look(ledger: Ledger, wish: Release | None, *, facts: Facts = FACTS, **files: Any) -> Decision:
    state = EnvironmentState("prod", BranchFiles(wish, ledger=ledger, **files))
    return decide(state, PROD, facts, now=NOW)


def answer(*given: Any, **more: Any) -> str:
    """The kind of the action, with its outcome where there are two, or the first reason's code."""
    decision = look(*given, **more)
    if not decision.actions:
        return decision.waiting[0].code
    (action,) = decision.actions
    if isinstance(action, Supersede):
        return "cancel" if action.back else "supersede"
    return type(action).__name__


@pytest.mark.parametrize(
    ("wish", "more", "expected"),
    [
        pytest.param(Release(NEW, only=EU), {}, "W-REL-021", id="all others are held by its target"),
        pytest.param(Release(NEW), {}, "OpenRollout", id="widened to all"),
        pytest.param(Release(NEW, only="region in (eu, us)"), {}, "OpenRollout", id="widened to some"),
        pytest.param(Release(NEW), {"holds": (Hold("x", "wait"),)}, "W-REL-007", id="widened, and held"),
        pytest.param(
            Release(NEW, only=EU), {"holds": (Hold("x", "wait"),)}, "W-REL-021", id="held, and nothing to do"
        ),
        pytest.param(Release(LIVE), {}, "cancel", id="what is live is wished again"),
        pytest.param(Release(LIVE), {"holds": (Hold("x", "wait"),)}, "W-REL-007", id="that, and held"),
        pytest.param(
            Release(LIVE), {"quarantine": (Quarantine(LIVE),)}, "W-REL-005", id="that, and quarantined"
        ),
        pytest.param(Release(OTHER), {}, "supersede", id="another digest is wished"),
        pytest.param(
            Release(OTHER),
            {"quarantine": (Quarantine(LIVE),)},
            "W-REL-084",
            id="another, and its nodes would go back to what is quarantined",
        ),
        pytest.param(
            Release(OTHER),
            {"facts": replace(FACTS, ranks=MANY)},
            "W-REL-020",
            id="another, in too many steps",
        ),
        pytest.param(Release("sha256:" + "9" * 64), {}, "W-REL-003", id="an unknown one is wished"),
        pytest.param(None, {}, "W-REL-001", id="nothing is wished"),
        pytest.param(Release(NEW, only=EU), {"quarantine": (Quarantine(NEW),)}, "RollBack", id="quarantined"),
        pytest.param(
            Release(NEW, only=EU),
            {"quarantine": (Quarantine(NEW), Quarantine(LIVE))},
            "W-REL-005",
            id="quarantined, and nothing to go back to",
        ),
    ],
)
def test_a_partial_rollout(wish: Release | None, more: dict[str, Any], expected: str) -> None:
    assert answer(ended(), wish, **more) == expected


@pytest.mark.parametrize(
    ("wish", "facts", "expected"),
    [
        pytest.param(Release(NEW, only=EU), FACTS, "OpenRollout", id="some nodes"),
        pytest.param(Release(NEW, only="group:edge"), FACTS, "OpenRollout", id="a group"),
        pytest.param(Release(NEW, only="group:core"), FACTS, "W-REL-022", id="a group that is not"),
        pytest.param(Release(NEW, only=EU), replace(FACTS, ranks={}), "W-REL-023", id="nobody is meant"),
        pytest.param(Release(NEW), replace(FACTS, ranks={}), "OpenRollout", id="all, and there is nobody"),
    ],
)
def test_a_target_is_judged(wish: Release, facts: Facts, expected: str) -> None:
    assert answer(IDLE, wish, facts=facts) == expected


@pytest.mark.parametrize("ledger", [pytest.param(IDLE, id="idle"), pytest.param(ended(), id="partial")])
def test_nobody_may_be_somebody_soon(ledger: Ledger) -> None:
    decision = look(ledger, Release(OTHER, only=US), facts=replace(FACTS, ranks={}))
    assert [reason.code for reason in decision.waiting] == ["W-REL-023"]
    assert decision.look_again_at == NOW + timedelta(minutes=1)


def test_no_rollout_is_ended_for_one_that_nobody_is_meant_by() -> None:
    nobody = replace(FACTS, ranks={}, batches=(PENDING, Batch()))
    assert answer(halfway(), Release(OTHER, only=US), facts=nobody) == "Pause"
    waits = look(halfway("paused"), Release(OTHER, only=US), facts=nobody)
    assert [reason.code for reason in waits.waiting] == ["W-REL-023"]
    assert waits.look_again_at == NOW + timedelta(minutes=1)
    assert answer(halfway(), Release(OTHER, only=US), facts=replace(nobody, ranks=RANKS)) == "supersede"


def test_a_group_is_kept_as_it_was_meant() -> None:
    (action,) = look(IDLE, Release(NEW, only="group:edge")).actions
    assert isinstance(action, OpenRollout)
    assert action.plan.only == Only("group:edge", "tier=edge")


def test_a_widened_rollout_goes_on_from_what_was_moved() -> None:
    (action,) = look(ended(), Release(NEW)).actions
    assert isinstance(action, OpenRollout)
    assert (action.plan.only, action.plan.already) == (None, (Moved("r-0002", EU, OPENED, ALL),))
    ledger = after(ended(), action)
    assert ledger.rollout is not None
    assert (ledger.rollout.name, ledger.rollout.widens, ledger.sequence) == ("r-0003", "r-0002", 5)
    moving = assignment_of(ledger).rollout
    assert moving is not None
    assert moving.takes("n-1", {"region": "eu"}, EARLIER)
    assert not moving.takes("n-2", {"region": "eu"}, NOW + timedelta(seconds=1))


PENDING, WELL = Batch(total=1, pending=1), Batch(total=1, settled=1)


def halfway(state: str = "open") -> Ledger:
    """A rollout of NEW for EU alone in the first of two steps."""
    plan = make_plan("r-0002", NEW, PROD, RANKS, only=Only(EU, EU))
    steps = (Progress(1, "active", OPENED, None, 4), Progress(2))
    rollout = Rollout("r-0002", state, NEW, LIVE, "b" * 40, OPENED, "", steps)
    return Ledger(4, rollout, plan, (DONE,))


@pytest.mark.parametrize("only", [pytest.param("", id="all"), pytest.param(US, id="others")])
def test_who_is_moved_stays_so_when_it_is_wished_for_others(only: str) -> None:
    ledger, wish = halfway(), Release(NEW, only=only)
    waits = look(ledger, wish, facts=replace(FACTS, batches=(PENDING, Batch())))
    assert [reason.code for reason in waits.waiting] == ["W-REL-009", "W-REL-016"]
    (action,) = look(ledger, wish, facts=replace(FACTS, batches=(WELL, Batch()))).actions
    assert isinstance(action, OpenRollout)
    (moved,) = action.plan.already
    assert (moved.rollout, moved.meant, moved.opened_at) == ("r-0002", EU, OPENED)
    opened = after(ledger, action, wish)
    assert opened.rollout is not None
    assert (opened.rollout.name, opened.rollout.widens) == ("r-0003", "r-0002")
    nodes = [f"n-{number}" for number in range(40)]
    was, now = assignment_of(ledger).rollout, assignment_of(opened).rollout
    assert was is not None
    assert now is not None
    reached = {node for node in nodes if was.takes(node, {"region": "eu"}, EARLIER)}
    assert 0 < len(reached) < 40
    assert all(now.takes(node, {"region": "eu"}, EARLIER) for node in reached)
    # And when that one has ended for its target, what comes next still keeps the first nodes.
    step = Progress(1, "done", NOW, NOW, 5)
    partial = replace(opened, rollout=replace(opened.rollout, state="partial", steps=(step, step)))
    assert [one.rollout for one in already_of(partial, Release(NEW, only="region=ap"))] == [
        "r-0002",
        "r-0003",
    ]


def test_what_is_wished_for_others_and_may_not_open_moves_nobody() -> None:
    facts = replace(FACTS, batches=(WELL, Batch()))
    unknown = Release(NEW, only="group:core")
    assert answer(halfway(), unknown, facts=facts) == "W-REL-022"
    bad = replace(FACTS, batches=(Batch(total=2, unhealthy=2), Batch()))
    assert answer(halfway(), unknown, facts=bad) == "RollBack"


def test_a_policy_that_finishes_ends_the_rollout_first() -> None:
    finish = replace(PROD, supersede="finish")
    state = EnvironmentState("prod", BranchFiles(Release(NEW, only=US), ledger=halfway()))
    decision = decide(state, finish, replace(FACTS, batches=(WELL, Batch())), now=NOW)
    assert isinstance(decision.actions[0], AdvanceStep)


def test_a_paused_rollout_goes_on_before_it_is_opened_for_others() -> None:
    facts = replace(FACTS, batches=(PENDING, Batch()))
    assert answer(halfway("paused"), Release(NEW, only=US), facts=facts) == "Resume"
    held = look(halfway("paused"), Release(NEW, only=US), facts=facts, holds=(Hold("x", "wait"),))
    assert [reason.code for reason in held.waiting] == ["W-REL-007", "W-REL-016"]


def test_approvals_of_a_release_for_some_are_none_for_all() -> None:
    strict = replace(PROD, approvals=Approvals(1, ("ada@x",), ()))
    ballot = Ballot("ada@x", "approve", NEW, "prod", "p" * 64)
    facts = replace(FACTS, authors=(), proofs={ballot.path: Proof(("ada@x",), "a signature")})
    ledger = ended()
    ledger = replace(ledger, plan=replace(ledger.plan, hash="p" * 64))  # type: ignore[type-var]
    state = EnvironmentState("prod", BranchFiles(Release(NEW), ledger=ledger, ballots=(ballot,)))
    (action,) = decide(state, strict, facts, now=NOW).actions
    assert isinstance(action, Propose), "the wider release is proposed anew"
    proposed = replace(state, files=replace(state.files, proposal=action.proposal))
    codes = [reason.code for reason in decide(proposed, strict, facts, now=NOW).waiting]
    assert codes == ["W-REL-040", "W-REL-044"]


def edit(ledger: Ledger, action: Any, wish: Release | None = None) -> Edit:
    state = EnvironmentState("prod", BranchFiles(wish or Release(NEW, only=EU), ledger=ledger))
    return apply(action, state, because="x", now=NOW, material=Material())


def after(ledger: Ledger, action: Any, wish: Release | None = None) -> Ledger:
    """The ledger behind the commit of an action, as it is read back."""
    plan = {"plan.kdl": render_plan(ledger.plan)} if ledger.plan is not None else {}
    made = {
        path: content for path, content in edit(ledger, action, wish).files.items() if content is not None
    }
    found = parse_branch({**plan, **made})
    assert found.malformed == ()
    assert found.ledger is not None
    return found.ledger


def test_the_last_step_of_a_targeted_rollout_completes_nothing() -> None:
    made = edit(ended("open"), Complete((), {}))
    assert made.event == "rollout.partial"
    assert made.subject == f"End rollout r-0002 in prod for {EU} alone: {NEW[7:19]}"
    ledger = after(ended("open"), Complete((), {}))
    assert ledger.rollout is not None
    assert (ledger.rollout.state, ledger.live, ledger.sequence) == ("partial", LIVE, 4)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (RollBack("quarantined", None), "rolled-back"),
        (Supersede("live again", back=True), "cancelled"),
        (Supersede("another", back=False), "superseded"),
    ],
)
def test_its_nodes_go_back_under_a_higher_sequence(action: Any, state: str) -> None:
    ledger = after(ended(), action)
    assert ledger.rollout is not None
    assert (ledger.rollout.state, ledger.sequence) == (state, 5)
    assert assignment_of(ledger).rollout is None


def test_a_long_target_is_cut_in_the_subject() -> None:
    plan = make_plan("r-0002", NEW, PROD, RANKS, only=Only(EU + " and a=b" * 20, EU))
    subject = edit(IDLE, OpenRollout(Release(NEW), plan)).subject
    assert len(subject) < 160
    assert "…" in subject
