"""Which count a node belongs to, and which cohort."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.fleet.batches import Batch, StepWindow, count_batches, merge
from reconciler.fleet.cohorts import OpenRollout, cohort_of, open_rollout
from reconciler.fleet.drift import drifts
from reconciler.fleet.observations import Observation
from reconciler.fleet.ranks import LAST_REACH, rank
from reconciler.fleet.staleness import presence

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
NEW, OLD = "sha256:" + "b" * 64, "sha256:" + "a" * 64


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


WELL = Observation(
    "n-1", "one", ago(9999), reported_at=ago(1), running=NEW, running_since=ago(15), health="healthy",
    health_since=ago(999),
)  # fmt: skip


def count(node: Observation) -> Batch:
    (batch,) = count_batches(
        "r-0001", NEW, ago(20), [StepWindow(LAST_REACH, ago(20), 7)], [node],
        now=NOW, stale_after_seconds=10, min_healthy_seconds=10,
    )  # fmt: skip
    return batch


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        pytest.param({}, "settled", id="healthy for long enough"),
        pytest.param({"running_since": ago(3)}, "settling", id="moved a moment ago"),
        pytest.param({"health_since": ago(3)}, "settling", id="healthy since a moment ago"),
        pytest.param({"health": "unhealthy"}, "unhealthy", id="unhealthy"),
        pytest.param({"health": "unknown"}, "unsure", id="does not say"),
        pytest.param({"running": OLD}, "pending", id="runs the old one"),
        pytest.param({"running": OLD, "health": "unhealthy"}, "pending", id="unhealthy with the old one"),
        pytest.param({"running": ""}, "pending", id="runs nothing"),
        pytest.param({"reported_at": ago(11)}, "silent", id="fell silent during the step"),
        pytest.param({"reported_at": ago(25)}, "silent", id="not heard of since the step began"),
        pytest.param({"reported_at": ago(31)}, "absent", id="silent before the step"),
        pytest.param({"reported_at": None}, "absent", id="never heard of"),
        pytest.param({"reported_at": None, "registered_at": ago(25)}, "silent", id="has just registered"),
        pytest.param({"refused": NEW, "refused_sequence": 7}, "refused", id="refused it"),
        pytest.param({"refused": NEW, "refused_sequence": 6}, "settled", id="refused it before the step"),
        pytest.param({"refused": OLD, "refused_sequence": 9}, "settled", id="refused another"),
    ],
)
def test_a_node_is_in_exactly_one_count(changes: dict[str, object], state: str) -> None:
    batch = count(replace(WELL, **changes))
    states = ("absent", "silent", "refused", "pending", "unhealthy", "unsure", "settling", "settled")
    assert {name: getattr(batch, name) for name in states} == {name: int(name == state) for name in states}
    assert batch.total == 1


def test_a_node_that_registers_later_is_in_no_batch() -> None:
    assert count(replace(WELL, registered_at=ago(5))) == Batch()


def test_settling_says_when_it_ends() -> None:
    assert count(replace(WELL, running_since=ago(3))).settles_at == NOW + timedelta(seconds=7)


def test_nodes_fall_into_the_step_of_their_rank() -> None:
    nodes = [replace(WELL, id=f"n-{number}") for number in range(9)]
    ranks = sorted(rank("r-0001", node.id) for node in nodes)
    steps = [StepWindow(ranks[3], ago(20), 7), StepWindow(LAST_REACH, None, 0)]
    first, second = count_batches(
        "r-0001", NEW, ago(20), steps, nodes, now=NOW, stale_after_seconds=10, min_healthy_seconds=10
    )
    assert (first.total, first.settled) == (4, 4)
    assert (second.total, second.settled) == (5, 0)
    assert merge((first, second)).total == 9


def test_cohorts() -> None:
    rollout = OpenRollout("r-0001", ago(10), rank("r-0001", "n-1"))
    assert cohort_of("n-1", ago(10), rollout) == "next"
    assert cohort_of("n-1", ago(9), rollout) == "base"
    assert cohort_of("n-1", ago(10), None) == "base"
    assert cohort_of("n-1", ago(10), replace(rollout, reach="")) == "base"


def test_an_open_rollout_reaches_as_far_as_its_begun_steps() -> None:
    view = {
        "steps": [
            {"reach": "4" * 16, "state": "done"},
            {"reach": "8" * 16, "state": "active"},
            {"reach": "f" * 16, "state": "waiting"},
        ]
    }
    assert open_rollout("r-0001", "open", NOW, view) == OpenRollout("r-0001", NOW, "8" * 16)
    assert open_rollout("r-0001", "paused", NOW, view) is not None
    assert open_rollout("r-0001", "completed", NOW, view) is None


@pytest.mark.parametrize(
    ("quiet", "expected"), [(None, "unknown"), (1, "online"), (6, "late"), (10, "late"), (11, "silent")]
)
def test_presence(quiet: int | None, expected: str) -> None:
    reported = None if quiet is None else ago(quiet)
    assert presence(reported, now=NOW, stale_after_seconds=10) == expected


def test_drift_has_a_grace() -> None:
    assert drifts(WELL, OLD, desired_since=ago(61), now=NOW, grace_seconds=60)
    assert not drifts(WELL, OLD, desired_since=ago(60), now=NOW, grace_seconds=60)
    assert not drifts(WELL, NEW, desired_since=ago(61), now=NOW, grace_seconds=60)
    assert not drifts(WELL, "", desired_since=ago(61), now=NOW, grace_seconds=60)
