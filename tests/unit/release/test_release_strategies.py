"""Truth tables of the strategies, and the plans made from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.ranks import LAST_REACH, rank
from reconciler.release.ledger import read_plan
from reconciler.release.planning import make_plan, next_name, too_large
from reconciler.release.render import render_plan
from reconciler.release.state import Ledger
from reconciler.release.strategies import STRATEGIES, table


def policy(strategy: str) -> EnvironmentPolicy:
    """Without a size; a canary has its defaults."""
    found = EnvironmentPolicy("prod", (), "1.0", strategy, None, None, 0, "manual", "pause", 10, 60, 30)
    return replace(found, canary_shares=(5, 25, 50), bake_seconds=600) if strategy == "canary" else found


def ranks(*sizes: int) -> dict[str, tuple[str, ...]]:
    """So many nodes in each of the domains a, b, c …; a single number: without domains."""
    names = [""] if len(sizes) == 1 else [chr(97 + number) for number in range(len(sizes))]
    return {
        name: tuple(sorted(rank("r-0001", f"{name}{number}") for number in range(size)))
        for name, size in zip(names, sizes, strict=True)
    }


@pytest.mark.parametrize(
    ("strategy", "changes", "nodes", "sizes"),
    [
        pytest.param("all-at-once", {}, 1, [1], id="one node at once"),
        pytest.param("all-at-once", {}, 7, [7], id="seven nodes at once"),
        pytest.param("rolling", {"batch_size": 3}, 7, [3, 3, 1], id="the last batch takes the rest"),
        pytest.param("rolling", {"batch_size": 3}, 6, [3, 3], id="no empty batch"),
        pytest.param("rolling", {"batch_size": 10}, 4, [4], id="a size above the fleet"),
        pytest.param("rolling", {"batch_percent": 25}, 10, [2, 2, 2, 2, 2], id="a share is rounded down"),
        pytest.param("rolling", {"batch_percent": 1}, 3, [1, 1, 1], id="but to one node at least"),
        pytest.param("rolling", {"batch_percent": 100}, 5, [5], id="all of them"),
        pytest.param("canary", {}, 100, [5, 20, 25, 50], id="growing shares, then all others"),
        pytest.param("canary", {}, 10, [1, 1, 3, 5], id="the first share is one node at least"),
        pytest.param("canary", {}, 3, [1, 2], id="a share that adds nobody is left out"),
        pytest.param("canary", {}, 2, [1, 1], id="one goes first, one is there to compare"),
        pytest.param("canary", {}, 1, [1], id="a single node has nobody to compare with"),
        pytest.param("canary", {"canary_shares": (99,)}, 5, [4, 1], id="a share that leaves somebody"),
    ],
)
def test_steps(strategy: str, changes: dict[str, Any], nodes: int, sizes: list[int]) -> None:
    found = STRATEGIES[strategy].steps(ranks(nodes), replace(policy(strategy), **changes))
    assert [step.nodes for step in found] == sizes
    assert [step.number for step in found] == list(range(1, len(sizes) + 1))


def test_all_shares_of_a_canary_bake_and_the_rest_does_not() -> None:
    found = STRATEGIES["canary"].steps(ranks(100), policy("canary"))
    assert [step.lasts for step in found] == [600, 600, 600, 0]


@pytest.mark.parametrize(
    ("sizes", "changes", "moved"),
    [
        pytest.param((4, 4), {"batch_size": 4}, [{"a": 2, "b": 2}] * 2, id="evenly"),
        pytest.param((8, 2), {"batch_size": 5}, [{"a": 4, "b": 1}] * 2, id="in proportion"),
        pytest.param((4, 4), {"batch_size": 8}, [{"a": 2, "b": 2}] * 2, id="divided where there is no room"),
        pytest.param((1, 1, 1), {"batch_size": 3}, [{"a": 1, "b": 1, "c": 1}], id="one node at least"),
        pytest.param((3, 3), {"batch_size": 2}, [{"a": 1, "b": 1}] * 3, id="a share is rounded down"),
        pytest.param(
            (5, 0, 1), {"batch_size": 9}, [{"a": 2, "c": 1}, {"a": 2}, {"a": 1}], id="a domain without nodes"
        ),
    ],
)
def test_no_batch_takes_more_than_half_of_a_domain(
    sizes: tuple[int, ...], changes: dict[str, Any], moved: list[dict[str, int]]
) -> None:
    fleet = {name: found for name, found in ranks(*sizes).items() if found}
    changed = replace(policy("rolling"), spread_label="zone", spread_percent=50, **changes)
    plan = make_plan("r-0001", "sha256:" + "a" * 64, changed, fleet)
    done = dict.fromkeys(fleet, 0)
    found = []
    for step in plan.steps:
        reached = {d: sum(1 for one in fleet[d] if one <= step.reaches[d]) for d in fleet}
        found.append({d: reached[d] - done[d] for d in fleet if reached[d] > done[d]})
        done = reached
    assert found == moved
    assert [step.nodes for step in plan.steps] == [sum(batch.values()) for batch in moved]
    assert plan.rules.spread == "zone"


def test_nodes_of_unknown_domains_are_moved_last() -> None:
    changed = replace(policy("rolling"), batch_size=1, spread_label="zone")
    plan = make_plan("r-0001", "sha256:" + "a" * 64, changed, ranks(2, 1))
    assert [step.reaches[""] for step in plan.steps] == ["", "", LAST_REACH]


@pytest.mark.parametrize(
    ("nodes", "size", "fits"), [(200, 1, True), (201, 1, False), (402, 2, False), (10_000, 50, True)]
)
def test_a_plan_that_cannot_be_kept(nodes: int, size: int, fits: bool) -> None:
    plan = make_plan(
        "r-0001", "sha256:" + "a" * 64, replace(policy("rolling"), batch_size=size), ranks(nodes)
    )
    assert (too_large(plan) is None) is fits
    if fits:
        assert read_plan(render_plan(plan), "plan.kdl") == plan


def test_a_plan_over_very_many_domains_cannot_be_kept() -> None:
    changed = replace(policy("rolling"), batch_percent=50, spread_label="host")
    plan = make_plan("r-0001", "sha256:" + "a" * 64, changed, ranks(*[1] * 1200))
    assert too_large(plan) is not None


def test_a_strategy_is_in_the_table_once() -> None:
    with pytest.raises(ValueError, match="two strategies"):
        table((STRATEGIES["rolling"], STRATEGIES["rolling"]))


def test_the_reaches_of_a_plan_split_the_fleet_as_the_sizes_say() -> None:
    fleet = ranks(7)
    plan = make_plan("r-0001", "sha256:" + "a" * 64, replace(policy("rolling"), batch_size=3), fleet)
    reaches = [step.reaches[""] for step in plan.steps]
    assert [sum(1 for one in fleet[""] if one <= reach) for reach in reaches] == [3, 6, 7]
    assert reaches[-1] == LAST_REACH


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_plan_without_nodes_has_one_empty_step(strategy: str) -> None:
    plan = make_plan("r-0001", "sha256:" + "a" * 64, policy(strategy), {})
    assert [(step.nodes, step.reaches) for step in plan.steps] == [(0, {"": LAST_REACH})]


def test_rollouts_are_numbered() -> None:
    assert next_name(None) == "r-0001"
    assert next_name(Ledger()) == "r-0001"
