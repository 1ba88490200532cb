"""Decisions, one situation a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.config.freezes import FreezeWindow
from reconciler.config.gates import GateSpec
from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch
from reconciler.release.actions import AdvanceStep, Pause, Resume
from reconciler.release.apply import Material, apply
from reconciler.release.ballot import Ballot
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts, Proof, TrunkCommit
from reconciler.release.planning import make_plan
from reconciler.release.render import render_plan
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Go,
    Hold,
    Ledger,
    Progress,
    Promoted,
    Quarantine,
    Release,
    Rollout,
)

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LIVE, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")
PROD = EnvironmentPolicy("prod", ("dev",), "1.0", "rolling", None, 1, 0, "manual", "rollback", 10, 60, 30)
DEV = replace(PROD, name="dev", after=(), promote="automatic")
DONE = Completed(LIVE, "a" * 40, "r-0001", 3, NOW - timedelta(hours=1))
RANKS = {"": ("1" * 16, "2" * 16)}
KNOWN = Facts(
    bundles={LIVE: True, NEW: True, OTHER: True}, predecessors={"dev": (LIVE, NEW, OTHER)}, ranks=RANKS
)
BANNED = replace(KNOWN, forbidden={"dev": {NEW: "answers 502"}})
WELL = Batch(total=1, settled=1)
PENDING = Batch(total=1, pending=1)
BAD = Batch(total=1, unhealthy=1)
PLAN = make_plan("r-0002", NEW, PROD, RANKS)


def rolling(**changes: Any) -> Ledger:
    """A rollout of NEW in its first of two steps, 30 s old, over LIVE."""
    steps = (Progress(1, "active", NOW - timedelta(seconds=30), None, 4), Progress(2))
    rollout = Rollout("r-0002", "open", NEW, LIVE, "b" * 40, NOW - timedelta(seconds=30), "", steps)
    return Ledger(4, replace(rollout, **changes), PLAN, (DONE,))


IDLE = Ledger(3, None, None, (DONE,))


def answer(
    ledger: Ledger | None,
    wish: str | None = NEW,
    *,
    policy: EnvironmentPolicy | None = PROD,
    facts: Facts = KNOWN,
    holds: tuple[str, ...] = (),
    quarantine: tuple[str, ...] = (),
    promoted: Promoted | None = None,
    tampered: tuple[str, ...] = (),
) -> str:
    """The kind of the action, with its outcome where there are two, or the first reason's code, or "nothing"."""
    files = BranchFiles(
        release=None if wish is None else Release(wish),
        holds=tuple(Hold(name, "wait") for name in holds),
        quarantine=tuple(Quarantine(digest, "bad") for digest in quarantine),
        promoted=promoted,
        ledger=ledger,
    )
    decision = decide(EnvironmentState("prod", files, tampered), policy, facts, now=NOW)
    assert decision.because
    if decision.actions:
        (action,) = decision.actions
        name = type(action).__name__
        if name == "Supersede":
            return "cancel" if action.back else "supersede"  # type: ignore[union-attr]
        if name == "Pause":
            return "fail" if action.hold else "pause"  # type: ignore[union-attr]
        return name
    return decision.waiting[0].code if decision.waiting else "nothing"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"ledger": None, "wish": None}, "CreateBranch", id="no ledger"),
        pytest.param({"ledger": IDLE, "policy": None}, "W-REL-013", id="not on trunk"),
        pytest.param({"ledger": IDLE, "tampered": ("plan.kdl",)}, "RestoreLedger", id="edited ledger"),
        pytest.param({"ledger": IDLE, "wish": None}, "W-REL-001", id="no wish"),
        pytest.param({"ledger": IDLE, "wish": LIVE}, "nothing", id="live is wished"),
        pytest.param({"ledger": IDLE}, "OpenRollout", id="another is wished"),
        pytest.param({"ledger": IDLE, "facts": replace(KNOWN, bundles={})}, "W-REL-003", id="unknown bundle"),
        pytest.param(
            {"ledger": IDLE, "facts": replace(KNOWN, bundles={NEW: False})}, "W-REL-004", id="not in it"
        ),
        pytest.param({"ledger": IDLE, "quarantine": (NEW,)}, "W-REL-005", id="quarantined"),
        pytest.param(
            {"ledger": IDLE, "facts": replace(KNOWN, predecessors={"dev": (LIVE,)})},
            "W-REL-006",
            id="not completed",
        ),
        pytest.param(
            {"ledger": IDLE, "facts": replace(KNOWN, predecessors={})}, "W-REL-086", id="predecessor unknown"
        ),
        pytest.param(
            {
                "ledger": replace(IDLE, history=(DONE, replace(DONE, digest=NEW))),
                "facts": replace(KNOWN, predecessors={}),
            },
            "OpenRollout",
            id="completed here once",
        ),
        pytest.param(
            {"ledger": IDLE, "facts": BANNED}, "W-REL-083", id="quarantined in an environment before"
        ),
        pytest.param(
            {"ledger": replace(IDLE, history=(DONE, replace(DONE, digest=NEW))), "facts": BANNED},
            "OpenRollout",
            id="that, and completed here once",
        ),
        pytest.param({"ledger": IDLE, "holds": ("x",)}, "W-REL-007", id="held"),
        pytest.param(
            {"ledger": IDLE, "policy": replace(PROD, strategy="lottery")}, "W-REL-012", id="no such strategy"
        ),
        pytest.param(
            {"ledger": IDLE, "wish": LIVE, "quarantine": (LIVE,)}, "W-REL-011", id="live is quarantined"
        ),
    ],
)
def test_without_a_rollout(given: dict[str, Any], expected: str) -> None:
    assert answer(**given) == expected


