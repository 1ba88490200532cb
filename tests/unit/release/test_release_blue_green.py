"""Blue-green releases: the plan, the weights after each commit, and what is decided, one situation a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.config.blue_green import BlueGreen
from reconciler.config.gates import GateSpec
from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch
from reconciler.fleet.cohorts import Assignment, cohort_of
from reconciler.fleet.ranks import rank
from reconciler.fleet.slots import HALF, Slots
from reconciler.release.actions import Supersede, TurnBack
from reconciler.release.apply import Edit, Material, apply
from reconciler.release.assignment import assignment_of, offers, weights_of
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.planning import make_plan
from reconciler.release.render import render_plan
from reconciler.release.signals import Mark, Shares, StepSignals
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Hold,
    Ledger,
    Quarantine,
    Release,
)
from reconciler.release.strategies import STRATEGIES
from reconciler.release.swap import Serving

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
OPENED = NOW - timedelta(minutes=5)
LIVE, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")
SLOTS = Slots("slot", "b", "g")
HOW = BlueGreen("edge", (10, 50, 100), 60, 600, 5, 20, "slot", "b", "g")
PROD = EnvironmentPolicy(
    "prod", (), "1.0", "blue-green", None, None, 0, "manual", "rollback", 10, 600, 30, blue_green=HOW
)
DONE = Completed(LIVE, "a" * 40, "r-0001", 3, OPENED)
IDLE = Ledger(3, None, None, (DONE,))
RANKS = {"blue": ("1" * 16, "2" * 16), "green": ("3" * 16, "4" * 16)}
WISH = Release(NEW)
STEPS = 6
DRAIN, MOVE, FIRST, HALF_WAY, SWAP, RETIRE = range(1, STEPS + 1)


def shares(blue: int, green: int) -> StepSignals:
    """So many requests were counted by two nodes of each slot."""
    marks = (
        Mark(NOW - timedelta(seconds=30), {"blue": 5, "green": 5}),
        Mark(NOW, {"blue": blue + 5, "green": green + 5}),
    )
    return StepSignals(NOW, NOW, shares=Shares({"blue": 2, "green": 2}, marks))


def facts(seen: tuple[int, int] = (100, 0), batch: Batch | None = None, **changes: Any) -> Facts:
    """The nodes of every step are well, and the balancer shares requests out like this."""
    one = batch or Batch(total=2, settled=2)
    found = Facts(
        bundles={LIVE: True, NEW: True, OTHER: True},
        ranks=RANKS,
        batches=tuple(one if number in (MOVE, RETIRE) else Batch() for number in range(1, STEPS + 1)),
        signals=shares(*seen),
    )
    return replace(found, **changes)


def meant(number: int) -> tuple[int, int]:
    """Requests as the weights of a step would have them."""
    return {FIRST: (90, 10), HALF_WAY: (50, 50), SWAP: (0, 100), RETIRE: (0, 100)}.get(number, (100, 0))


def state(ledger: Ledger, wish: Release | None = WISH, **files: Any) -> EnvironmentState:
    return EnvironmentState("prod", BranchFiles(wish, ledger=ledger, **files))


def committed(
    before: EnvironmentState, decision: Decision, *, now: datetime = NOW
) -> tuple[EnvironmentState, Edit]:
    """The branch after the decision's commit, read again from its files."""
    (action,) = decision.actions
    edit = apply(action, before, because=decision.because, now=now, material=Material())
    files = {path: content for path, content in edit.files.items() if content is not None}
    if "plan.kdl" not in files:
        files |= plan_file(before)
    read = parse_branch(files)
    assert not read.malformed, read.malformed
    return replace(before, files=replace(read, release=read.release or before.files.release)), edit


def plan_file(of: EnvironmentState) -> dict[str, bytes]:
    ledger = of.files.ledger
    return {"plan.kdl": render_plan(ledger.plan)} if ledger is not None and ledger.plan is not None else {}


def at(number: int, ledger: Ledger = IDLE) -> EnvironmentState:
    """The branch while this step of a rollout of NEW is under way: for long enough, and not for too long."""
    began = NOW - timedelta(minutes=11 if number == SWAP else 5)
    found, _ = committed(state(ledger), decide(state(ledger), PROD, facts(), now=began), now=began)
    for done in range(1, number):
        lasts = HOW.hold_seconds if done == SWAP else HOW.bake_seconds
        asked = began + timedelta(seconds=lasts)
        seen = meant(done) if ledger.serving is None else meant(done)[::-1]
        found, _ = committed(found, decide(found, PROD, facts(seen), now=asked), now=began)
    return found


