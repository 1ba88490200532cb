"""Truth tables of the gates, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.fleet.batches import Batch
from reconciler.release.gates import GATES, Gate, GateFacts, judge_all, table
from reconciler.release.state import PlannedStep, Rules
from reconciler.release.verdict import Fail, Pass, Verdict, Wait, severity

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=5)
SINCE = NOW - timedelta(seconds=25)


def facts(
    batch: Batch, *, planned: int = 4, earlier: Batch | None = None, most: int = 1, lasts: int = 0
) -> GateFacts:
    rules = Rules("rolling", most, "rollback", 10, 60, 30)
    return GateFacts(
        PlannedStep(1, planned, {"": "f" * 16}, lasts), batch, earlier or Batch(), rules, SINCE, NOW
    )


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
    answer = GATES["heartbeat"].judge(facts(batch, planned=planned))
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
    assert type(GATES["availability"].judge(facts(batch, earlier=earlier))) is verdict


@pytest.mark.parametrize(
    ("lasts", "answer"),
    [
        pytest.param(24, Pass("lasted 24 s"), id="longer than that"),
        pytest.param(25, Pass("lasted 25 s"), id="to the second"),
        pytest.param(30, Wait("5 s of 30 s are left", SOON), id="not yet"),
    ],
)
def test_bake(lasts: int, answer: Verdict) -> None:
    assert GATES["bake"].judge(facts(Batch(), lasts=lasts)) == answer


@pytest.mark.parametrize(("lasts", "asked"), [(0, False), (1, True)])
def test_a_step_without_a_time_is_not_asked_about_it(lasts: int, asked: bool) -> None:
    assert ("bake" in dict(judge_all(facts(Batch(), lasts=lasts)))) is asked


def test_a_wait_that_only_time_can_end_says_when() -> None:
    settling = Batch(total=2, settled=1, settling=1, settles_at=SOON)
    answer = GATES["heartbeat"].judge(facts(settling))
    assert answer == Wait("1/2 healthy; 1 healthy, not yet for long enough", SOON)
    other = GATES["heartbeat"].judge(facts(Batch(total=3, settled=1, settling=1, silent=1, settles_at=SOON)))
    assert isinstance(other, Wait)
    assert other.until is None


def test_the_worst_answer_counts() -> None:
    assert sorted([Fail(""), Pass(""), Wait("")], key=severity) == [Pass(""), Wait(""), Fail("")]


def test_a_gate_is_in_the_table_once() -> None:
    with pytest.raises(ValueError, match="two gates"):
        table((Gate("x", lambda facts: Pass("")), Gate("x", lambda facts: Pass(""))))
