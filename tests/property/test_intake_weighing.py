"""What no delivery told of, found from the deliveries that came, in whatever order they came."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.flows.intake.guessing import Circumstances, guess
from reconciler.flows.intake.weighing import Step, untold
from tests.unit.webhooks.receiving_world import NOW


def walk(length: int) -> list[str]:
    return [f"{n:040x}" for n in range(1, length + 2)]


@pytest.mark.parametrize(
    ("before", "after", "told", "wanted"),
    [
        pytest.param("a", "a", [], [], id="nothing happened"),
        pytest.param("a", "b", [("a", "b")], [], id="told"),
        pytest.param("a", "b", [], [("a", "b")], id="not told"),
        pytest.param("", "b", [], [("", "b")], id="made and not told"),
        pytest.param("a", "", [("a", "")], [], id="deleted and told"),
        pytest.param("a", "c", [("b", "c"), ("a", "b")], [], id="in the wrong order"),
        pytest.param("a", "c", [("b", "c")], [("a", "b")], id="the first is missing"),
        pytest.param("a", "c", [("a", "b")], [("b", "c")], id="the last is missing"),
        pytest.param("a", "d", [("b", "c")], [("a", "b"), ("c", "d")], id="both ends are missing"),
        pytest.param("a", "a", [("a", "b"), ("b", "a")], [], id="there and back"),
        pytest.param("a", "a", [("a", "b")], [("b", "a")], id="back without a word"),
        pytest.param("a", "b", [("a", "b"), ("a", "b"), ("b", "a")], [], id="there, back and there again"),
    ],
)
def test_examples(before: str, after: str, told: list[Step], wanted: list[Step]) -> None:
    assert untold(before, after, told) == wanted


@pytest.mark.parametrize(
    ("told", "still", "wanted"),
    [
        pytest.param([("a", "b")], [("a", "b")], [], id="told late"),
        pytest.param([], [("a", "b")], [("a", "b")], id="not told yet"),
        pytest.param([("a", "m")], [("a", "b")], [("m", "b")], id="its first part was told late"),
        pytest.param([("m", "b")], [("a", "b")], [("a", "m")], id="its last part was told late"),
        pytest.param([("a", "b")], [("a", "b"), ("c", "d")], [("c", "d")], id="one of two"),
    ],
)
def test_late_deliveries(told: list[Step], still: list[Step], wanted: list[Step]) -> None:
    assert untold("z", "z", told, still) == wanted


@given(data=st.data(), length=st.integers(1, 12))
def test_every_run_of_lost_deliveries_is_one_gap(data: st.DataObject, length: int) -> None:
    """Whatever is lost, and in whatever order and in how many looks the rest arrives. Which end of a gap belongs to
    which beginning is known only as far as deliveries come in the order in which they were sent."""
    stands = walk(length)
    steps = list(itertools.pairwise(stands))
    lost = data.draw(st.lists(st.booleans(), min_size=length, max_size=length))
    sent = [step for step, gone in zip(steps, lost, strict=True) if not gone]
    arrived = data.draw(st.just(sent) | st.permutations(sent))
    wanted: list[Step] = []
    for step, gone in zip(steps, lost, strict=True):
        if gone and wanted and wanted[-1][1] == step[0]:
            wanted[-1] = (wanted[-1][0], step[1])
        elif gone:
            wanted.append(step)
    # The looks: each sees a prefix of what arrived, and branches that are at least as new as what was told.
    cut = data.draw(st.integers(0, len(arrived)))
    reached = max([0] + [stands.index(step[1]) for step in arrived[:cut]])
    seen = data.draw(st.integers(reached, length))
    early = untold(stands[0], stands[seen], arrived[:cut])
    late = untold(stands[seen], stands[-1], arrived[cut:], early)
    assert sorted(left for left, _ in late) == sorted(left for left, _ in wanted)
    assert sorted(reached for _, reached in late) == sorted(reached for _, reached in wanted)
    if arrived == sent and cut == len(arrived):
        assert late == wanted


def test_what_is_told_twice_over_is_a_gap_and_not_a_fault() -> None:
    assert untold("a", "b", [("a", "b"), ("a", "b")]) == [("b", "a")]


@pytest.mark.parametrize(
    ("forge", "moved", "told", "silent", "words"),
    [
        ("github", 1, 0, False, "GitHub sends each once"),
        ("github", 1, 0, True, "never delivered anything"),
        ("github", 5001, 0, False, "more than 5,000"),
        ("gitlab", 4, 0, False, "a push of more than three"),
        ("gitlab", 4, 1, False, "disabled the webhook"),
        ("bitbucket", 1, 0, False, "256 KB"),
        ("bitbucket-data-center", 1, 0, False, "skipped after failures"),
        ("gitea", 1, 0, False, "Gitea sends each once"),
        ("forgejo", 1, 0, False, "Forgejo sends each once"),
        ("generic", 1, 0, False, "the hook did not run"),
    ],
)
def test_guesses(forge: str, moved: int, told: int, silent: bool, words: str) -> None:
    refs = [f"refs/heads/b{n}" for n in range(moved)]
    assert words in guess(refs[0], refs, told, Circumstances(forge, None if silent else NOW, NOW))


def test_a_connection_that_fell_silent_is_asked_about() -> None:
    late = Circumstances("github", NOW.replace(day=20), NOW)
    assert "since 2026-11-20 20:00 UTC" in guess("refs/heads/main", ["refs/heads/main"], 0, late)