def kind(decision: Decision) -> str:
    """The action, with what tells it apart, or the code of the first reason."""
    if not decision.actions:
        return decision.waiting[0].code
    (action,) = decision.actions
    if isinstance(action, TurnBack):
        return f"{action.phase}, {action.cause}"
    if isinstance(action, Supersede):
        return "cancel" if action.back else "supersede"
    return type(action).__name__


def weights(of: EnvironmentState) -> tuple[int, int]:
    ledger = of.files.ledger
    assert ledger is not None
    found = weights_of(ledger)
    assert found is not None
    return found["blue"], found["green"]


def told(of: EnvironmentState) -> dict[str, tuple[str, int]]:
    """Which digest at which weight each cohort is offered: L is live, N is new."""
    assert of.files.ledger is not None
    names = {LIVE: "L", NEW: "N"}
    return {cohort: (names[one.digest], one.weight) for cohort, one in offers(of.files.ledger).items()}


def test_the_plan_drains_moves_shifts_and_retires() -> None:
    steps = STRATEGIES["blue-green"].steps(RANKS, PROD, "green")
    found = [
        (step.nodes, step.weights and (step.weights["blue"], step.weights["green"]), step.lasts)
        for step in steps
    ]
    assert found == [
        (0, (100, 0), 0),
        (2, (100, 0), 0),
        (0, (90, 10), 60),
        (0, (50, 50), 60),
        (0, (0, 100), 600),
        (2, (0, 100), 0),
    ]
    assert [step.reaches["green"] != "" for step in steps] == [False, *[True] * 5]
    assert [step.reaches["blue"] != "" for step in steps] == [*[False] * 5, True]


def test_the_release_goes_to_the_slot_without_traffic() -> None:
    def standby(serving: Serving | None) -> str:
        swap = make_plan("r-0002", NEW, PROD, RANKS, serving=serving).swap
        assert swap is not None
        return swap.standby

    assert standby(None) == "green"
    assert standby(Serving(SLOTS, "blue")) == "green"
    assert standby(Serving(SLOTS, "green")) == "blue"
    assert standby(Serving(Slots("rack", "1", "2"), "green")) == "green", "other slots begin anew"


@pytest.mark.parametrize(
    ("node", "labels", "slot"),
    [
        ("n", {"slot": "b"}, "blue"),
        ("n", {"slot": "g"}, "green"),
        ("n", {"slot": "x"}, ""),
        ("n", {}, ""),
    ],
)
def test_slots_by_label(node: str, labels: dict[str, str], slot: str) -> None:
    assert SLOTS.slot_of(node, labels) == slot
    expected = slot or "base"
    assert cohort_of(node, labels, NOW, Assignment(slots=SLOTS)) == expected


def test_slots_by_rank_are_halves_that_stay() -> None:
    names = [f"n-{number}" for number in range(2000)]
    blue = [name for name in names if Slots().slot_of(name, {}) == "blue"]
    assert 900 < len(blue) < 1100
    assert blue == [name for name in names if rank("slots", name) <= HALF]


def test_every_commit_on_the_way_and_what_cohorts_are_told() -> None:
    found = at(DRAIN)
    ways = []
    for number in range(1, STEPS + 1):
        ways.append((told(found)["blue"], told(found)["green"], told(found)["base"]))
        found, edit = committed(
            found, decide(found, PROD, facts(meant(number)), now=NOW + timedelta(hours=1))
        )
        if number == MOVE:
            assert edit.subject.endswith("batch 2 of 6 healthy, then blue at 90, green at 10")
    assert ways == [
        (("L", 100), ("L", 0), ("L", 100)),
        (("L", 100), ("N", 0), ("L", 100)),
        (("L", 90), ("N", 10), ("L", 90)),
        (("L", 50), ("N", 50), ("L", 50)),
        (("L", 0), ("N", 100), ("L", 0)),
        (("N", 0), ("N", 100), ("L", 0)),
    ]
    assert edit.event == "rollout.completed"
    assert told(found) == {"blue": ("N", 0), "green": ("N", 100), "base": ("N", 100)}
    assert found.files.ledger is not None
    assert found.files.ledger.serving == Serving(SLOTS, "green")


