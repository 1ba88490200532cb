"""The ladder: lamps that add up, and nothing good made of what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.db.models import Rollout
from tests.unit.pages.sample_project import NOW, counts, digest, step, verdict
from web.pages.ladder import MOST_LAMPS, ladder

COUNT = st.integers(min_value=0, max_value=80)


def rollout(*steps: dict[str, Any], **view: Any) -> Rollout:
    return Rollout(
        name="r-1",
        environment="dev",
        digest=digest(1),
        state="open",
        opened_at=NOW,
        view={"steps": list(steps), **view},
    )


def test_counts_become_lamps_in_a_fixed_order() -> None:
    found = ladder(rollout(step(1, 6, "active", counts=counts(6, 5, 3, unhealthy=1, refused=1))))
    assert found.steps[0].lamps == ("healthy", "healthy", "healthy", "running", "unhealthy", "refused")
    assert found.steps[0].sentence == (
        "Of 6 nodes 3 run it and are healthy, 1 run it, health not yet known, 1 run it and are unhealthy, 1 refused it."
    )
    assert found.current == 1


def test_a_step_that_has_not_begun_claims_nothing() -> None:
    [found] = ladder(rollout(step(2, 3, "waiting"))).steps
    assert (found.counted, found.lamps, found.sentence) == (False, ("pending",) * 3, "3 nodes")


@given(total=COUNT, running=COUNT, healthy=COUNT, unhealthy=COUNT, refused=COUNT, silent=COUNT)
def test_lamps_always_add_up_and_bad_news_is_never_hidden(
    total: int, running: int, healthy: int, unhealthy: int, refused: int, silent: int
) -> None:
    stored = counts(total, running, healthy, unhealthy, refused, silent)
    [found] = ladder(rollout(step(1, total, "active", counts=stored))).steps
    shares = {segment.key: segment.count for segment in found.segments}
    assert sum(shares.values()) == found.total == total
    assert min(shares.values()) >= 0
    assert shares["silent"] == min(silent, total)
    assert shares["healthy"] <= healthy


def test_many_nodes_are_a_bar() -> None:
    [few] = ladder(rollout(step(1, MOST_LAMPS, "waiting"))).steps
    [many] = ladder(rollout(step(1, MOST_LAMPS + 1, "waiting"))).steps
    assert few.lamps is not None
    assert many.lamps is None


def test_verdicts_keep_what_they_were_made_from() -> None:
    measured = {
        **verdict("pass", "0.10% of 1000 failed", gate="error-rate"),
        "evidence": {"requests": 1000, "failed": 1},
    }
    [found] = ladder(rollout(step(1, 1, "done", verdicts=[measured]))).steps
    assert found.verdicts[0].evidence == (("failed", 1), ("requests", 1000))


def test_verdicts_keep_their_words() -> None:
    [found] = ladder(
        rollout(step(1, 1, "failed", verdicts=[verdict("fail", "p99 900 ms > 500 ms", gate="latency")]))
    ).steps
    assert [(v.gate, v.state.key, v.because) for v in found.verdicts] == [
        ("latency", "fail", "p99 900 ms > 500 ms")
    ]


@pytest.mark.parametrize(
    "view", [{}, {"steps": None}, {"steps": [{}]}, {"deadline": "soon", "max_unavailable": "1"}]
)
def test_a_view_with_holes_is_shown_as_unknown(view: dict[str, Any]) -> None:
    row = Rollout(name="r-1", environment="dev", digest=digest(1), state="odd", opened_at=NOW, view=view)
    found = ladder(row)
    assert found.state.key == "unknown"
    assert found.deadline is None
    assert found.max_unavailable is None
    assert all(one.state.key == "unknown" for one in found.steps)


def test_a_step_of_a_blue_green_release_says_its_weights() -> None:
    [shifted, other] = ladder(
        rollout({**step(1, 0, "active"), "weights": {"green": 10, "blue": 90}}, step(2, 1, "waiting"))
    ).steps
    assert (shifted.weights, other.weights) == ("blue at 90, green at 10", "")
