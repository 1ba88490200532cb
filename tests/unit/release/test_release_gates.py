"""Truth tables of the gates, row by row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.config.gates import FORMS, GateSpec
from reconciler.fleet.batches import Batch
from reconciler.fleet.slo import Counted
from reconciler.release.facts import Facts
from reconciler.release.gates import ALWAYS, GATES, SHIFTED, TIMED, Gate, judge_all, table
from reconciler.release.signals import Budget, Probe, StepSignals
from reconciler.release.verdict import Fail, Pass, Wait, severity
from tests.unit.release.step_facts import NOW, ask, step
from tests.unit.release.step_facts_traffic import seen

SOON = NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("batch", "planned", "verdict"),
    [
        pytest.param(Batch(), 0, Pass, id="nobody was planned"),
        pytest.param(Batch(), 4, Wait, id="planned nodes are gone"),
        pytest.param(Batch(total=4, settled=4), 4, Pass, id="all settled"),
        pytest.param(Batch(total=4, settled=3, absent=1), 4, Pass, id="one was silent before"),
        pytest.param(Batch(total=4, absent=4), 4, Wait, id="all were silent before"),
        pytest.param(Batch(total=4, settled=3, silent=1), 4, Wait, id="one fell silent"),
        pytest.param(Batch(total=4, settled=3, pending=1), 4, Wait, id="one has not moved"),
        pytest.param(Batch(total=4, settled=3, unsure=1), 4, Wait, id="one does not say"),
        pytest.param(Batch(total=4, settled=3, settling=1, settles_at=SOON), 4, Wait, id="one settles"),
        pytest.param(Batch(total=4, settled=3, unhealthy=1), 4, Wait, id="one unhealthy, which is allowed"),
        pytest.param(Batch(total=4, settled=3, refused=1), 4, Wait, id="one refused, which is allowed"),
        pytest.param(Batch(total=4, settled=2, refused=1, unhealthy=1), 4, Fail, id="two are broken"),
        pytest.param(Batch(total=4, unhealthy=4), 4, Fail, id="all are broken"),
    ],
)
def test_heartbeat(batch: Batch, planned: int, verdict: type) -> None:
    answer = ask("heartbeat", step(batch, planned=planned))
    assert type(answer) is verdict
    assert answer.because


@pytest.mark.parametrize(
    ("earlier", "batch", "verdict"),
    [
        pytest.param(Batch(), Batch(), Pass, id="nothing was moved"),
        pytest.param(Batch(total=2, settled=2), Batch(total=2, pending=2), Pass, id="earlier ones are well"),
        pytest.param(Batch(total=2, settled=1, silent=1), Batch(), Pass, id="one earlier is silent"),
        pytest.param(Batch(total=2, silent=2), Batch(), Wait, id="two earlier are silent"),
        pytest.param(Batch(total=2, pending=1, unsure=1), Batch(), Wait, id="two earlier moved away"),
        pytest.param(Batch(total=2, absent=2), Batch(), Pass, id="two were silent before"),
        pytest.param(Batch(total=2, unhealthy=2), Batch(), Fail, id="two earlier are unhealthy"),
        pytest.param(Batch(total=2, unhealthy=1), Batch(total=2, refused=1), Fail, id="one earlier, one now"),
    ],
)
def test_availability(earlier: Batch, batch: Batch, verdict: type) -> None:
    assert type(ask("availability", step(batch, earlier=earlier))) is verdict


@pytest.mark.parametrize(
    ("lasts", "verdict"), [pytest.param(300, Pass, id="to the second"), pytest.param(301, Wait, id="not yet")]
)
def test_bake(lasts: int, verdict: type) -> None:
    timed = replace(step(Batch()).step, lasts=lasts)
    answer = ask("bake", step(Batch(), step=timed))
    assert type(answer) is verdict
    if isinstance(answer, Wait):
        assert answer.until == NOW + timedelta(seconds=1)


@pytest.mark.parametrize(("lasts", "asked"), [(0, False), (1, True)])
def test_a_step_without_a_time_is_not_asked_about_it(lasts: int, asked: bool) -> None:
    facts = step(Batch(), step=replace(step(Batch()).step, lasts=lasts))
    assert ("bake" in {judged.label for judged in judge_all(facts)}) is asked


def test_a_wait_that_only_time_can_end_says_when() -> None:
    settling = Batch(total=2, settled=1, settling=1, settles_at=SOON)
    answer = ask("heartbeat", step(settling))
    assert answer == Wait("1/2 healthy; 1 healthy, not yet for long enough", SOON)
    other = ask("heartbeat", step(Batch(total=3, settled=1, settling=1, silent=1, settles_at=SOON)))
    assert isinstance(other, Wait)
    assert other.until is None


def test_the_worst_answer_counts() -> None:
    assert sorted([Fail(""), Pass(""), Wait("")], key=severity) == [Pass(""), Wait(""), Fail("")]


def test_a_gate_is_in_the_table_once() -> None:
    with pytest.raises(ValueError, match="two gates"):
        table((Gate("x", lambda facts, spec: Pass("")), Gate("x", lambda facts, spec: Pass(""))))


def test_what_every_step_is_judged_by_comes_first_and_then_what_the_plan_says() -> None:
    facts = step(Batch(total=4, settled=4))
    gates = (GateSpec("soak", "", {"seconds": 1}), GateSpec("manual"))
    judged = judge_all(replace(facts, rules=replace(facts.rules, gates=gates)))
    assert [one.label for one in judged] == ["heartbeat", "availability", "soak", "manual"]
    assert [one.patient for one in judged] == [False, False, True, True]
    assert [one.label for one in judge_all(facts)] == ["heartbeat", "availability"]


def test_every_gate_of_the_language_can_be_judged() -> None:
    assert {*FORMS, *(gate.name for gate in (*ALWAYS, *TIMED, *SHIFTED))} == set(GATES)


def test_what_is_measured_is_kept_without_floats() -> None:
    traffic = seen(requests=10, failed=1, observed=10, buckets=((100, 9), (250, 10)), cpu_permille=7)
    signals = StepSignals(
        NOW,
        NOW,
        moved=traffic,
        control=replace(traffic, nodes=9),
        probes={"https://x.example.com/": Probe(NOW, 0, 3, "nobody listens", 2)},
        budgets={"orders": Budget(Counted(10, 1), {300: Counted(5, 1), 3600: Counted(7, 2)})},
    )
    written = json.dumps(signals.to_json())
    assert "." not in written.replace("x.example.com", "").replace(".000Z", "")
    assert StepSignals.from_json(json.loads(written)) == signals
    facts = Facts(signals=signals)
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert Facts.from_json(Facts().to_json()).signals is None
