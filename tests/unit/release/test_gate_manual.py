"""The truth table of the manual gate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.fleet.batches import Batch
from reconciler.release.state import Go
from reconciler.release.verdict import Pass, Wait
from tests.unit.release.step_facts import ask, step

GO = Go("r-0001", 1, "sha256:" + "1" * 64, 4)


@pytest.mark.parametrize(
    ("batch", "planned", "go", "verdict"),
    [
        pytest.param(Batch(total=4, settled=4), 4, None, Wait, id="nobody said go"),
        pytest.param(Batch(total=4, settled=4), 4, GO, Pass, id="somebody did"),
        pytest.param(Batch(), 0, None, Wait, id="an empty step is asked for as well"),
        pytest.param(Batch(), 0, GO, Pass, id="and let go"),
    ],
)
def test_manual(batch: Batch, planned: int, go: Go | None, verdict: type) -> None:
    assert type(ask("manual", step(batch, planned=planned, go=go))) is verdict


def test_it_says_how_and_who() -> None:
    assert "sentinelctl approve ENVIRONMENT --step 1" in ask("manual", step(Batch())).because
    said = ask("manual", step(Batch(), go=replace(GO, by="Ada", why="Looks well")))
    assert said == Pass("Ada said go: Looks well")


def test_it_says_whose_go_does_not_count() -> None:
    waits = ask("manual", step(Batch(), said=replace(GO, by="Ada")))
    assert isinstance(waits, Wait)
    assert "the go of Ada was for another bundle or an earlier try; a person has to say go" in waits.because