def seen(first: Batch, second: Batch | None = None) -> Facts:
    return replace(KNOWN, batches=(first, second or Batch(total=1)))


SECOND = (Progress(1, "done", NOW, NOW, 4), Progress(2, "active", NOW, None, 5))
LATE = (Progress(1, "active", NOW - timedelta(seconds=60), None, 4), Progress(2))
PAUSED = rolling(state="paused", paused_at=NOW)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"ledger": rolling(), "facts": seen(PENDING)}, "W-REL-009", id="the batch moves"),
        pytest.param({"ledger": rolling(), "facts": seen(WELL)}, "AdvanceStep", id="the batch is well"),
        pytest.param(
            {"ledger": rolling(steps=SECOND), "facts": seen(WELL, WELL)}, "Complete", id="the last is well"
        ),
        pytest.param(
            {"ledger": rolling(steps=SECOND), "facts": seen(PENDING, WELL)},
            "W-REL-009",
            id="an earlier one is not",
        ),
        pytest.param({"ledger": rolling(), "facts": seen(BAD)}, "RollBack", id="the batch is unhealthy"),
        pytest.param(
            {"ledger": rolling(steps=LATE), "facts": seen(PENDING)}, "RollBack", id="the deadline passed"
        ),
        pytest.param(
            {"ledger": rolling(steps=LATE), "facts": seen(WELL)}, "AdvanceStep", id="well at the deadline"
        ),
        pytest.param(
            {"ledger": replace(rolling(previous=""), history=()), "facts": seen(BAD)},
            "fail",
            id="no earlier digest",
        ),
        pytest.param(
            {"ledger": rolling(), "facts": seen(BAD), "quarantine": (LIVE,)},
            "fail",
            id="the one before is quarantined",
        ),
        pytest.param(
            {"ledger": rolling(), "facts": seen(WELL), "quarantine": (NEW,)}, "RollBack", id="quarantined"
        ),
        pytest.param(
            {"ledger": PAUSED, "facts": seen(WELL), "quarantine": (NEW,)}, "RollBack", id="while paused"
        ),
        pytest.param(
            {"ledger": rolling(), "facts": replace(seen(WELL), forbidden=BANNED.forbidden)},
            "pause",
            id="quarantined in an environment before",
        ),
        pytest.param(
            {"ledger": PAUSED, "facts": replace(seen(WELL), forbidden=BANNED.forbidden)},
            "W-REL-083",
            id="quarantined there while paused",
        ),
        pytest.param({"ledger": rolling(), "facts": seen(BAD), "holds": ("x",)}, "pause", id="held"),
        pytest.param(
            {"ledger": PAUSED, "facts": seen(BAD), "holds": ("x",)}, "W-REL-007", id="held and paused"
        ),
        pytest.param(
            {"ledger": PAUSED, "facts": seen(BAD), "holds": ("r-0002",)}, "W-REL-008", id="failed and paused"
        ),
        pytest.param({"ledger": PAUSED, "facts": seen(BAD)}, "Resume", id="nothing holds"),
        pytest.param({"ledger": rolling(), "wish": LIVE, "facts": seen(WELL)}, "cancel", id="live is wished"),
        pytest.param(
            {"ledger": rolling(), "wish": LIVE, "facts": seen(WELL), "quarantine": (LIVE,)},
            "pause",
            id="live is wished, and quarantined",
        ),
        pytest.param(
            {"ledger": PAUSED, "wish": LIVE, "facts": seen(WELL), "quarantine": (LIVE,)},
            "W-REL-005",
            id="live is wished while paused, and quarantined",
        ),
        pytest.param(
            {"ledger": rolling(), "wish": OTHER, "facts": seen(WELL)}, "supersede", id="another is wished"
        ),
        pytest.param(
            {"ledger": rolling(), "wish": OTHER, "facts": seen(WELL), "quarantine": (OTHER,)},
            "pause",
            id="one that may not ship is wished",
        ),
        pytest.param(
            {"ledger": PAUSED, "wish": OTHER, "facts": seen(WELL), "quarantine": (OTHER,)},
            "W-REL-005",
            id="one that may not ship is wished, and it is paused",
        ),
        pytest.param(
            {"ledger": rolling(), "wish": OTHER, "facts": seen(WELL), "quarantine": (LIVE,)},
            "pause",
            id="another is wished, and nodes would go back to what is quarantined",
        ),
        pytest.param(
            {"ledger": PAUSED, "wish": OTHER, "facts": seen(WELL), "quarantine": (LIVE,)},
            "W-REL-084",
            id="another is wished while paused, and nodes would go back to what is quarantined",
        ),
        pytest.param(
            {"ledger": rolling(), "wish": None, "facts": seen(WELL)}, "pause", id="the wish is gone"
        ),
        pytest.param(
            {"ledger": PAUSED, "wish": OTHER, "facts": seen(BAD), "holds": ("r-0002",)},
            "supersede",
            id="its own hold does not keep another wish out",
        ),
        pytest.param(
            {"ledger": PAUSED, "wish": LIVE, "facts": seen(BAD), "holds": ("r-0002", "x")},
            "W-REL-007",
            id="a person's hold does",
        ),
    ],
)
def test_with_a_rollout(given: dict[str, Any], expected: str) -> None:
    assert answer(**given) == expected