def test_the_next_release_goes_the_other_way() -> None:
    ledger = replace(IDLE, serving=Serving(SLOTS, "green"))
    assert weights(at(DRAIN, ledger)) == (0, 100)
    assert told(at(MOVE, ledger)) == {"blue": ("N", 0), "green": ("L", 100), "base": ("L", 100)}


def test_another_strategy_gives_every_node_its_weight_back() -> None:
    ledger = replace(IDLE, serving=Serving(SLOTS, "green"))
    rolling = replace(PROD, strategy="rolling", batch_size=1, blue_green=None)
    before = state(ledger)
    decision = decide(before, rolling, facts(ranks={"": ("1" * 16, "2" * 16)}), now=NOW)
    after, _ = committed(before, decision)
    assert told(after) == {"base": ("L", 100), "next": ("N", 100)}


SICK = Batch(total=2, settled=1, unhealthy=1)


@pytest.mark.parametrize(
    ("number", "given", "files", "expected"),
    [
        pytest.param(DRAIN, facts(), {}, "AdvanceStep", id="drained"),
        pytest.param(DRAIN, facts((60, 40)), {}, "W-REL-009", id="the balancer goes on giving it requests"),
        pytest.param(DRAIN, facts(signals=None), {}, "W-REL-009", id="nobody counts"),
        pytest.param(MOVE, facts(), {}, "AdvanceStep", id="moved and well"),
        pytest.param(MOVE, facts((99, 1)), {}, "AdvanceStep", id="a check by the balancer now and then"),
        pytest.param(MOVE, facts((97, 3)), {}, "W-REL-009", id="requests come before they should"),
        pytest.param(MOVE, facts(batch=SICK), {}, "RollBack", id="unwell without traffic: back at once"),
        pytest.param(FIRST, facts((90, 10)), {}, "AdvanceStep", id="the balancer follows"),
        pytest.param(FIRST, facts((95, 5)), {}, "AdvanceStep", id="nearly"),
        pytest.param(FIRST, facts((100, 0)), {}, "W-REL-009", id="it does not follow at all"),
        pytest.param(FIRST, facts((80, 20)), {}, "W-REL-009", id="it gives too much"),
        pytest.param(FIRST, facts((9, 1)), {}, "W-REL-009", id="too few requests"),
        pytest.param(FIRST, facts((90, 10), SICK), {}, "drain, failed", id="unwell with traffic"),
        pytest.param(FIRST, facts((90, 10)), {"quarantine": (Quarantine(NEW),)}, "drain, failed", id="quarantined"),
        pytest.param(FIRST, facts((90, 10)), {"holds": (Hold("x", "wait"),)}, "Pause", id="held: it stays"),
        pytest.param(FIRST, facts((90, 10)), {"release": Release(LIVE)}, "drain, replaced", id="live is wished"),
        pytest.param(FIRST, facts((90, 10)), {"release": Release(OTHER)}, "drain, replaced", id="another is"),
        pytest.param(MOVE, facts(), {"release": Release(OTHER)}, "supersede", id="another, without traffic"),
        pytest.param(MOVE, facts(), {"release": Release(LIVE)}, "cancel", id="live, without traffic"),
        pytest.param(SWAP, facts((0, 100)), {}, "AdvanceStep", id="everything is swapped"),
        pytest.param(SWAP, facts((2, 98)), {}, "W-REL-009", id="the other slot gets requests still"),
        pytest.param(SWAP, facts((0, 100), SICK), {}, "drain, failed", id="unwell when it has everything"),
        pytest.param(RETIRE, facts((0, 100)), {}, "Complete", id="retired"),
        pytest.param(RETIRE, facts((0, 100), SICK), {}, "restore, failed", id="unwell after the other moved"),
        pytest.param(RETIRE, facts((0, 100)), {"release": Release(LIVE)}, "restore, replaced", id="back at the end"),
    ],
)  # fmt: skip
def test_a_step(number: int, given: Facts, files: dict[str, Any], expected: str) -> None:
    found = at(number)
    changed = replace(found, files=replace(found.files, **files))
    assert kind(decide(changed, PROD, given, now=NOW)) == expected


