"""The truth table of the error-rate gate."""

from __future__ import annotations

import pytest

from reconciler.release.gates import GateFacts
from reconciler.release.verdict import Fail, Pass, Wait
from tests.unit.release.step_facts import ask
from tests.unit.release.step_facts_traffic import NOBODY, UNKNOWN, seen, with_traffic


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        *(pytest.param(facts, Wait, id=name) for name, facts in UNKNOWN.items()),
        pytest.param(NOBODY, Pass, id="nobody was planned"),
        pytest.param(with_traffic(seen(requests=99)), Wait, id="one request too few"),
        pytest.param(with_traffic(seen(requests=99, failed=99)), Wait, id="too few, however bad"),
        pytest.param(with_traffic(seen(requests=100)), Pass, id="none failed"),
        pytest.param(with_traffic(seen(requests=100, failed=1)), Pass, id="just as many as may"),
        pytest.param(with_traffic(seen(requests=1000, failed=11)), Fail, id="one more than may"),
        pytest.param(with_traffic(seen(requests=100, failed=100)), Fail, id="all failed"),
        pytest.param(
            with_traffic(seen(reporting=3, requests=100)), Pass, id="one does not report, as may be"
        ),
    ],
)
def test_error_rate(facts: GateFacts, verdict: type) -> None:
    assert type(ask("error-rate", facts, max_ppm=10_000, samples=100)) is verdict


def test_a_gate_that_nobody_reports_to_says_what_to_do() -> None:
    because = ask("error-rate", UNKNOWN["nobody reports"], max_ppm=10_000, samples=100).because
    assert because.startswith(
        "none of the 4 moved nodes reports what its proxy measures; each node's agent has to"
    )
    some = ask("error-rate", UNKNOWN["too few report"], max_ppm=10_000, samples=100).because
    assert some.startswith("2 of 4 moved nodes do not report")


def test_its_evidence_is_kept() -> None:
    facts = with_traffic(seen(requests=20_000, failed=1))
    assert ask("error-rate", facts, max_ppm=10_000, samples=100) == Pass(
        "0.0050% of 20000 requests failed, 1.00% may", {"requests": 20_000, "failed": 1}
    )