def test_a_rollout_that_is_finished_first_takes_nobody_back_to_what_is_quarantined() -> None:
    finish = replace(PROD, supersede="finish")
    given: dict[str, Any] = {"wish": OTHER, "facts": seen(WELL), "quarantine": (LIVE,)}
    assert answer(rolling(), policy=finish, **given) == "AdvanceStep"


def gated(since: int, *gates: GateSpec, go: Go | None = None, batch: Batch | None = None) -> str:
    """The answer for a well first batch that began so many seconds ago, with these gates in its plan."""
    steps = (Progress(1, "active", NOW - timedelta(seconds=since), None, 4), Progress(2))
    ledger = replace(rolling(steps=steps), plan=replace(PLAN, rules=replace(PLAN.rules, gates=gates)))
    files = BranchFiles(Release(NEW), ledger=ledger, goes=() if go is None else (go,))
    decision = decided(files, facts=seen(batch or (WELL if since < 1000 else PENDING)))
    return type(decision.actions[0]).__name__ if decision.actions else decision.waiting[0].message


SOAK, MANUAL = GateSpec("soak", "", {"seconds": 900}), GateSpec("manual")


def test_a_step_lasts_as_long_as_its_soak_however_short_its_deadline() -> None:
    assert "soak: it lasts 15m" in gated(899, SOAK)
    assert gated(900, SOAK) == "AdvanceStep"