def test_a_balancer_that_does_not_follow_fails_the_step_at_its_deadline() -> None:
    late = NOW + timedelta(minutes=11)
    assert kind(decide(at(FIRST), PROD, facts((100, 0)), now=late)) == "drain, failed"
    decision = decide(at(DRAIN), PROD, facts((50, 50)), now=NOW)
    assert (
        "green gets 50% of 100 requests, 0% is meant: the balancer 'edge' does not follow" in decision.because
    )
    assert kind(decide(at(DRAIN), PROD, facts((50, 50)), now=late)) == "RollBack"


def test_a_step_that_waits_for_a_person_is_not_failed_by_the_requests_of_a_minute() -> None:
    asking = replace(PROD, gates=(GateSpec("manual"),))
    found, _ = committed(state(IDLE), decide(state(IDLE), asking, facts(), now=OPENED), now=OPENED)
    days_later = NOW + timedelta(days=2)
    for seen in ((60, 40), (3, 0)):
        decision = decide(found, asking, facts(seen), now=days_later)
        assert decision.actions == ()
        assert any("traffic: " in reason.message for reason in decision.waiting)
    unwell = facts(batches=(Batch(total=2, unhealthy=2),) * STEPS)
    assert kind(decide(found, asking, unwell, now=days_later)) == "RollBack"


def returning(number: int, wish: Release = WISH) -> EnvironmentState:
    """The branch after the first commit of the way back from a step, at NOW."""
    found = at(number)
    files = {"quarantine": (Quarantine(NEW, "bad"),)} if wish.digest == NEW else {"release": wish}
    found = replace(found, files=replace(found.files, **files))
    after, _ = committed(found, decide(found, PROD, facts(meant(number)), now=NOW))
    return replace(after, files=replace(after.files, **files))


@pytest.mark.parametrize(
    ("number", "given", "seconds", "expected"),
    [
        pytest.param(FIRST, facts((90, 10)), 5, "W-REL-074", id="the balancer still gives it requests"),
        pytest.param(FIRST, facts((100, 0)), 5, "RollBack", id="they are back"),
        pytest.param(FIRST, facts(signals=None), 5, "W-REL-074", id="nobody counts"),
        pytest.param(FIRST, facts((90, 10)), 121, "RollBack", id="it does not follow: nodes go back anyway"),
        pytest.param(
            RETIRE, facts(returned=Batch(total=2, settled=1, pending=1)), 5, "W-REL-074", id="one node is back"
        ),
        pytest.param(RETIRE, facts(returned=Batch(total=2, settled=2)), 5, "drain, failed", id="all are"),
        pytest.param(
            RETIRE, facts(returned=Batch(total=2, settled=1, absent=1)), 5, "drain, failed", id="all that are there"
        ),
        pytest.param(
            RETIRE, facts(returned=Batch(total=2, settled=1, refused=1)), 121, "drain, failed", id="at last some"
        ),
        pytest.param(RETIRE, facts(returned=Batch(total=2, refused=2)), 121, "RollBack", id="none ever"),
        pytest.param(RETIRE, facts(returned=None), 5, "W-REL-074", id="nobody has looked"),
    ],
)  # fmt: skip
def test_the_way_back(number: int, given: Facts, seconds: int, expected: str) -> None:
    found = returning(number)
    assert kind(decide(found, PROD, given, now=NOW + timedelta(seconds=seconds))) == expected


def test_the_traffic_goes_back_before_the_nodes_do() -> None:
    found = returning(HALF_WAY)
    assert told(found) == {"blue": ("L", 100), "green": ("N", 0), "base": ("L", 100)}
    after, edit = committed(found, decide(found, PROD, facts(), now=NOW))
    assert edit.subject == "Roll back r-0001 in prod: 222222222222 to 111111111111"
    assert told(after) == {"blue": ("L", 100), "green": ("L", 0), "base": ("L", 100)}
    assert after.files.release is not None
    assert after.files.release.digest == LIVE


def test_after_the_other_slot_was_moved_it_goes_back_before_the_traffic_does() -> None:
    found = returning(RETIRE)
    assert told(found) == {"blue": ("L", 0), "green": ("N", 100), "base": ("L", 0)}
    well = facts(returned=Batch(total=2, settled=2))
    found, edit = committed(found, decide(found, PROD, well, now=NOW))
    assert edit.subject == (
        "Turn back rollout r-0001 in prod: blue gets all requests again, then green leaves 222222222222"
    )
    assert told(found) == {"blue": ("L", 100), "green": ("N", 0), "base": ("L", 100)}
    after, _ = committed(found, decide(found, PROD, facts(), now=NOW))
    assert told(after) == {"blue": ("L", 100), "green": ("L", 0), "base": ("L", 100)}


