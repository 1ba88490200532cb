"""Truth tables of the strategies, and the plans made from them."""

from __future__ import annotations

import pytest

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.ranks import LAST_REACH, rank
from reconciler.release.planning import make_plan, next_name
from reconciler.release.state import Ledger
from reconciler.release.strategies import STRATEGIES, table


def policy(strategy: str, size: int | None = None, percent: int | None = None) -> EnvironmentPolicy:
    return EnvironmentPolicy("prod", (), "1.0", strategy, percent, size, 0, "manual", "pause", 10, 60, 30)


@pytest.mark.parametrize(
    ("strategy", "size", "percent", "nodes", "sizes"),
    [
        pytest.param("all-at-once", None, None, 1, (1,), id="one node at once"),
        pytest.param("all-at-once", None, None, 7, (7,), id="seven nodes at once"),
        pytest.param("rolling", 3, None, 7, (3, 3, 1), id="the last batch takes the rest"),
        pytest.param("rolling", 3, None, 6, (3, 3), id="no empty batch"),
        pytest.param("rolling", 10, None, 4, (4,), id="a size above the fleet"),
        pytest.param("rolling", None, 25, 10, (2, 2, 2, 2, 2), id="a share is rounded down"),
        pytest.param("rolling", None, 1, 3, (1, 1, 1), id="but to one node at least"),
        pytest.param("rolling", None, 100, 5, (5,), id="all of them"),
    ],
)
def test_sizes(
    strategy: str, size: int | None, percent: int | None, nodes: int, sizes: tuple[int, ...]
) -> None:
    assert STRATEGIES[strategy].sizes(nodes, policy(strategy, size, percent)) == sizes


def test_a_strategy_is_in_the_table_once() -> None:
    with pytest.raises(ValueError, match="two strategies"):
        table((STRATEGIES["rolling"], STRATEGIES["rolling"]))


def test_the_reaches_of_a_plan_split_the_fleet_as_the_sizes_say() -> None:
    ranks = tuple(sorted(rank("r-0001", f"n-{number}") for number in range(7)))
    plan = make_plan("r-0001", "sha256:" + "a" * 64, policy("rolling", size=3), ranks)
    reaches = [step.reach for step in plan.steps]
    assert [sum(1 for one in ranks if one <= reach) for reach in reaches] == [3, 6, 7]
    assert reaches[-1] == LAST_REACH


def test_a_plan_without_nodes_has_one_empty_step() -> None:
    plan = make_plan("r-0001", "sha256:" + "a" * 64, policy("rolling", size=3), ())
    assert [(step.nodes, step.reach) for step in plan.steps] == [(0, LAST_REACH)]


def test_rollouts_are_numbered() -> None:
    assert next_name(None) == "r-0001"
    assert next_name(Ledger()) == "r-0001"
