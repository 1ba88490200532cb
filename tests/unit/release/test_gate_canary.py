"""The truth table of the canary gate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.fleet.batches import Batch
from reconciler.fleet.signals import Traffic
from reconciler.release.gates import GateFacts
from reconciler.release.signals import StepSignals
from reconciler.release.verdict import Fail, Pass, Verdict, Wait
from tests.unit.release.step_facts import NOW, ask, step
from tests.unit.release.step_facts_traffic import MOVED, UNKNOWN, seen


def counted(requests: int, failed: int = 0, slow: int = 0, *, nodes: int = 4, reporting: int = 4) -> Traffic:
    """`slow` of the requests took more than 250 ms, all of them less than 500."""
    buckets = ((100, (requests - slow) // 2), (250, requests - slow), (500, requests))
    return seen(
        nodes=nodes, reporting=reporting, requests=requests, failed=failed, observed=requests, buckets=buckets
    )


def compared(moved: Traffic, control: Traffic | None, *, alone: str = "") -> GateFacts:
    return step(MOVED, signals=StepSignals(NOW, NOW, moved=moved, recent=moved, control=control), alone=alone)


def verdict(facts: GateFacts) -> Verdict:
    return ask(
        "canary", facts, alpha_ppm=10_000, beta_ppm=50_000, effect_ppm=10_000, slower_ppm=50_000, samples=100
    )


WELL = counted(18_000, 18, 900)
NONE = counted(0, nodes=0, reporting=0)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        *(pytest.param(facts, Wait, id=name) for name, facts in UNKNOWN.items()),
        pytest.param(step(Batch(), planned=0), Pass, id="nobody was planned"),
        pytest.param(compared(counted(99), WELL), Wait, id="the moved nodes saw too little"),
        pytest.param(compared(WELL, counted(99)), Wait, id="the others saw too little"),
        pytest.param(compared(counted(99, 99), WELL), Wait, id="too little, however bad"),
        pytest.param(compared(counted(200, 0, 10), WELL), Wait, id="enough to look, too little to say"),
        pytest.param(compared(counted(2000, 2, 100), WELL), Pass, id="the same"),
        pytest.param(compared(counted(2000, 60, 100), WELL), Fail, id="more failures"),
        pytest.param(compared(counted(2000, 2, 500), WELL), Fail, id="more slow answers"),
        pytest.param(compared(counted(2000, 2000, 2000), WELL), Fail, id="all failed, slowly"),
        pytest.param(compared(counted(2000), counted(18_000, 900, 900)), Pass, id="fewer failures"),
        pytest.param(
            compared(counted(2000, 200), counted(18_000, 1800)), Wait, id="both fail often: it takes more"
        ),
        pytest.param(compared(counted(2000), None), Wait, id="nobody looked at the others"),
        pytest.param(compared(counted(2000), NONE), Wait, id="nobody is left to compare with"),
        pytest.param(
            compared(counted(2000), NONE, alone="every node is moved"), Pass, id="nobody has to be left"
        ),
        pytest.param(
            compared(counted(2000, 60), WELL, alone="every node is moved"),
            Fail,
            id="somebody is left all the same",
        ),
        pytest.param(
            compared(counted(2000), counted(0, reporting=0), alone="every node is moved"),
            Wait,
            id="the others do not report",
        ),
        pytest.param(
            compared(counted(2000), replace(WELL, buckets=((77, 9000),))),
            Wait,
            id="histograms of different bounds",
        ),
        pytest.param(compared(replace(counted(2000), observed=0, buckets=()), WELL), Wait, id="no histogram"),
    ],
)
def test_canary(facts: GateFacts, expected: type) -> None:
    assert type(verdict(facts)) is expected


def test_its_words_and_its_evidence() -> None:
    answer = verdict(compared(counted(2000, 2, 100), WELL))
    assert answer.because == (
        "same: 0.10% of 2000 failed, 0.10% of 18000 on nodes that are not moved; 52.50% of 2000 took more than 100 "
        "ms, 52.50% of 18000 there"
    )
    assert answer.evidence["moved-requests"] == 2000
    assert answer.evidence["control-failed"] == 18
    assert (answer.evidence["worse-from"], answer.evidence["not-worse-from"]) == (200, 20)
    assert answer.evidence["failures-not-worse"] >= 20
    assert answer.evidence["failures-worse"] == 0
    assert all(type(value) is int and value >= 0 for value in answer.evidence.values())


@pytest.mark.parametrize(
    ("moved", "control", "words"),
    [
        (counted(2000, 60, 100), WELL, "worse, by failures (evidence"),
        (counted(2000, 2, 500), WELL, "worse, by slow answers (evidence"),
        (counted(4000), counted(18_000, 900, 900), "better: 0.00% of 4000 failed, 5.00% of 18000"),
        (counted(200, 0, 10), WELL, "not enough data on failures (evidence"),
        (counted(50), WELL, "not enough data: 50 requests to moved nodes"),
    ],
)
def test_the_four_verdicts(moved: Traffic, control: Traffic, words: str) -> None:
    assert verdict(compared(moved, control)).because.startswith(words)


def test_evidence_beyond_all_numbers_is_cut() -> None:
    answer = verdict(compared(counted(200_000, 200_000), counted(800_000)))
    assert answer.evidence["failures-worse"] == 10**9
