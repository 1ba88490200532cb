"""The gate `traffic`, one situation a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.fleet.batches import Batch
from reconciler.fleet.slots import Slots
from reconciler.release.gates.traffic import allowed
from reconciler.release.signals import Mark, Shares, StepSignals, marked
from reconciler.release.state import PlannedStep
from reconciler.release.swap import Swap
from reconciler.release.verdict import Pass, Verdict, Wait
from tests.unit.release.step_facts import NOW, ask, step

SWAP = Swap(Slots(), "green", "edge", 5, 100)
MINUTE = timedelta(minutes=1)


def said(
    weights: tuple[int, int],
    seen: tuple[int, int] | None,
    nodes: tuple[int, int] = (2, 2),
    *,
    first: bool = False,
    looks: int = 2,
) -> Verdict:
    """What it says where nodes of blue and green have these weights and got so many requests."""
    signals = None
    if seen is not None:
        marks = (
            Mark(NOW - MINUTE, {"blue": 7, "green": 7}),
            Mark(NOW, {"blue": seen[0] + 7, "green": seen[1] + 7}),
        )
        signals = StepSignals(NOW, NOW, shares=Shares({"blue": nodes[0], "green": nodes[1]}, marks[:looks]))
    planned = PlannedStep(3, 0, {"": ""}, weights={"blue": weights[0], "green": weights[1]})
    return ask("traffic", step(Batch(), step=planned, swap=SWAP, signals=signals, first=first))


@pytest.mark.parametrize(
    ("weights", "seen", "nodes", "passes"),
    [
        pytest.param((90, 10), (900, 100), (2, 2), True, id="exactly"),
        pytest.param((90, 10), (860, 140), (2, 2), True, id="within five points"),
        pytest.param((90, 10), (840, 160), (2, 2), False, id="beyond them"),
        pytest.param((90, 10), (1000, 0), (2, 2), False, id="none at all is not within five points of ten"),
        pytest.param((97, 3), (1000, 0), (2, 2), False, id="nor of three"),
        pytest.param((97, 3), (985, 15), (2, 2), True, id="half of what is meant is"),
        pytest.param((50, 50), (334, 666), (2, 4), True, id="more nodes with the same weight get more"),
        pytest.param((50, 50), (500, 500), (2, 4), False, id="and not as many as fewer"),
        pytest.param((100, 0), (995, 5), (2, 2), True, id="checks of the balancer"),
        pytest.param((100, 0), (980, 20), (2, 2), False, id="more than those"),
        pytest.param((0, 100), (5, 995), (2, 2), True, id="the same the other way round"),
        pytest.param((0, 100), (20, 980), (2, 2), False, id="and not"),
        pytest.param((90, 10), (89, 10), (2, 2), False, id="one request too few"),
        pytest.param((0, 100), (0, 500), (2, 0), False, id="nobody is heard of who is meant to get them"),
        pytest.param((50, 50), (0, 500), (0, 2), True, id="the other slot is not heard of"),
    ],
)
def test_a_share(
    weights: tuple[int, int], seen: tuple[int, int], nodes: tuple[int, int], passes: bool
) -> None:
    assert isinstance(said(weights, seen, nodes), Pass if passes else Wait)


def test_what_is_not_known_waits_and_before_the_first_release_there_is_nothing_to_know() -> None:
    assert isinstance(said((90, 10), None), Wait)
    assert isinstance(said((90, 10), (900, 100), looks=1), Wait)
    assert isinstance(said((90, 10), None, first=True), Pass)


def test_the_reason_names_the_balancer_and_the_evidence_the_shares() -> None:
    found = said((90, 10), (1000, 0))
    assert (
        found.because == "green gets 0% of 1000 requests, 10% is meant: the balancer 'edge' does not follow"
    )
    assert found.evidence == {"requests": 1000, "meant-permille": 100, "seen-permille": 0}


@pytest.mark.parametrize(("wanted", "most"), [(0, 10), (1000, 10), (1, 1), (60, 30), (500, 50), (940, 30)])
def test_how_far_a_share_may_be_off(wanted: int, most: int) -> None:
    assert allowed(wanted, 5) == most


def test_marks_older_than_the_window_are_forgotten_but_for_the_newest_of_them() -> None:
    ages = (180, 120, 61, 30)
    marks = tuple(Mark(NOW - timedelta(seconds=age), {"blue": 0, "green": 0}) for age in ages)
    now = Mark(NOW, {"blue": 1, "green": 1})
    kept = marked(marks, now, MINUTE)
    assert [(NOW - mark.at).total_seconds() for mark in kept] == [61, 30, 0]


def test_a_count_that_fell_counts_for_nothing() -> None:
    marks = (Mark(NOW - MINUTE, {"blue": 50, "green": 5}), Mark(NOW, {"blue": 10, "green": 9}))
    assert Shares({"blue": 1, "green": 1}, marks).requests == {"blue": 0, "green": 4}


def test_a_plan_without_slots_is_not_asked() -> None:
    with pytest.raises(RuntimeError, match="shifts no traffic"):
        ask("traffic", replace(step(Batch()), swap=None))
