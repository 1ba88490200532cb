"""Pins: which of them stand, one situation a row, and what nodes they keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.config.approvals import Approvals
from reconciler.config.freezes import FreezeWindow
from reconciler.config.groups import NodeGroup
from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import eligible_ranks
from reconciler.fleet.cohorts import cohort_of
from reconciler.fleet.observations import Observation
from reconciler.release.actions import ChangePins
from reconciler.release.apply import Edit, Material, apply
from reconciler.release.assignment import assignment_of, offers
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.paths import pin_path
from reconciler.release.pins import MOST_NODES, Pin, Standing, render_pin
from reconciler.release.retention import needed
from reconciler.release.state import BranchFiles, Completed, EnvironmentState, Ledger, Quarantine, Release

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
LIVE, OLD, NEW = ("sha256:" + digit * 64 for digit in "123")
PROD = EnvironmentPolicy(
    "prod", ("dev",), "1.0", "rolling", None, 1, 0, "manual", "rollback", 10, 60, 30,
    groups=(NodeGroup("edge", (("tier", ("edge",)),)),),
)  # fmt: skip
FROZEN = FreezeWindow("sale", "the sale", "UTC", once=(("2026-11-23T00:00", "2026-11-24T00:00"),))
HISTORY = tuple(Completed(digest, "a" * 40, f"r-000{n}", n, EARLIER) for digest, n in ((LIVE, 2), (OLD, 1)))
FACTS = Facts(bundles={LIVE: True, OLD: True, NEW: True}, predecessors={"dev": (LIVE, OLD, NEW)})
PIN = Pin("canary", OLD, "region=eu", (), "Ada", "it leaks")
STANDING = Standing(PIN, "region=eu", EARLIER)

RUNS = Release(LIVE)


def look(
    *pins: Pin,
    standing: tuple[Standing, ...] = (),
    policy: EnvironmentPolicy = PROD,
    facts: Facts = FACTS,
    wish: Release = RUNS,
    **files: Any,
) -> Decision:
    ledger = Ledger(5, None, None, HISTORY, standing)
    state = EnvironmentState("prod", BranchFiles(wish, ledger=ledger, pins=pins, **files))
    return decide(state, policy, facts, now=NOW)


def outcome(decision: Decision) -> tuple[list[str] | None, list[str]]:
    """The pins that are to stand, None when they stay as they are; and the codes of what waits."""
    action = decision.actions[0] if decision.actions else None
    pins = (
        [f"{one.pin.name}={one.pin.digest[7]}" for one in action.pins]
        if isinstance(action, ChangePins)
        else None
    )
    return pins, [reason.code for reason in decision.waiting]


UNTIL = replace(PIN, until=NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("pins", "more", "expected"),
    [
        pytest.param((), {}, (None, []), id="none"),
        pytest.param((PIN,), {}, (["canary=2"], []), id="one that may stand"),
        pytest.param((PIN,), {"standing": (STANDING,)}, (None, []), id="it stands already"),
        pytest.param((), {"standing": (STANDING,)}, ([], []), id="its file is gone"),
        pytest.param((replace(PIN, until=NOW),), {"standing": (STANDING,)}, ([], []), id="it has run out"),
        pytest.param(
            (),
            {"standing": (STANDING,), "quarantine": (Quarantine(LIVE),)},
            (None, ["W-REL-011", "W-REL-085"]),
            id="its file is gone, and what is live is quarantined",
        ),
        pytest.param(
            (replace(PIN, until=NOW),),
            {"standing": (replace(STANDING, pin=replace(PIN, until=NOW)),), "quarantine": (Quarantine(LIVE),)},
            (None, ["W-REL-011", "W-REL-085"]),
            id="it has run out, and what is live is quarantined",
        ),
        pytest.param(
            (),
            {"standing": (STANDING,), "quarantine": (Quarantine(LIVE), Quarantine(OLD))},
            ([], ["W-REL-011"]),
            id="its file is gone, and both may not run",
        ),
        pytest.param((UNTIL,), {"standing": (STANDING,)}, (["canary=2"], []), id="it is to end later"),
        pytest.param((replace(PIN, digest=NEW),), {"standing": (STANDING,)}, (["canary=3"], []), id="another digest"),
        pytest.param(
            (PIN,), {"facts": replace(FACTS, bundles={})}, (None, ["W-REL-003"]), id="an unknown bundle"
        ),
        pytest.param(
            (replace(PIN, digest=NEW),),
            {"facts": replace(FACTS, bundles={OLD: True}), "standing": (STANDING,)},
            (None, ["W-REL-003"]),
            id="what it said before stays",
        ),
        pytest.param(
            (replace(PIN, digest=NEW),),
            {"facts": replace(FACTS, predecessors={"dev": ()})},
            (None, ["W-REL-006"]),
            id="not completed before",
        ),
        pytest.param((PIN,), {"facts": replace(FACTS, removed=(OLD,))}, (None, ["W-REL-017"]), id="removed"),
        pytest.param((PIN,), {"quarantine": (Quarantine(OLD),)}, (None, ["W-REL-005"]), id="quarantined"),
        pytest.param(
            (PIN,),
            {"quarantine": (Quarantine(OLD),), "standing": (STANDING,)},
            ([], ["W-REL-005"]),
            id="quarantined while it stands",
        ),
        pytest.param(
            (PIN,), {"policy": replace(PROD, freezes=(FROZEN,))}, (["canary=2"], []), id="back, in a freeze"
        ),
        pytest.param(
            (replace(PIN, digest=NEW),),
            {"policy": replace(PROD, freezes=(FROZEN,))},
            (None, ["W-REL-014"]),
            id="forward, in a freeze",
        ),
        pytest.param(
            (replace(PIN, digest=NEW),),
            {
                "policy": replace(PROD, freezes=(replace(FROZEN, hotfix_approvals=0),)),
                "wish": Release(LIVE, hotfix="INC-1"),
            },
            (None, ["W-REL-014"]),
            id="forward, in a freeze that lets a hotfix through",
        ),
        pytest.param(
            (PIN,), {"policy": replace(PROD, approvals=Approvals(1))}, (["canary=2"], []), id="back, without approval"
        ),
        pytest.param(
            (replace(PIN, digest=NEW),),
            {"policy": replace(PROD, approvals=Approvals(1))},
            (None, ["W-REL-024"]),
            id="forward, without approval",
        ),
        pytest.param(
            (replace(PIN, nodes="group:edge"),), {}, (["canary=2"], []), id="a group"
        ),
        pytest.param((replace(PIN, nodes="group:core"),), {}, (None, ["W-REL-022"]), id="a group that is not"),
        pytest.param((Pin("canary", ""),), {}, (None, ["W-REL-025"]), id="unreadable"),
        pytest.param(
            (Pin("canary", ""),), {"standing": (STANDING,)}, (None, ["W-REL-025"]), id="unreadable while it stands"
        ),
        pytest.param(
            (Pin("canary", ""),),
            {"standing": (replace(STANDING, pin=replace(PIN, until=EARLIER)),)},
            ([], ["W-REL-025"]),
            id="unreadable, and what stands has run out",
        ),
        pytest.param(
            tuple(replace(PIN, name=f"p{number:02}") for number in range(21)),
            {"standing": tuple(replace(STANDING, pin=replace(PIN, name=f"p{n:02}")) for n in range(20))},
            (None, ["W-REL-026"]),
            id="too many",
        ),
    ],
)  # fmt: skip
def test_which_pins_stand(pins: tuple[Pin, ...], more: dict[str, Any], expected: tuple[Any, Any]) -> None:
    decision = look(*pins, **more)
    action_waits = expected[1] if not decision.actions else []
    assert outcome(decision) == (expected[0], action_waits)
    again = settled(decision, *pins, **more)
    assert outcome(again) == (None, expected[1]), "it comes to rest, and says why"


def settled(decision: Decision, *pins: Pin, **more: Any) -> Decision:
    """The decision after this one was committed."""
    if not decision.actions:
        return decision
    (action,) = decision.actions
    assert isinstance(action, ChangePins)
    return look(*pins, **{**more, "standing": action.pins})


def test_the_end_of_a_pin_is_looked_at() -> None:
    (action,) = look(UNTIL).actions
    assert isinstance(action, ChangePins)
    assert look(UNTIL, standing=action.pins).look_again_at == UNTIL.until
    assert look(PIN, standing=(STANDING,)).look_again_at is None


def test_the_end_of_a_freeze_is_looked_at() -> None:
    decision = look(replace(PIN, digest=NEW), policy=replace(PROD, freezes=(FROZEN,)))
    assert decision.look_again_at == datetime(2026, 11, 24, tzinfo=UTC)


def committed(before: tuple[Standing, ...], *pins: Pin) -> tuple[Edit, Ledger]:
    decision = look(*pins, standing=before)
    state = EnvironmentState("prod", BranchFiles(ledger=Ledger(5, None, None, HISTORY, before)))
    edit = apply(decision.actions[0], state, because=decision.because, now=NOW, material=Material())
    found = parse_branch({path: content for path, content in edit.files.items() if content is not None})
    assert found.malformed == ()
    assert found.ledger is not None
    return edit, found.ledger


@pytest.mark.parametrize(
    ("before", "pins", "subject", "sequence"),
    [
        pytest.param((), (PIN,), "Pin canary in prod", 6, id="pinned"),
        pytest.param((STANDING,), (), "Unpin canary in prod", 6, id="unpinned"),
        pytest.param((STANDING,), (UNTIL,), "Change pins in prod", 5, id="another end moves nobody"),
        pytest.param(
            (STANDING,), (replace(PIN, digest=NEW),), "Change pins in prod", 6, id="another digest"
        ),
        pytest.param(
            (STANDING,), (replace(PIN, name="b"),), "Pin b and unpin canary in prod", 6, id="one for another"
        ),
    ],
)  # fmt: skip
def test_the_commit(before: tuple[Standing, ...], pins: tuple[Pin, ...], subject: str, sequence: int) -> None:
    edit, ledger = committed(before, *pins)
    assert (edit.subject, edit.event, ledger.sequence) == (subject, "pins.changed", sequence)
    assert tuple(standing.pin for standing in ledger.pins) == pins


def test_a_pinned_node_has_a_cohort_of_its_digest() -> None:
    named = replace(PIN, name="z", digest=NEW, nodes="", ids=("n-2",))
    _, ledger = committed((), PIN, named)
    assignment = assignment_of(ledger)
    cohorts = [cohort_of(node, labels, NOW, assignment) for node, labels in (
        ("n-1", {"region": "eu"}), ("n-2", {}), ("n-2", {"region": "eu"}), ("n-3", {}),
    )]  # fmt: skip
    assert cohorts == [f"pin-{OLD[7:19]}", f"pin-{NEW[7:19]}", f"pin-{OLD[7:19]}", "base"]
    offered = {cohort: (offer.digest, offer.weight) for cohort, offer in offers(ledger).items()}
    pins = {f"pin-{OLD[7:19]}": (OLD, 100), f"pin-{NEW[7:19]}": (NEW, 100)}
    assert offered == {"base": (LIVE, 100), **pins}
    assert type(assignment).from_json(assignment.to_json()) == assignment


def test_a_group_means_what_it_meant_when_it_was_pinned() -> None:
    (action,) = look(replace(PIN, nodes="group:edge")).actions
    assert isinstance(action, ChangePins)
    assert action.pins[0].meant == "tier=edge"
    other = replace(PROD, groups=(NodeGroup("edge", (("tier", ("core",)),)),))
    assert look(replace(PIN, nodes="group:edge"), standing=action.pins, policy=other).actions == ()


@pytest.mark.parametrize(
    "pin", [UNTIL, replace(PIN, nodes="", ids=("n-1", "n-2")), Pin("a", OLD, "not region=eu")]
)
def test_what_is_written_reads_back(pin: Pin) -> None:
    assert parse_branch({pin_path(pin.name): render_pin(pin)}).pins == (pin,)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'pin "{OLD}"', id="no nodes"),
        pytest.param(f'pin "{OLD}" {{\n    nodes "a=b"\n    node "n-1"\n}}', id="both"),
        pytest.param(f'pin "{OLD}" {{\n    nodes "a="\n}}', id="no selector"),
        pytest.param(f'pin "{OLD}" {{\n    node "{"x" * 99}"\n}}', id="no id"),
        pytest.param(f'pin "{OLD}" {{\n    node {" ".join(f"n{n}" for n in range(MOST_NODES + 1))}\n}}', id="too many"),
        pytest.param('pin "sha256:1" {\n    nodes "a=b"\n}', id="no digest"),
    ],
)  # fmt: skip
def test_an_unreadable_pin_is_told_by_its_name(text: str) -> None:
    found = parse_branch({"pins/a.kdl": text.encode()})
    assert found.pins == (Pin("a", ""),)
    assert found.malformed[0].path == "pins/a.kdl"


def test_a_node_that_was_pinned_when_a_rollout_opened_is_in_none_of_its_steps() -> None:
    state = EnvironmentState(
        "prod", BranchFiles(Release(NEW), ledger=Ledger(5, None, None, HISTORY, (STANDING,)), pins=(PIN,))
    )
    decision = decide(state, PROD, replace(FACTS, ranks={"": ("1" * 16,)}), now=NOW)
    edit = apply(decision.actions[0], state, because="x", now=NOW, material=Material())
    opened = parse_branch({path: content for path, content in edit.files.items() if content is not None})
    assert opened.ledger is not None
    unpinned = assignment_of(replace(opened.ledger, pins=()))
    node = Observation("n-1", "one", EARLIER, labels={"region": "eu"})
    assert cohort_of(node.id, node.labels, EARLIER, unpinned) == "base"
    assert eligible_ranks(unpinned, [node]) == {}
    assert type(unpinned).from_json(unpinned.to_json()) == unpinned


def test_what_is_pinned_is_kept() -> None:
    files = BranchFiles(pins=(replace(PIN, digest=NEW),), ledger=Ledger(5, pins=(STANDING,)))
    assert needed([files], (), keep=1) == {NEW, OLD}