def test_the_deadline_comes_after_the_soak() -> None:
    # The nodes are pending: 60 seconds of progress, after 900 of soak.
    assert "heartbeat" in gated(1000, replace(SOAK, values={"seconds": 941}))
    assert gated(1000, replace(SOAK, values={"seconds": 940})) == "RollBack"


def test_a_person_is_waited_for_without_end() -> None:
    assert "a person has to say go" in gated(999, MANUAL)
    assert gated(999, MANUAL, go=Go("r-0002", 1, NEW, 4)) == "AdvanceStep"


@pytest.mark.parametrize(
    ("quiet", "more", "expected"),
    [
        pytest.param(59, {"silent": 1}, "heartbeat", id="silent for less than the deadline"),
        pytest.param(60, {"silent": 1}, "RollBack", id="silent for as long as it"),
        pytest.param(5, {"settling": 1}, "heartbeat", id="it has started again"),
        pytest.param(5, {"silent": 1, "pending": 1}, "RollBack", id="another runs something else"),
        pytest.param(5, {"silent": 1, "unhealthy": 1}, "RollBack", id="another is unhealthy"),
    ],
)
def test_a_brief_silence_does_not_end_a_long_wait_for_a_person(
    quiet: int, more: dict[str, int], expected: str
) -> None:
    lapsed = Batch(total=sum(more.values()), lapsed_at=NOW - timedelta(seconds=quiet), **more)
    found = gated(9999, MANUAL, batch=lapsed)
    assert expected in found
    # Nobody is asked here: the step had a minute, and nodes that fall silent behind it are too late.
    assert gated(9999, batch=lapsed) == "RollBack"


@pytest.mark.parametrize(
    "go",
    [
        pytest.param(Go("r-0001", 1, NEW, 4), id="of another rollout"),
        pytest.param(Go("r-0002", 2, NEW, 4), id="of another step"),
        pytest.param(Go("r-0002", 1, LIVE, 4), id="of another bundle"),
        pytest.param(Go("r-0002", 1, NEW, 3), id="from before the rollout opened, or before it was resumed"),
        pytest.param(Go("r-0002", 1, NEW, 5), id="of a later try"),
    ],
)
def test_a_go_is_for_one_try_of_one_step(go: Go) -> None:
    assert "a person has to say go" in gated(999, MANUAL, go=go)


def test_a_failure_spends_a_go() -> None:
    # What Ada said go for failed; the step that is resumed has to be looked at by a person again.
    plan = replace(PLAN, rules=replace(PLAN.rules, gates=(MANUAL,), on_failure="pause"))
    ledger, go = replace(rolling(), plan=plan), Go("r-0002", 1, NEW, 4)
    state = EnvironmentState("production", BranchFiles(Release(NEW), ledger=ledger, goes=(go,)))
    assert type(decide(state, PROD, seen(WELL), now=NOW).actions[0]) is AdvanceStep
    for action in (Pause("broken", hold="broken"), Resume()):
        edit = apply(action, state, because="", now=NOW, material=Material())
        rollout = edit.files["rollout.kdl"]
        assert rollout is not None
        read = parse_branch({"rollout.kdl": rollout, "plan.kdl": render_plan(plan)}).ledger
        state = replace(state, files=replace(state.files, ledger=read))
    decision = decide(state, PROD, seen(WELL), now=NOW)
    assert decision.actions == ()
    assert "was for another bundle or an earlier try" in decision.because


