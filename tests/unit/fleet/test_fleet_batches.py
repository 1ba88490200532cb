"""Which count a node belongs to, and which cohort."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.fleet.batches import (
    Batch,
    StepWindow,
    count_batches,
    eligible_ranks,
    left_out,
    merge,
    outdated,
)
from reconciler.fleet.cohorts import Assignment, OpenRollout, PinnedNodes, Target, cohort_of
from reconciler.fleet.observations import Observation
from reconciler.fleet.ranks import LAST_REACH, NO_REACH, rank
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.staleness import presence
from reconciler.fleet.versions import Versions

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
NEW, OLD = "sha256:" + "b" * 64, "sha256:" + "a" * 64


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


WELL = Observation(
    "n-1", "one", ago(9999), reported_at=ago(1), running=NEW, running_since=ago(15), health="healthy",
    health_since=ago(999),
)  # fmt: skip


def moving(spread: str = "", only: str = "") -> Assignment:
    """A rollout that opened 20 seconds ago."""
    target = Target(ago(20), read_selector(only) if only else None)
    return Assignment(OpenRollout("r-0001", target, spread=spread))


def count(node: Observation) -> Batch:
    (batch,) = count_batches(
        moving(), NEW, [StepWindow({"": LAST_REACH}, ago(20), 7)], [node],
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


@pytest.mark.parametrize(
    ("changes", "lapsed", "alone"),
    [
        pytest.param({}, None, False, id="nothing lapses"),
        pytest.param({"reported_at": ago(11)}, ago(11), True, id="silent since its last word"),
        pytest.param({"reported_at": ago(25)}, ago(20), True, id="silent since the step began"),
        pytest.param({"running_since": ago(3)}, ago(3), True, id="started again"),
        pytest.param({"running": OLD}, None, False, id="runs something else"),
    ],
)
def test_when_a_node_lapsed(changes: dict[str, object], lapsed: datetime | None, alone: bool) -> None:
    batch = count(replace(WELL, **changes))
    assert (batch.lapsed_at, batch.lapses) == (lapsed, alone)
    both = merge((batch, count(replace(WELL, running=OLD))))
    assert (both.lapsed_at, both.lapses) == (lapsed, False)


def test_a_node_that_registers_later_is_in_no_batch() -> None:
    assert count(replace(WELL, registered_at=ago(5))) == Batch()


def test_settling_says_when_it_ends() -> None:
    assert count(replace(WELL, running_since=ago(3))).settles_at == NOW + timedelta(seconds=7)


def test_nodes_fall_into_the_step_of_their_rank() -> None:
    nodes = [replace(WELL, id=f"n-{number}") for number in range(9)]
    ranks = sorted(rank("r-0001", node.id) for node in nodes)
    steps = [StepWindow({"": ranks[3]}, ago(20), 7), StepWindow({"": LAST_REACH}, None, 0)]
    first, second = count_batches(
        moving(), NEW, steps, nodes, now=NOW, stale_after_seconds=10, min_healthy_seconds=10
    )
    assert (first.total, first.settled) == (4, 4)
    assert (second.total, second.settled) == (5, 0)
    assert merge((first, second)).total == 9


def test_nodes_fall_into_the_step_of_their_rank_within_their_domain() -> None:
    nodes = [replace(WELL, id=f"n-{n}", labels={"zone": "ab"[n % 2]} if n < 8 else {}) for n in range(9)]
    reach = sorted(rank("r-0001", node.id) for node in nodes if node.labels.get("zone") == "a")[1]
    steps = [
        StepWindow({"": NO_REACH, "a": reach, "b": NO_REACH}, ago(20), 7),
        StepWindow({"": NO_REACH, "a": reach, "b": LAST_REACH}, ago(20), 7),
        StepWindow(dict.fromkeys(("", "a", "b"), LAST_REACH), None, 0),
    ]
    found = count_batches(
        moving("zone"), NEW, steps, nodes, now=NOW, stale_after_seconds=10, min_healthy_seconds=1
    )  # fmt: skip
    assert [batch.total for batch in found] == [2, 4, 3]


def test_cohorts() -> None:
    rollout = OpenRollout("r-0001", Target(ago(10)), {"": rank("r-0001", "n-1")})
    assert cohort_of("n-1", {}, ago(11), Assignment(rollout)) == "next"
    assert cohort_of("n-1", {}, ago(10), Assignment(rollout)) == "base"
    assert cohort_of("n-1", {}, ago(9), Assignment(rollout)) == "base"
    assert cohort_of("n-1", {}, ago(11), Assignment()) == "base"
    assert cohort_of("n-1", {}, ago(11), Assignment(OpenRollout("r-0001", Target(ago(10))))) == "base"


@pytest.mark.parametrize(
    ("labels", "cohort"),
    [
        pytest.param({"zone": "a"}, "next", id="in a domain that is reached"),
        pytest.param({"zone": "b"}, "base", id="in one that is not"),
        pytest.param({}, "base", id="in none"),
        pytest.param({"zone": "c"}, "base", id="in one that nobody knew of"),
        pytest.param({"region": "a"}, "base", id="the same value of another label"),
    ],
)
def test_cohorts_by_domain(labels: dict[str, str], cohort: str) -> None:
    reaches = {"": NO_REACH, "a": rank("r-0001", "n-1"), "b": NO_REACH}
    assignment = Assignment(OpenRollout("r-0001", Target(ago(10)), reaches, "zone"))
    assert cohort_of("n-1", labels, ago(11), assignment) == cohort
    assert Assignment.from_json(json.loads(json.dumps(assignment.to_json()))) == assignment


@pytest.mark.parametrize(
    ("labels", "registered", "moved", "counted"),
    [
        pytest.param({"zone": "a"}, 30, True, False, id="moved by the rollout that was widened"),
        pytest.param({"zone": "a"}, 15, True, True, id="of its target, but registered after it"),
        pytest.param({"zone": "b"}, 30, True, True, id="of the target"),
        pytest.param({"zone": "c"}, 30, False, False, id="not of the target"),
        pytest.param({"zone": "d"}, 30, True, False, id="moved before, and not of the target any more"),
        pytest.param(
            {"zone": "d"}, 15, False, False, id="of the former target alone, but registered after it"
        ),
        pytest.param({"zone": "b"}, 5, False, False, id="registered too late"),
    ],
)
def test_targets(labels: dict[str, str], registered: float, moved: bool, counted: bool) -> None:
    rollout = OpenRollout(
        "r-0002",
        Target(ago(10), read_selector("zone in (a, b)")),
        {"": LAST_REACH},
        already=(OpenRollout("r-0001", Target(ago(20), read_selector("zone in (a, d)")), {"": LAST_REACH}),),
    )
    assert cohort_of("n-1", labels, ago(registered), Assignment(rollout)) == ("next" if moved else "base")
    node = replace(WELL, labels=labels, registered_at=ago(registered))
    assert bool(eligible_ranks(Assignment(rollout), [node])) is counted
    steps = [StepWindow({"": LAST_REACH}, ago(10), 7)]
    (batch,) = count_batches(
        Assignment(rollout), NEW, steps, [node], now=NOW, stale_after_seconds=10, min_healthy_seconds=1
    )
    assert batch.total == int(counted)
    assert left_out(Assignment(rollout), [node]) == int(not moved)
    assert Assignment.from_json(json.loads(json.dumps(Assignment(rollout).to_json()))) == Assignment(rollout)


def test_what_was_moved_already_is_moved_before_the_first_step() -> None:
    former = OpenRollout("r-0001", Target(ago(20), read_selector("zone=a")), {"": LAST_REACH})
    rollout = OpenRollout("r-0002", Target(ago(10)), already=(former,))
    cohorts = [cohort_of("n-1", {"zone": zone}, ago(30), Assignment(rollout)) for zone in "ab"]
    assert cohorts == ["next", "base"]


def test_of_a_rollout_that_was_taken_over_from_only_what_it_had_reached_is_moved() -> None:
    apart = (PinnedNodes("p", NEW, None, ("n-9",)),)
    former = OpenRollout("r-0001", Target(ago(20)), {"": "7" + "f" * 15}, apart=apart)
    rollout = OpenRollout("r-0002", Target(ago(10), read_selector("zone=b")), already=(former,))
    nodes = [f"n-{number}" for number in range(40)]
    moved = {node for node in nodes if cohort_of(node, {}, ago(30), Assignment(rollout)) == "next"}
    assert moved == {node for node in nodes if rank("r-0001", node) < "8"} - {"n-9"}
    assert 10 < len(moved) < 30


def test_without_a_rollout_nobody_is_moved_or_left_out() -> None:
    steps = [StepWindow({"": LAST_REACH}, ago(10), 7)]
    nothing = Assignment()
    assert eligible_ranks(nothing, [WELL]) == {}
    assert left_out(nothing, [WELL]) == 0
    assert count_batches(
        nothing, NEW, steps, [WELL], now=NOW, stale_after_seconds=10, min_healthy_seconds=1
    ) == ()  # fmt: skip


def test_nothing_written_is_the_default_assignment() -> None:
    assert Assignment.from_json({}) == Assignment.from_json(Assignment().to_json()) == Assignment()


@pytest.mark.parametrize(
    ("quiet", "expected"), [(None, "unknown"), (1, "online"), (6, "late"), (10, "late"), (11, "silent")]
)
def test_presence(quiet: int | None, expected: str) -> None:
    reported = None if quiet is None else ago(quiet)
    assert presence(reported, now=NOW, stale_after_seconds=10) == expected


@pytest.mark.parametrize(
    ("needs", "found", "cohort"),
    [
        pytest.param({"next": ("0.6.20", "")}, ("zentinel 0.6.20", ""), "next", id="new enough"),
        pytest.param({"next": ("0.6.20", "")}, ("zentinel 0.6.19", ""), "base", id="too old for the rollout"),
        pytest.param(
            {"next": ("0.6.20", ""), "base": ("0.6.19", "")},
            ("zentinel 0.6.18", ""),
            "outdated",
            id="too old for both",
        ),
        pytest.param(
            {"next": ("0.6.20", "1.0.0"), "base": ("0.6.20", "")},
            ("", ""),
            "next",
            id="its own check has the last word",
        ),
        pytest.param(
            {"base": ("0.6.20", "")}, ("zentinel 0.6.9", ""), "next", id="what it has left does not matter"
        ),
        pytest.param(
            {"pin-aaaaaaaaaaaa": ("0.6.20", "")}, ("zentinel 0.6.9", ""), "next", id="another cohort's needs"
        ),
        pytest.param(
            {"next": ("0.6.20", "0.2.0")},
            ("zentinel 0.6.20", "sentinel-node/0.1.9"),
            "base",
            id="an agent that is too old",
        ),
        pytest.param({"next": ("", "0.2.0")}, ("", "sentinel-node/0.2.0"), "next", id="an agent of that age"),
    ],
)
def test_a_node_is_not_told_to_run_what_it_is_too_old_for(
    needs: dict[str, tuple[str, str]], found: tuple[str, str], cohort: str
) -> None:
    rollout = replace(moving().rollout or pytest.fail("no rollout"), reaches={"": LAST_REACH})
    assignment = Assignment(rollout, needs={name: Versions(*one) for name, one in needs.items()})
    assignment = Assignment.from_json(assignment.to_json())
    versions = Versions(*found)
    node = replace(WELL, versions=versions)
    assert cohort_of("n-1", {}, WELL.registered_at, assignment, versions) == cohort
    assert assignment.moved("n-1", {}, WELL.registered_at, versions) is (cohort == "next")
    assert bool(eligible_ranks(assignment, [node])) is (cohort == "next")
    (batch,) = count_batches(
        assignment, NEW, [StepWindow({"": LAST_REACH}, ago(20), 7)], [node],
        now=NOW, stale_after_seconds=10, min_healthy_seconds=10,
    )  # fmt: skip
    assert (batch.total, batch.outdated) == ((1, 0) if cohort == "next" else (0, 1))
    assert merge([batch, batch]).outdated == 2 * batch.outdated


def test_a_pinned_node_whose_proxy_is_too_old_for_the_pin_keeps_what_it_runs() -> None:
    pin = PinnedNodes("leak", OLD, ids=("n-1",))
    assignment = Assignment(pins=(pin,), needs={pin.cohort: Versions("0.6.20")})
    assert cohort_of("n-1", {}, ago(9), assignment, Versions("zentinel 0.6.17")) == "outdated"


def test_those_that_are_left_out_by_version_are_counted_and_a_few_are_named() -> None:
    nodes = [
        replace(WELL, id=f"n-{n}", name=f"node-{n}", versions=Versions(f"zentinel 0.6.{n}"))
        for n in range(15, 21)
    ]
    late = replace(
        WELL, id="n-late", registered_at=NOW, versions=Versions("zentinel 0.6.1", "sentinel-node/0.1.0")
    )
    (found,) = outdated(moving(), NEW, Versions("0.6.20", "0.2.0"), [late, *nodes])
    assert (found.part, found.nodes, found.needs, found.digest) == ("proxy", 5, "0.6.20", NEW)
    assert found.examples == tuple(f"node-{n}: zentinel 0.6.{n}" for n in (15, 16, 17))
    told = outdated(Assignment(), NEW, Versions("0.6.20", "0.2.0"), [late])
    assert [(one.part, one.examples) for one in told] == [
        ("proxy", ("one: zentinel 0.6.1",)),
        ("agent", ("one: sentinel-node/0.1.0",)),
    ]
    assert outdated(moving(), NEW, Versions(), nodes) == ()
