"""The truth table of the latency gate."""

from __future__ import annotations

import pytest

from reconciler.release.gates import GateFacts
from reconciler.release.verdict import Fail, Pass, Wait
from tests.unit.release.step_facts import ask
from tests.unit.release.step_facts_traffic import NOBODY, UNKNOWN, seen, with_traffic


def took(*counts: int, observed: int = 100) -> GateFacts:
    """How many of a hundred requests took at most 100, 250 and 500 ms."""
    buckets = tuple(zip((100, 250, 500), counts, strict=True))
    return with_traffic(seen(requests=observed, observed=observed, buckets=buckets))


@pytest.mark.parametrize(
    ("facts", "limit", "verdict"),
    [
        *(pytest.param(facts, 500, Wait, id=name) for name, facts in UNKNOWN.items()),
        pytest.param(NOBODY, 500, Pass, id="nobody was planned"),
        pytest.param(took(99, 99, 99, observed=99), 500, Wait, id="one request too few"),
        pytest.param(took(99, 100, 100), 100, Pass, id="within the first bound"),
        pytest.param(took(98, 99, 100), 250, Pass, id="within the limit"),
        pytest.param(took(98, 98, 99), 250, Fail, id="above the limit"),
        pytest.param(took(98, 98, 99), 300, Wait, id="between two bounds, one below and one above the limit"),
        pytest.param(took(98, 99, 99), 300, Pass, id="within a lower bound than the limit"),
        pytest.param(took(98, 98, 98), 500, Fail, id="above the last bound"),
        pytest.param(took(98, 98, 98), 501, Wait, id="above the last bound, which is below the limit"),
    ],
)
def test_latency(facts: GateFacts, limit: int, verdict: type) -> None:
    assert type(ask("latency", facts, percentile=99, max_ms=limit, samples=100)) is verdict


def test_requests_whose_latency_nobody_knows_are_no_samples() -> None:
    facts = with_traffic(seen(requests=5000, observed=50, buckets=((100, 50),)))
    assert isinstance(ask("latency", facts, percentile=50, max_ms=100, samples=100), Wait)


def test_it_says_which_bounds() -> None:
    assert ask("latency", took(98, 98, 99), percentile=99, max_ms=300, samples=100) == Wait(
        "between 250 and 500 ms of 100 requests; 300 ms may: the histogram cannot tell; choose one of its bounds "
        "as the limit",
        None,
        {"requests": 100, "over-ms": 250, "within-ms": 500},
    )