def test_a_plan_keeps_the_gates_of_its_policy() -> None:
    assert make_plan("r-0002", NEW, replace(PROD, gates=(SOAK, MANUAL)), RANKS).rules.gates == (SOAK, MANUAL)


def commits(*digests: str) -> Facts:
    """The newest first."""
    return replace(KNOWN, trunk=tuple(TrunkCommit(f"{n:040x}", digest) for n, digest in enumerate(digests)))


TAKEN = Promoted("c" * 40, NEW)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"facts": commits(NEW)}, "Promote", id="a new digest"),
        pytest.param({"facts": commits()}, "nothing", id="nothing new"),
        pytest.param({"facts": commits(LIVE)}, "nothing", id="what is wished already"),
        pytest.param(
            {"facts": commits(NEW), "promoted": TAKEN}, "nothing", id="the digest that a person set back"
        ),
        pytest.param(
            {"facts": commits(NEW, OTHER), "promoted": TAKEN}, "Promote", id="trunk went away and came back"
        ),
        pytest.param({"facts": commits(NEW), "quarantine": (NEW,)}, "W-REL-010", id="quarantined"),
        pytest.param({"facts": commits(NEW), "holds": ("x",)}, "W-REL-007", id="held"),
        pytest.param(
            {"facts": commits(NEW), "policy": replace(DEV, promote="manual")}, "nothing", id="manual"
        ),
        pytest.param({"facts": commits(NEW), "policy": PROD}, "nothing", id="not a first environment"),
    ],
)
def test_automatic_promotion(given: dict[str, Any], expected: str) -> None:
    assert answer(**{"ledger": IDLE, "wish": LIVE, "policy": DEV, **given}) == expected


def test_it_looks_again_no_later_than_something_can_change() -> None:
    settling = Batch(total=1, settling=1, settles_at=NOW + timedelta(seconds=1))
    for batch, seconds in ((PENDING, 2), (settling, 1)):
        files = BranchFiles(release=Release(NEW), ledger=rolling())
        decision = decide(EnvironmentState("prod", files), PROD, seen(batch), now=NOW)
        assert decision.look_again_at == NOW + timedelta(seconds=seconds)


ALWAYS = FreezeWindow("sale", "Busy", "UTC", once=(("2026-11-23T00:00", "2026-11-24T06:00"),), owner="ops")
FROZEN = replace(PROD, freezes=(ALWAYS,))


def test_nothing_opens_in_a_freeze() -> None:
    assert answer(IDLE, policy=FROZEN) == "W-REL-014"
    assert answer(IDLE, LIVE, policy=FROZEN) == "nothing"


def test_a_step_is_judged_in_a_freeze_and_the_next_one_waits() -> None:
    well, next_one = replace(KNOWN, batches=(WELL, PENDING)), Batch(total=1)
    assert answer(rolling(), policy=FROZEN, facts=well) == "W-REL-014"
    assert answer(rolling(), policy=FROZEN, facts=replace(KNOWN, batches=(BAD, next_one))) == "RollBack"
    assert answer(rolling(), policy=PROD, facts=well) == "AdvanceStep"


def test_the_last_step_completes_in_a_freeze() -> None:
    steps = (Progress(1, "done", NOW, NOW, 4), Progress(2, "active", NOW - timedelta(seconds=30), None, 5))
    facts = replace(KNOWN, batches=(WELL, WELL))
    assert answer(rolling(steps=steps), policy=FROZEN, facts=facts) == "Complete"


def test_a_paused_rollout_goes_on_after_the_freeze() -> None:
    paused = rolling(state="paused", paused_at=NOW)
    assert answer(paused, policy=FROZEN) == "W-REL-014"
    assert answer(paused) == "Resume"


