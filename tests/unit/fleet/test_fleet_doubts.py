"""Copied homes, restored snapshots and late reports: which of them a series of reports shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.fleet.doubts import KEPT_BOOTS, SPAN, Judged, Standing, judge

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def play(*reports: tuple[str, int, str], every: float = 10.0) -> tuple[str, list[Judged]]:
    """What each report is taken for: `+` counts, `-` does not, `!` tells of a clone."""
    standing, judged = Standing("", 0, ""), []
    for number, (boot, counter, beat) in enumerate(reports):
        one = judge(standing, boot, counter, beat, now=NOW + timedelta(seconds=every * number))
        standing = one.standing
        judged.append(one)
    return "".join("!" if one.cloned else "+" if one.counts else "-" for one in judged), judged


def run(boot: str, *counters: int, said: str = "x") -> list[tuple[str, int, str]]:
    return [(boot, counter, f"{said}{counter}") for counter in counters]


@pytest.mark.parametrize(
    ("reports", "found"),
    [
        pytest.param(run("a", 1, 2, 3, 7), "++++", id="one life"),
        pytest.param(run("a", 1, 2) + run("b", 1, 2) + run("c", 1), "+++++", id="restarts"),
        pytest.param(run("a", 1, 1, 2, 2, 2), "+-+--", id="sent again"),
        pytest.param(run("a", 1, 3, 2, 4, 6, 5, 8, 7, 10, 9), "++-++-+-+-", id="overtaken on the way"),
        pytest.param(run("a", 9) + run("b", 1) + run("a", 10) + run("b", 2, 3), "++-++", id="one late report"),
        pytest.param(
            run("a", 1) + [step for n in range(1, 5) for step in run("b", n) + run("a", n + 1)],
            "++-+-+!++", id="two homes take turns",
        ),
        pytest.param(run("a", 100) + run("a", 40, 41, 42, 43, 44), "+--!++", id="a snapshot was restored"),
        pytest.param(
            [step for n in range(1, 6) for step in (("a", n, f"x{n}"), ("a", n, f"y{n}"))],
            "+-+-+!++++", id="a running machine was copied",
        ),
    ],
)  # fmt: skip
def test_what_reports_show(reports: list[tuple[str, int, str]], found: str) -> None:
    assert play(*reports)[0] == found


def test_strange_reports_far_apart_are_late_ones() -> None:
    late = run("a", 100) + run("a", 40, 41, 42, 43, 44)
    assert play(*late, every=SPAN.total_seconds() + 1)[0] == "+-----"


def test_a_clone_is_told_once_in_a_while() -> None:
    reports = run("a", 1) + [step for n in range(1, 30) for step in run("b", n) + run("a", n + 1)]
    told = play(*reports)[0]
    assert told.count("!") == 1
    assert play(*reports, every=60)[0].count("!") > 1


def test_only_the_last_boots_are_remembered() -> None:
    _, judged = play(*(step for n in range(40) for step in run(f"boot-{n}", 1)))
    assert judged[-1].standing.boots == tuple(f"boot-{n}" for n in range(39 - KEPT_BOOTS, 39))
