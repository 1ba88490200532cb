"""Which nodes drift, and in which groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.fleet.drift import EXAMPLES, MOST_GROUPS, SEVERAL, Group, Wanted, drifts, groups
from reconciler.fleet.observations import Observation

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


def node(name: str = "n", running: str = OLD, **changes: object) -> Observation:
    found = Observation(name, name, ago(9999), reported_at=ago(5), running=running)
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("observed", "wanted", "expected"),
    [
        pytest.param(node(), Wanted(NEW, ago(61)), True, id="for longer than the grace"),
        pytest.param(node(), Wanted(NEW, ago(60)), False, id="within the grace"),
        pytest.param(node(running=NEW), Wanted(NEW, ago(61)), False, id="runs what is wanted"),
        pytest.param(node(running=""), Wanted(NEW, ago(61)), True, id="runs nothing"),
        pytest.param(node(), Wanted("", ago(61)), False, id="nothing is wanted"),
        pytest.param(node(registered_at=ago(60)), Wanted(NEW, ago(9999)), False, id="registered lately"),
    ],
)
def test_whether_a_node_drifts(observed: Observation, wanted: Wanted, expected: bool) -> None:
    assert drifts(observed, wanted, now=NOW, grace_seconds=60) is expected


def found(*pairs: tuple[Observation, Wanted]) -> tuple[Group, ...]:
    return groups(pairs, now=NOW, grace_seconds=60, stale_after_seconds=30)


LONG = Wanted(NEW, ago(9999))


def test_many_nodes_are_one_group_with_a_few_examples() -> None:
    (group,) = found(*((node(f"n{number}"), LONG) for number in range(9)), (node("good", NEW), LONG))
    assert (group.desired, group.running, group.nodes) == (NEW, OLD, 9)
    assert group.examples == tuple(f"n{number}" for number in range(EXAMPLES))


def test_a_node_that_refused_says_so() -> None:
    refused = node(refused=NEW, refused_because="E-NOD-017 it does not start")
    (group,) = found((refused, LONG))
    assert group.examples == ("n: refused it, E-NOD-017 it does not start",)


def test_of_silent_nodes_nobody_knows_what_they_run() -> None:
    assert found((node(reported_at=ago(31)), LONG), (node(reported_at=None), LONG)) == ()


def test_the_largest_group_comes_first_and_the_rest_is_one() -> None:
    many = [(node(f"a{number}"), LONG) for number in range(3)]
    single = [(node(f"b{number}", f"sha256:{number:064x}"), LONG) for number in range(100, 130)]
    result = found(*single, *many)
    assert len(result) == MOST_GROUPS + 1
    assert (result[0].running, result[0].nodes) == (OLD, 3)
    assert (result[-1].running, result[-1].nodes) == (SEVERAL, 30 - MOST_GROUPS + 1)
    assert sum(group.nodes for group in result) == 33