def test_going_back_is_never_frozen() -> None:
    assert answer(rolling(), LIVE, policy=FROZEN) == "cancel"
    assert answer(rolling(), policy=FROZEN, quarantine=(NEW,)) == "RollBack"


def test_frozen_time_does_not_count_against_the_deadline() -> None:
    since = NOW - timedelta(hours=3)
    steps = (Progress(1, "active", since, None, 4), Progress(2))
    late = replace(KNOWN, batches=(PENDING, Batch(total=1)))
    # Two of the three hours were frozen and one was not, which is more than the minute that the step has.
    some = FreezeWindow("w", "r", "UTC", once=(("2026-11-23T17:30", "2026-11-23T19:30"),))
    assert answer(rolling(steps=steps), policy=replace(PROD, freezes=(some,)), facts=late) == "RollBack"
    # All but the newest 30 seconds were frozen.
    most = replace(ALWAYS, once=(("2026-11-23T00:00", "2026-11-23T19:59"),))
    policy = replace(PROD, freezes=(most,))
    assert answer(rolling(steps=steps), policy=policy, facts=late) == "RollBack"
    almost = replace(ALWAYS, once=(("2026-11-23T00:00", "2026-11-23T20:00"),))
    assert answer(rolling(steps=steps), policy=replace(PROD, freezes=(almost,)), facts=late) == "W-REL-009"


def test_a_freeze_says_when_to_look_again_and_whom_to_ask() -> None:
    files = BranchFiles(release=Release(NEW), ledger=IDLE)
    decision = decide(EnvironmentState("prod", files), FROZEN, KNOWN, now=NOW)
    assert decision.look_again_at == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert decision.because == "frozen until 2026-11-24T06:00:00Z by 'sale': Busy (ask ops)"


def decided(files: BranchFiles, policy: EnvironmentPolicy = PROD, facts: Facts = KNOWN) -> Decision:
    return decide(EnvironmentState("prod", files), policy, facts, now=NOW)


LATER = NOW + timedelta(hours=5)


@pytest.mark.parametrize(
    ("not_before", "expected"),
    [
        pytest.param(LATER, "W-REL-015", id="before its time"),
        pytest.param(NOW, "OpenRollout", id="at its time"),
        pytest.param(None, "OpenRollout", id="unscheduled"),
    ],
)
def test_a_scheduled_wish_waits_for_its_time(not_before: datetime | None, expected: str) -> None:
    decision = decided(BranchFiles(release=Release(NEW, not_before=not_before), ledger=IDLE))
    found = type(decision.actions[0]).__name__ if decision.actions else decision.waiting[0].code
    assert found == expected
    assert decision.look_again_at == (LATER if expected == "W-REL-015" else None)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        pytest.param(None, "W-REL-007", id="without an end"),
        pytest.param(LATER, "W-REL-007", id="before its end"),
        pytest.param(NOW, "OpenRollout", id="at its end"),
    ],
)
def test_a_hold_ends_by_itself(until: datetime | None, expected: str) -> None:
    holds = (Hold("audit", "Audit", "ops", until),)
    decision = decided(BranchFiles(release=Release(NEW), holds=holds, ledger=IDLE))
    found = type(decision.actions[0]).__name__ if decision.actions else decision.waiting[0].code
    assert found == expected
    assert decision.look_again_at == (until if expected == "W-REL-007" else None)


def test_a_rollout_goes_on_when_its_hold_runs_out() -> None:
    paused = rolling(state="paused", paused_at=NOW)
    for until, expected in ((LATER, "W-REL-007"), (NOW, "Resume")):
        files = BranchFiles(release=Release(NEW), holds=(Hold("h", "r", "", until),), ledger=paused)
        decision = decided(files)
        found = type(decision.actions[0]).__name__ if decision.actions else decision.waiting[0].code
        assert found == expected


