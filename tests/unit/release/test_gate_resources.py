"""The truth tables of the gates on CPU and memory."""

from __future__ import annotations

import pytest

from reconciler.release.gates import GateFacts
from reconciler.release.signals import StepSignals
from reconciler.release.verdict import Pass, Wait
from tests.unit.release.step_facts import NOW, ask, step
from tests.unit.release.step_facts_traffic import MOVED, NOBODY, UNKNOWN, seen, with_traffic


def used(permille: int | None) -> GateFacts:
    return with_traffic(seen(cpu_permille=permille, memory_permille=permille))


@pytest.mark.parametrize("kind", ["cpu", "memory"])
@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        *(pytest.param(facts, Wait, id=name) for name, facts in UNKNOWN.items()),
        pytest.param(NOBODY, Pass, id="nobody was planned"),
        pytest.param(used(None), Wait, id="reported, without this"),
        pytest.param(used(800), Pass, id="just as much as may"),
        pytest.param(used(801), Wait, id="more than may, which may pass"),
        pytest.param(used(0), Pass, id="idle"),
    ],
)
def test_resources(kind: str, facts: GateFacts, verdict: type) -> None:
    assert type(ask(kind, facts, max_permille=800)) is verdict


def test_each_looks_at_its_own_number_and_at_the_last_minutes() -> None:
    signals = StepSignals(
        NOW,
        NOW,
        moved=seen(cpu_permille=999, memory_permille=999),
        recent=seen(cpu_permille=100, memory_permille=900),
    )
    facts = step(MOVED, signals=signals)
    assert ask("cpu", facts, max_permille=800) == Pass(
        "at most 10% of CPU on 4 nodes, 80% may", {"permille": 100}
    )
    assert isinstance(ask("memory", facts, max_permille=800), Wait)