def test_where_no_node_goes_back_the_requests_stay() -> None:
    found = returning(RETIRE)
    gone = facts(returned=Batch(total=2, refused=2))
    late = NOW + timedelta(minutes=3)
    after, _ = committed(found, decide(found, PROD, gone, now=late), now=late)
    assert told(after) == {"blue": ("L", 0), "green": ("L", 100), "base": ("L", 100)}


def test_another_wish_ends_the_rollout_when_its_traffic_is_back() -> None:
    found = returning(FIRST, Release(LIVE))
    assert kind(decide(found, PROD, facts((90, 10)), now=NOW)) == "W-REL-074"
    assert kind(decide(found, PROD, facts((100, 0)), now=NOW)) == "cancel"
    again = replace(found, files=replace(found.files, release=Release(NEW)))
    assert kind(decide(again, PROD, facts((100, 0)), now=NOW)) == "supersede", "what has begun is ended"


@pytest.mark.parametrize(
    "wish", [pytest.param(Release(OTHER), id="replaced"), pytest.param(WISH, id="failed")]
)
def test_nobody_goes_back_to_what_was_quarantined_meanwhile(wish: Release) -> None:
    found = returning(FIRST, wish)
    banned = (*found.files.quarantine, Quarantine(LIVE, "bad"))
    found = replace(found, files=replace(found.files, quarantine=banned))
    decision = decide(found, PROD, facts((100, 0)), now=NOW)
    assert kind(decision) == "Pause"
    assert "is quarantined (bad)" in decision.because
    before = told(found)
    after, _ = committed(found, decision)
    after = replace(after, files=replace(after.files, quarantine=banned))
    assert told(after) == before, "it stands still"
    assert kind(decide(after, PROD, facts((100, 0)), now=NOW)) == "W-REL-084"
    allowed = replace(after, files=replace(after.files, quarantine=()))
    assert kind(decide(allowed, PROD, facts((100, 0)), now=NOW)) in ("supersede", "RollBack")


def test_another_wish_before_any_node_was_moved_takes_nobody_back() -> None:
    found = at(DRAIN)
    found = replace(found, files=replace(found.files, release=Release(OTHER), quarantine=(Quarantine(LIVE),)))
    assert kind(decide(found, PROD, facts(), now=NOW)) == "supersede"


@pytest.mark.parametrize(
    ("wish", "ranks", "expected"),
    [
        pytest.param(Release(NEW), RANKS, "OpenRollout", id="both slots have nodes"),
        pytest.param(Release(NEW), {"blue": RANKS["blue"]}, "W-REL-072", id="the standby slot is empty"),
        pytest.param(Release(NEW), {"green": RANKS["green"]}, "W-REL-072", id="the other one is"),
        pytest.param(Release(NEW), {**RANKS, "": ("5" * 16,)}, "W-REL-073", id="a node is in no slot"),
        pytest.param(Release(NEW), {}, "OpenRollout", id="there is no node at all"),
        pytest.param(Release(NEW, only="region=eu"), RANKS, "W-REL-071", id="for some nodes alone"),
    ],
)
def test_opening(wish: Release, ranks: Any, expected: str) -> None:
    assert kind(decide(state(IDLE, wish), PROD, facts(ranks=ranks), now=NOW)) == expected


def test_the_first_release_has_no_traffic_to_shift() -> None:
    first = Ledger()
    before = state(first)
    found, _ = committed(before, decide(before, PROD, facts(), now=OPENED), now=OPENED)
    assert kind(decide(found, PROD, facts(signals=None), now=NOW)) == "AdvanceStep"
    assert told(found) == {}, "nothing is live, and nobody is moved yet"


def test_facts_and_assignment_survive_being_kept() -> None:
    found = returning(RETIRE)
    assert found.files.ledger is not None
    assignment = assignment_of(found.files.ledger)
    assert Assignment.from_json(assignment.to_json()) == assignment
    kept = facts(returned=Batch(total=2, settled=2))
    assert Facts.from_json(kept.to_json()) == kept
    assert EnvironmentPolicy.from_json(PROD.to_json()) == PROD