@pytest.mark.parametrize(
    ("supersede", "batches", "expected"),
    [
        pytest.param("replace", (PENDING, PENDING), "Supersede", id="replace at once"),
        pytest.param("finish-batch", (PENDING, PENDING), "W-REL-016", id="the batch goes on"),
        pytest.param("finish-batch", (WELL, PENDING), "Supersede", id="the batch has ended"),
        pytest.param("finish-batch", (BAD, PENDING), "RollBack", id="the batch has failed"),
        pytest.param("finish", (PENDING, PENDING), "W-REL-016", id="the rollout goes on"),
        pytest.param("finish", (WELL, PENDING), "AdvanceStep", id="with its next batch"),
        pytest.param("finish", (BAD, PENDING), "RollBack", id="and fails"),
    ],
)
def test_another_wish_waits_as_the_policy_says(
    supersede: str, batches: tuple[Batch, ...], expected: str
) -> None:
    files = BranchFiles(release=Release(OTHER), ledger=rolling())
    policy, facts = replace(PROD, supersede=supersede), replace(KNOWN, batches=batches)
    decision = decided(files, policy, facts)
    found = type(decision.actions[0]).__name__ if decision.actions else decision.waiting[-1].code
    assert found == expected
    if expected == "RollBack":
        assert decision.actions[0].release is None  # type: ignore[union-attr]


@pytest.mark.parametrize("supersede", ["replace", "finish-batch", "finish"])
def test_a_plan_that_is_too_large_ends_no_rollout(supersede: str) -> None:
    policy = replace(PROD, batch_size=1, supersede=supersede)
    many = {"": tuple(f"{number:016x}" for number in range(500))}
    facts = replace(KNOWN, ranks=many, batches=(WELL, PENDING))
    assert answer(rolling(), OTHER, policy=policy, facts=facts) == "pause"
    assert answer(rolling(state="paused"), OTHER, policy=policy, facts=facts) == "W-REL-020"
    assert answer(rolling(state="paused"), NEW, policy=policy, facts=facts) == "Resume"


@pytest.mark.parametrize(
    ("label", "votes", "ledger", "expected"),
    [
        pytest.param("", 2, rolling(), "W-REL-014", id="a step without a label"),
        pytest.param("INC-1", 0, rolling(), "W-REL-046", id="a step without approvals"),
        pytest.param("INC-1", 1, rolling(), "AdvanceStep", id="a step with them"),
        pytest.param("", 2, PAUSED, "W-REL-014", id="a resumption without a label"),
        pytest.param("INC-1", 0, PAUSED, "W-REL-046", id="a resumption without approvals"),
        pytest.param("INC-1", 1, PAUSED, "Resume", id="a resumption with them"),
        pytest.param("INC-1", 0, IDLE, "Propose", id="an opening without a proposal"),
    ],
)
def test_a_freeze_asks_a_hotfix_for_approvals_at_every_turn(
    label: str, votes: int, ledger: Ledger, expected: str
) -> None:
    window = FreezeWindow(
        "peak", "Peak", "UTC", once=(("2026-11-01T00:00", "2026-12-01T00:00"),), hotfix_approvals=1
    )
    plan = replace(PLAN, hash="7" * 64)
    ledger = replace(ledger, plan=plan if ledger.rollout is not None else None)
    ballots = tuple(
        Ballot(f"p{number}@x", "approve", NEW, "prod", plan.hash, hotfix="INC-1") for number in range(votes)
    )
    files = BranchFiles(Release(NEW, hotfix=label), ledger=ledger, ballots=ballots)
    proofs = {one.path: Proof((one.person,), "a signature") for one in ballots}
    policy = replace(PROD, freezes=(window,))
    decision = decide(EnvironmentState("prod", files), policy, replace(seen(WELL), proofs=proofs), now=NOW)
    found = type(decision.actions[0]).__name__ if decision.actions else decision.waiting[0].code
    assert found == expected
