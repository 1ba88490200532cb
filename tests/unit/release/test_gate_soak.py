"""The truth table of the soak gate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.fleet.batches import Batch
from reconciler.release.verdict import Pass, Wait
from tests.unit.release.step_facts import NOW, SINCE, ask, step

MOVED = Batch(total=4, settled=4)


@pytest.mark.parametrize(
    ("batch", "planned", "seconds", "verdict"),
    [
        pytest.param(MOVED, 4, 299, Pass, id="longer than asked for"),
        pytest.param(MOVED, 4, 300, Pass, id="just as long"),
        pytest.param(MOVED, 4, 301, Wait, id="not yet"),
        pytest.param(Batch(), 4, 301, Wait, id="planned nodes are gone"),
        pytest.param(Batch(), 0, 301, Pass, id="nobody was planned"),
    ],
)
def test_soak(batch: Batch, planned: int, seconds: int, verdict: type) -> None:
    assert type(ask("soak", step(batch, planned=planned), seconds=seconds)) is verdict


def test_it_says_until_when() -> None:
    answer = ask("soak", step(MOVED), seconds=600)
    assert answer == Wait("it lasts 10m, until 2026-11-23T20:05:00Z", SINCE + timedelta(minutes=10))
    assert ask("soak", step(MOVED, since=NOW), seconds=60) == Wait(
        "it lasts 1m, until 2026-11-23T20:01:00Z", NOW + timedelta(minutes=1)
    )
