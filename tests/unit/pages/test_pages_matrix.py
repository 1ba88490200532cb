"""The commit × environment matrix: each state from the rows that mean it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.db.models import Commit, Environment, Rollout
from tests.unit.pages.sample_project import NOW, commit_sha, digest
from web.pages.matrix import batch_of, rows


def commit(
    number: int, *, state: str = "compiled", built: int | None = None, environments: str = "dev production"
) -> Commit:
    return Commit(
        sha=commit_sha(number),
        position=number,
        state=state,
        digest=digest(number if built is None else built) if state == "compiled" else "",
        subject=f"change {number}",
        policies=[{"name": name} for name in environments.split()],
    )


def environment(name: str = "dev", *, live: int | None = None, after: str = "", **view: Any) -> Environment:
    found = {"live": digest(live) if live else None, "policy": {"after": after.split()}, **view}
    return Environment(name=name, position=0, view=found, updated_at=NOW)


def rollout(number: int, state: str, *, name: str = "", where: str = "dev", steps: str = "") -> Rollout:
    view = {"commit": commit_sha(number), "steps": [{"state": word} for word in steps.split()]}
    return Rollout(
        environment=where,
        name=name or f"r-{number}",
        digest=digest(number),
        state=state,
        view=view,
        opened_at=NOW,
    )


def states(*found: Any, place: int = 0) -> list[str]:
    return [row.cells[place].state.key for row in rows(*found)]


def test_the_commit_of_the_last_completed_rollout_runs_here_and_older_ones_were_here() -> None:
    history = [
        {"digest": digest(1), "rollout": "r-1", "sequence": 2},
        {"digest": digest(2), "rollout": "r-2", "sequence": 5},
    ]
    commits = [commit(3), commit(2), commit(1)]
    here = environment(live=2, history=history)
    assert states(commits, [here], [rollout(1, "completed"), rollout(2, "completed")]) == [
        "not-here",
        "running",
        "was-here",
    ]


def test_a_digest_that_came_back_runs_at_the_commit_of_its_newest_rollout_only() -> None:
    history = [
        {"digest": digest(1), "rollout": "r-1", "sequence": 2},
        {"digest": digest(2), "rollout": "r-2", "sequence": 5},
        {"digest": digest(1), "rollout": "r-3", "sequence": 9},
    ]
    known = [rollout(1, "completed"), rollout(2, "completed"), rollout(1, "completed", name="r-3")]
    assert states([commit(2), commit(1)], [environment(live=1, history=history)], known) == [
        "was-here",
        "running",
    ]


@pytest.mark.parametrize(
    ("state", "steps", "expected", "detail"),
    [
        pytest.param("open", "done active waiting", "rolling-out", "batch 2 of 3", id="rolling out"),
        pytest.param("paused", "active waiting", "paused", "at batch 1 of 2", id="paused"),
        pytest.param("rolled-back", "done failed", "rolled-back", "at batch 2 of 2", id="rolled back"),
        pytest.param("superseded", "active waiting", "superseded", "at batch 1 of 2", id="superseded"),
        pytest.param("cancelled", "", "superseded", "", id="cancelled without steps"),
    ],
)
def test_a_rollout_shows_how_far_it_came(state: str, steps: str, expected: str, detail: str) -> None:
    [row] = rows([commit(2)], [environment(live=1)], [rollout(2, state, steps=steps)])
    assert (row.cells[0].state.key, row.cells[0].detail, row.cells[0].rollout) == (expected, detail, "r-2")


@pytest.mark.parametrize(
    ("state", "expected"), [("refused", "refused"), ("skipped", "skipped"), ("found", "compiling")]
)
def test_a_commit_without_a_bundle_is_the_same_everywhere(state: str, expected: str) -> None:
    found = rows([commit(2, state=state)], [environment(), environment("production")], [])
    assert [cell.state.key for cell in found[0].cells] == [expected, expected]


def test_a_commit_that_compiles_to_the_bundle_before_it_changes_nothing() -> None:
    commits = [commit(3, built=1), commit(2, state="skipped"), commit(1)]
    assert states(commits, [environment()], []) == ["no-change", "skipped", "not-here"]


def test_the_bundle_before_may_be_on_the_next_page() -> None:
    assert states([commit(3, built=1)], [environment()], []) == ["not-here"]
    found = rows([commit(3, built=1)], [environment()], [], older=commit(1))
    assert found[0].cells[0].state.key == "no-change"


def test_a_quarantined_digest_says_why() -> None:
    [row] = rows(
        [commit(2)], [environment(quarantine=[{"digest": digest(2), "why": "it broke checkout"}])], []
    )
    assert (row.cells[0].state.key, row.cells[0].detail) == ("quarantined", "it broke checkout")


def test_a_wish_that_waits_says_which_rule() -> None:
    wish = {"digest": digest(2), "commit": commit_sha(2)}
    here = environment(
        live=1, release=wish, waiting=[{"code": "W-1", "message": "staging has not completed it"}]
    )
    [row] = rows([commit(2)], [here], [])
    assert (row.cells[0].state.key, row.cells[0].detail) == ("waiting", "staging has not completed it")


def test_an_environment_that_the_commit_does_not_declare() -> None:
    [row] = rows([commit(2, environments="dev")], [environment("production")], [])
    assert (row.cells[0].state.key, bool(row.cells[0].detail)) == ("not-here", True)


def test_only_the_newest_commit_that_completed_before_can_be_promoted() -> None:
    history = [{"digest": digest(n), "rollout": f"r-{n}", "sequence": n} for n in (2, 3)]
    dev = environment("dev", live=3, history=history)
    production = environment("production", live=1, after="dev")
    known = [rollout(2, "completed"), rollout(3, "completed")]
    done = rollout(1, "completed", where="production")
    commits = [commit(4), commit(3), commit(2), commit(1)]
    assert states(commits, [dev, production], [*known, done], place=1) == [
        "not-here",
        "ready",
        "not-here",
        "running",
    ]


def test_nothing_older_than_what_runs_can_be_promoted() -> None:
    dev = environment("dev", history=[{"digest": digest(1), "rollout": "r-1", "sequence": 1}])
    production = environment("production", live=2, after="dev")
    done = rollout(2, "completed", where="production")
    assert states([commit(2), commit(1)], [dev, production], [done], place=1) == ["running", "not-here"]


def test_the_rail_is_ahead_moving_at_and_behind() -> None:
    known = [rollout(2, "completed"), rollout(4, "open", steps="active")]
    commits = [commit(5), commit(4), commit(3), commit(2), commit(1)]
    found = rows(commits, [environment(live=2)], known)
    assert [row.cells[0].rail for row in found] == ["ahead", "at", "moving", "at", "behind"]


def test_the_rail_is_held_above_what_runs_while_a_rollout_is_paused() -> None:
    known = [rollout(1, "completed"), rollout(3, "paused", steps="active")]
    found = rows([commit(3), commit(2), commit(1)], [environment(live=1)], known)
    assert [row.cells[0].rail for row in found] == ["at", "held", "at"]


@pytest.mark.parametrize(("running", "rails"), [(9, ["behind", "behind"]), (1, ["ahead", "ahead"])])
def test_the_rail_knows_what_runs_on_another_page(running: int, rails: list[str]) -> None:
    found = rows([commit(5), commit(4)], [environment(live=9)], [], stations={"dev": running})
    assert [row.cells[0].rail for row in found] == rails


def test_the_rail_of_an_environment_that_runs_nothing_is_ahead() -> None:
    found = rows([commit(2), commit(1)], [environment()], [])
    assert [row.cells[0].rail for row in found] == ["ahead", "ahead"]


def test_an_empty_view_is_no_fault() -> None:
    [row] = rows([commit(1)], [Environment(name="dev", position=0, view={}, updated_at=NOW)], [])
    assert row.cells[0].state.key == "not-here"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [("", (0, 0)), ("done done", (2, 2)), ("done waiting", (2, 2)), ("waiting waiting", (1, 2))],
)
def test_the_batch_of_a_rollout(steps: str, expected: tuple[int, int]) -> None:
    assert batch_of(rollout(1, "open", steps=steps)) == expected
