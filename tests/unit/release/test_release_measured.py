"""Decisions by what was measured of the active step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.config.gates import GateSpec
from reconciler.fleet.signals import Traffic
from reconciler.release.decide import decide
from reconciler.release.signals import StepSignals
from reconciler.release.state import BranchFiles, EnvironmentState, Ledger, Progress, Release
from tests.unit.release.test_release_decide import KNOWN, NEW, NOW, PLAN, PROD, WELL, rolling

SINCE = NOW - timedelta(seconds=30)
RATE = GateSpec("error-rate", "", {"max-ppm": 10_000, "samples": 100})
CANARY = GateSpec(
    "canary",
    "",
    {"alpha-ppm": 10_000, "beta-ppm": 50_000, "effect-ppm": 10_000, "slower-ppm": 50_000, "samples": 100},
)
FIRST = (Progress(1, "active", SINCE, None, 4), Progress(2))
LAST = (Progress(1, "done", SINCE, SINCE, 4), Progress(2, "active", SINCE, None, 5))


def said(ledger: Ledger, gate: GateSpec, requests: int, failed: int = 0, *, since: int = 30) -> str:
    """The kind of the action, or why it waits, for moved nodes that counted this and no others."""
    moved = Traffic(
        1, 1, SINCE, NOW, requests=requests, failed=failed, observed=requests, buckets=((100, requests),)
    )
    gated = replace(ledger, plan=replace(PLAN, rules=replace(PLAN.rules, gates=(gate,))))
    signals = StepSignals(NOW, NOW, moved=moved, recent=moved, control=Traffic(0, 0, SINCE, NOW))
    facts = replace(KNOWN, batches=(WELL, WELL), signals=signals)
    files = BranchFiles(Release(NEW), ledger=gated)
    decision = decide(EnvironmentState("prod", files), PROD, facts, now=NOW)
    return type(decision.actions[0]).__name__ if decision.actions else decision.waiting[0].message


@pytest.mark.parametrize(
    ("requests", "failed", "expected"),
    [
        (99, 0, "batch 1 of 2 of r-0002: error-rate: 99 of at least 100 requests seen"),
        (100, 1, "AdvanceStep"),
        (100, 2, "RollBack"),
    ],
)
def test_a_measured_step(requests: int, failed: int, expected: str) -> None:
    assert said(rolling(steps=FIRST), RATE, requests, failed) == expected


def test_too_few_requests_have_failed_at_the_deadline() -> None:
    late = (Progress(1, "active", NOW - timedelta(seconds=60), None, 4), Progress(2))
    assert said(rolling(steps=late), RATE, 99) == "RollBack"


def test_a_canary_needs_nodes_to_compare_with_except_where_there_can_be_none() -> None:
    assert "nobody to compare with" in said(rolling(steps=FIRST), CANARY, 1000)
    assert said(rolling(steps=LAST), CANARY, 1000) == "Complete"
    first_release = replace(rolling(steps=FIRST, previous=""), history=())
    assert said(first_release, CANARY, 1000) == "AdvanceStep"
