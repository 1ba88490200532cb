"""Every decision of a real branch made again from its kept inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Stalled
from reconciler.flows import replaying
from reconciler.flows.replaying import Verdict, replay
from reconciler.store import layout
from tests.integration.environment_world import World, make_world
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """Two releases, the second of which fails and is taken back, with a person in between."""
    world = make_world(database, git_server, tmp_path)
    _, good = world.trunk("good")
    world.nodes("dev", 4)
    world.settle("dev")
    world.edit("dev", {"rollout.kdl": b"sequence 0\n"})
    world.settle("dev")
    _, bad = world.trunk("bad")
    world.broken = {bad}
    world.settle("dev")
    assert good != bad
    return world


def ours(world: World) -> list[str]:
    return [commit.sha for commit in world.log("dev") if commit.trailer("Inputs")]


def test_each_commit_of_ours_is_decided_the_same_again(world: World) -> None:
    found = list(replay(world.context, "dev"))
    assert [one.sha for one in found] == ours(world)
    assert len(found) >= 8
    assert [(one.subject, one.because) for one in found if one.verdict is not Verdict.same] == []


def test_a_decision_that_would_be_another_one_today_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words(*arguments: Any, **named: Any) -> Any:
        decision = decide(*arguments, **named)
        return type(decision)(decision.actions, "for another reason")

    decide = replaying.decide
    monkeypatch.setattr(replaying, "decide", words)
    verdicts = {one.verdict for one in replay(world.context, "dev")}
    assert verdicts == {Verdict.different}


def test_inputs_that_are_gone_or_changed_are_told(world: World) -> None:
    newest, second = world.log("dev")[:2]
    keys = [layout.decision("acme", "shop", commit.trailer("Inputs") or "") for commit in (newest, second)]
    world.context.store.delete(keys[0])
    world.context.store.delete(keys[1])
    world.context.store.put(keys[1], b"{}")
    found = list(replay(world.context, "dev", limit=2))
    assert [one.verdict for one in found] == [Verdict.no_inputs, Verdict.different]


def test_there_is_no_branch_to_replay(world: World) -> None:
    with pytest.raises(Stalled, match="E-SIM-004"):
        list(replay(world.context, "mars"))
