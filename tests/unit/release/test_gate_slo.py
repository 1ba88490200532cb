"""The truth table of the slo gate. The objective is 99%: ten requests in a thousand may be bad at a rate of 1."""

from __future__ import annotations

import pytest

from reconciler.fleet.batches import Batch
from reconciler.fleet.slo import Counted
from reconciler.release.gates import GateFacts
from reconciler.release.signals import Budget, StepSignals
from reconciler.release.verdict import Fail, Pass, Wait
from tests.unit.release.step_facts import NOW, ask, step
from tests.unit.release.step_facts_traffic import MOVED

H1, M5, H6, M30 = 3600, 300, 21600, 1800
GOOD = Counted(10_000, 0)
SLOW, FAST = Counted(10_000, 1439), Counted(10_000, 1441)
"""14.39 and 14.41 times as fast as the budget lasts; 14.4 may."""


def burning(own: Counted = GOOD, **windows: Counted) -> GateFacts:
    lengths = {"h1": H1, "m5": M5, "h6": H6, "m30": M30}
    counted = {length: windows.get(name, GOOD) for name, length in lengths.items()}
    signals = StepSignals(NOW, NOW, budgets={"orders": Budget(own, counted)})
    return step(MOVED, signals=signals)


FEW = Counted(99, 99)
FIVE, SEVEN = Counted(10_000, 500), Counted(10_000, 700)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        pytest.param(step(MOVED), Wait, id="nobody looked"),
        pytest.param(step(MOVED, signals=StepSignals(NOW, NOW)), Wait, id="nobody counted"),
        pytest.param(step(Batch(), planned=0), Pass, id="nobody was planned"),
        pytest.param(burning(), Pass, id="nothing burns"),
        pytest.param(burning(SLOW, h1=SLOW, m5=SLOW), Pass, id="just slower than may be"),
        pytest.param(burning(FAST, h1=FAST, m5=FAST), Fail, id="just faster than may be"),
        pytest.param(burning(FAST, h1=FAST), Pass, id="only in the long window: it is over"),
        pytest.param(burning(FAST, m5=FAST), Pass, id="only in the short window: a blip"),
        pytest.param(burning(FIVE, h6=FIVE, m30=FIVE), Pass, id="slow in the second pair"),
        pytest.param(burning(SEVEN, h6=SEVEN, m30=SEVEN), Fail, id="fast in the second pair"),
        pytest.param(burning(GOOD, h1=FAST, m5=FAST), Wait, id="it burned before, and the step does not"),
        pytest.param(burning(FEW, h1=FAST, m5=FAST), Wait, id="it burns, and the step has seen too little"),
        pytest.param(burning(h1=FEW, m5=FEW, h6=FEW, m30=FEW), Wait, id="too little in every window"),
        pytest.param(burning(h1=FEW, m5=FEW), Pass, id="too little in one pair, the other is well"),
        pytest.param(burning(m5=FEW, m30=FEW), Wait, id="too little in both short windows"),
        pytest.param(burning(FEW), Wait, id="too little since the step began"),
        pytest.param(burning(Counted()), Wait, id="nothing since the step began"),
    ],
)
def test_slo(facts: GateFacts, verdict: type) -> None:
    answer = ask(
        "slo", facts, "orders", objective_ppm=990_000, samples=100, days=30, faster_than_ms=0, service="orders",
        sli="availability",
    )  # fmt: skip
    assert type(answer) is verdict


def test_it_keeps_the_rates() -> None:
    answer = ask(
        "slo", burning(FAST, h1=FAST, m5=FAST), "orders", objective_ppm=990_000, samples=100, days=30,
        faster_than_ms=0, service="orders", sli="availability",
    )  # fmt: skip
    assert answer.because == (
        "burns 14.41 in 1h and 14.41 in 5m, 14.4 may; since the step began 14.41 times as fast as it lasts"
    )
    assert answer.evidence == {
        "requests": 10_000, "bad": 1441, "burn-1h-permille": 14_410, "burn-5m-permille": 14_410,
        "burn-6h-permille": 0, "burn-30m-permille": 0,
    }  # fmt: skip
