"""The truth table of the http gate."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from reconciler.release.signals import Probe, StepSignals
from reconciler.release.verdict import Fail, Pass, Wait
from tests.unit.release.step_facts import NOW, SINCE, ask, step
from tests.unit.release.step_facts_traffic import MOVED

URL = "https://shop.example.com/healthz"


def probe(
    status: int = 200, milliseconds: int = 80, trouble: str = "", failures: int = 0, at: datetime = NOW
) -> Probe:
    return Probe(at, status, milliseconds, trouble, failures)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param(None, Wait, id="not asked"),
        pytest.param(probe(at=SINCE - timedelta(seconds=1)), Wait, id="asked before the step began"),
        pytest.param(probe(at=NOW - timedelta(seconds=61)), Wait, id="asked too long ago"),
        pytest.param(probe(at=NOW - timedelta(seconds=60)), Pass, id="asked a minute ago"),
        pytest.param(probe(), Pass, id="well"),
        pytest.param(probe(milliseconds=2000), Pass, id="as slow as may be"),
        pytest.param(probe(milliseconds=2001, failures=1), Wait, id="too slow"),
        pytest.param(probe(503, failures=1), Wait, id="bad once"),
        pytest.param(probe(204, failures=2), Wait, id="bad twice"),
        pytest.param(probe(302, failures=3), Fail, id="bad three times"),
        pytest.param(probe(0, 0, "nobody listens there", 3), Fail, id="no answer three times"),
        pytest.param(probe(0, 0, "may not be asked", 0), Wait, id="nobody was allowed to ask"),
        pytest.param(
            probe(200, 10, "it broke off", 1), Wait, id="trouble is no answer, whatever else it says"
        ),
    ],
)
def test_http(found: Probe | None, verdict: type) -> None:
    signals = StepSignals(NOW, NOW, probes={} if found is None else {URL: found})
    answer = ask("http", step(MOVED, signals=signals), URL, status=200, within_ms=2000)
    assert type(answer) is verdict


def test_nobody_looked() -> None:
    assert isinstance(ask("http", step(MOVED), URL, status=200, within_ms=2000), Wait)


def test_another_address_says_nothing() -> None:
    signals = StepSignals(NOW, NOW, probes={"https://other.example.com/": probe()})
    assert isinstance(ask("http", step(MOVED, signals=signals), URL, status=200, within_ms=2000), Wait)


def test_it_says_what_came_and_what_was_wanted() -> None:
    signals = StepSignals(NOW, NOW, probes={URL: probe(503, 12, failures=1)})
    assert ask("http", step(MOVED, signals=signals), URL, status=200, within_ms=2000) == Wait(
        "503 after 12 ms, 200 within 2000 ms wanted", None, {"status": 503, "milliseconds": 12, "failures": 1}
    )
