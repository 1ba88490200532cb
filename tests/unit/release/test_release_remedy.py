"""What is done about nodes that drift, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.config.drift import DriftPolicy
from reconciler.release.apply import Material, apply
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.render import render_rollout
from reconciler.release.state import BranchFiles, EnvironmentState, Hold, Ledger, Quarantine, Release
from tests.unit.release.test_release_decide import ALWAYS, IDLE, KNOWN, LIVE, NEW, NOW, PROD, WELL, rolling

REMEDY = replace(PROD, drift=DriftPolicy(grace_seconds=120, remediate=True, per_hour=2))
DRIFTING = replace(KNOWN, drifting=3)


def ago(*minutes: int) -> tuple[datetime, ...]:
    return tuple(NOW - timedelta(minutes=number) for number in minutes)


def decided(**given: Any) -> Decision:
    """The decision for three nodes that drift from what is live."""
    ledger: Ledger = given.pop("ledger", IDLE)
    policy = given.pop("policy", REMEDY)
    facts = given.pop("facts", DRIFTING)
    files = BranchFiles(Release(given.pop("wish", LIVE)), ledger=ledger, **given)
    return decide(EnvironmentState("prod", files), policy, facts, now=NOW)


def answer(**given: Any) -> str:
    decision = decided(**given)
    if decision.actions:
        return type(decision.actions[0]).__name__
    return decision.waiting[0].code if decision.waiting else "nothing"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "Reissue", id="it is asked for"),
        pytest.param({"policy": PROD}, "nothing", id="it is not asked for"),
        pytest.param({"facts": KNOWN}, "nothing", id="nothing drifts"),
        pytest.param({"holds": (Hold("x", "wait"),)}, "W-REL-007", id="held"),
        pytest.param(
            {"quarantine": (Quarantine(LIVE, "bad"),)}, "W-REL-011", id="what is live is quarantined"
        ),
        pytest.param({"policy": replace(REMEDY, freezes=(ALWAYS,))}, "W-REL-030", id="frozen"),
        pytest.param({"wish": NEW}, "OpenRollout", id="another bundle is wished"),
        pytest.param(
            {"ledger": rolling(), "wish": NEW, "facts": replace(DRIFTING, batches=(WELL, WELL))},
            "AdvanceStep",
            id="a rollout is open",
        ),
        pytest.param({"ledger": replace(IDLE, reissued=ago(1))}, "W-REL-032", id="they have time"),
        pytest.param({"ledger": replace(IDLE, reissued=ago(2))}, "Reissue", id="their time is over"),
        pytest.param({"ledger": replace(IDLE, reissued=ago(5, 59))}, "W-REL-031", id="twice within an hour"),
        pytest.param({"ledger": replace(IDLE, reissued=ago(5, 60))}, "Reissue", id="once within an hour"),
    ],
)
def test_a_remedy(given: dict[str, Any], expected: str) -> None:
    assert answer(**given) == expected


def test_it_says_when_it_may_be_tried_again() -> None:
    full = decided(ledger=replace(IDLE, reissued=ago(5, 40)))
    assert full.look_again_at == NOW + timedelta(minutes=20)
    given = decided(ledger=replace(IDLE, reissued=ago(1)))
    assert given.look_again_at == NOW + timedelta(minutes=1)
    assert "they have until 2026-11-23T20:01:00Z" in given.because


def test_the_commit_raises_the_sequence_and_remembers_when() -> None:
    ledger = replace(IDLE, reissued=ago(5, 61))
    decision = decided(ledger=ledger)
    state = EnvironmentState("prod", BranchFiles(Release(LIVE), ledger=ledger))
    edit = apply(decision.actions[0], state, because=decision.because, now=NOW, material=Material())
    assert edit.subject == "Issue the pointer of prod again: 3 nodes drifted"
    assert (edit.event, edit.digest) == ("drift.reissued", LIVE)
    after = parse_branch(
        {path: content for path, content in edit.files.items() if content is not None}
    ).ledger
    assert after == replace(ledger, sequence=ledger.sequence + 1, reissued=(NOW, *ago(5)))
    assert parse_branch({"rollout.kdl": render_rollout(ledger)}).ledger == ledger
