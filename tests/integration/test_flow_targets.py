"""Releases for some nodes alone, over a real git server, a real database and a real object store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.db.models import Bundle, Node
from reconciler.db.session import writing
from reconciler.release.render import render_quarantine
from reconciler.release.state import Quarantine
from tests.integration.environment_world import World, make_world, policy
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """dev runs `one`, in two regions; `two` is built and not promoted."""
    world = make_world(database, git_server, tmp_path)
    world.policies = (policy("dev", promote="manual"), policy("prod", "dev"))
    _, one = world.trunk("one")
    world.nodes("dev", 2, region="eu")
    world.nodes("dev", 2, region="us")
    world.run("dev")
    world.wish("dev", one)
    world.settle("dev")
    assert world.running("dev") == {one}
    return world


def targeted(world: World) -> tuple[str, str]:
    """The digest that is live, and another one that was released to region eu alone."""
    (one,) = world.running("dev")
    _, two = world.trunk("two")
    world.wish("dev", two, "region=eu")
    world.settle("dev")
    return one, two


def waiting(world: World, environment: str = "dev") -> list[str]:
    return [reason["code"] for reason in world.environment(environment).view["waiting"]]


def test_it_ends_partial_and_all_others_are_held(world: World) -> None:
    one, two = targeted(world)
    assert world.runs("dev", "region") == {"eu": {two}, "us": {one}}
    assert world.rollouts("dev") == {"r-0001": "completed", "r-0002": "partial"}
    row = world.environment("dev")
    assert (row.view["live"], row.view["release"]["only"]) == (one, "region=eu")
    (reason,) = row.view["waiting"]
    assert reason["code"] == "W-REL-021"
    assert "2 other nodes are held by its target" in reason["message"]
    assert world.log("dev")[0].subject == f"End rollout r-0002 in dev for region=eu alone: {two[7:19]}"
    assert world.events()[-1] == "rollout.partial"


def test_it_is_not_complete_for_those_who_come_after(world: World) -> None:
    _, two = targeted(world)
    world.run("prod")
    world.wish("prod", two)
    world.run("prod")
    assert waiting(world, "prod") == ["W-REL-006"]


def test_it_is_widened_to_all_others_alone(world: World) -> None:
    one, two = targeted(world)
    world.wish("dev", two)
    world.run("dev")
    assert world.rollouts("dev")["r-0002"] == "widened"
    world.report("dev")
    runs = world.runs("dev", "region")
    assert (runs["eu"], runs["us"]) == ({two}, {one, two}), "one further node, and nobody goes back"
    world.settle("dev")
    assert world.running("dev") == {two}
    assert world.rollouts("dev")["r-0003"] == "completed"
    assert world.environment("dev").view["live"] == two


def test_the_live_digest_brings_every_node_back(world: World) -> None:
    one, _ = targeted(world)
    before = world.environment("dev").sequence
    world.wish("dev", one)
    world.settle("dev", 2)
    assert world.running("dev") == {one}
    assert world.rollouts("dev")["r-0002"] == "cancelled"
    assert world.environment("dev").sequence > before


def test_a_quarantine_brings_every_node_back(world: World) -> None:
    one, two = targeted(world)
    quarantine = render_quarantine(Quarantine(two, "answers 502"))
    world.edit("dev", {f"quarantine/{two[7:19]}.kdl": quarantine})
    world.settle("dev", 2)
    assert world.running("dev") == {one}
    assert world.rollouts("dev")["r-0002"] == "rolled-back"
    assert waiting(world) == ["W-REL-005"]


def test_a_widened_one_that_fails_goes_back_everywhere(world: World) -> None:
    one, two = targeted(world)
    world.wish("dev", two)
    world.run("dev")
    world.broken = {two}
    world.settle("dev", 4)
    world.broken = set()
    assert world.running("dev") == {one}
    assert world.rollouts("dev")["r-0003"] == "rolled-back"


def test_another_digest_takes_its_place(world: World) -> None:
    targeted(world)
    _, three = world.trunk("three")
    world.wish("dev", three)
    world.settle("dev")
    assert world.running("dev") == {three}
    assert world.rollouts("dev")["r-0002"] == "superseded"


def test_a_node_that_comes_later_is_not_in_the_target(world: World) -> None:
    one, two = targeted(world)
    world.nodes("dev", 1, region="eu")
    world.settle("dev", 2)
    assert world.runs("dev", "region")["eu"] == {one, two}
    world.wish("dev", two)
    world.settle("dev")
    assert world.running("dev") == {two}


def test_a_death_behind_the_commit_that_widens_moves_nobody_back(world: World, monkeypatch: Any) -> None:
    _, two = targeted(world)
    world.wish("dev", two)
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.flows.environment.publish_and_record", _die)
        with pytest.raises(RuntimeError, match="died"):
            world.run("dev")
    world.report("dev")
    assert world.runs("dev", "region")["eu"] == {two}
    world.settle("dev")
    assert world.running("dev") == {two}


def _die(look: Any) -> None:
    if look.commits:
        raise RuntimeError("died")


def upgrade(version: str, part: str = "proxy", **labels: str) -> None:
    """Let the nodes with these labels say that their proxy, or their agent, is of this version."""
    with writing():
        for node in Node.select():
            if labels.items() <= node.labels.items():
                node.versions = {part: version}
                node.save()


def test_nodes_whose_proxies_are_too_old_are_left_out_until_they_are_upgraded(world: World) -> None:
    (one,) = world.running("dev")
    _, two = world.trunk("two")
    with writing():
        needs = {name: {"proxy-version": "0.6.20"} for name in ("dev", "prod")}
        Bundle.update(environments=needs).where(Bundle.digest == two).execute()
    upgrade("zentinel 0.6.19", region="us")
    upgrade("zentinel 0.6.20", region="eu")
    world.wish("dev", two)
    world.settle("dev")
    assert world.runs("dev", "region") == {"eu": {two}, "us": {one}}
    assert world.rollouts("dev") == {"r-0001": "completed", "r-0002": "completed"}
    (reason,) = world.environment("dev").view["waiting"]
    assert reason["code"] == "W-REL-027"
    assert "2 nodes whose proxy is older than 0.6.20" in reason["message"]
    assert "node-2: zentinel 0.6.19" in reason["message"]
    upgrade("zentinel 0.6.20", region="us")
    world.settle("dev", 2)
    assert world.running("dev") == {two}
    assert waiting(world) == []


def test_nodes_whose_agents_are_too_old_are_left_out_for_that_reason(world: World) -> None:
    (one,) = world.running("dev")
    _, two = world.trunk("two")
    with writing():
        Bundle.update(environments={"dev": {"agent-version": "0.2.0"}}).where(Bundle.digest == two).execute()
    upgrade("sentinel-node/0.1.9", "agent", region="us")
    upgrade("sentinel-node/0.2.0", "agent", region="eu")
    world.wish("dev", two)
    world.settle("dev")
    assert world.runs("dev", "region") == {"eu": {two}, "us": {one}}
    (reason,) = world.environment("dev").view["waiting"]
    assert reason["code"] == "W-REL-028"
    assert "2 nodes whose agent is older than 0.2.0" in reason["message"]
    assert "each gets it once its agent is upgraded" in reason["message"]


def test_what_no_node_can_run_does_not_complete(world: World) -> None:
    (one,) = world.running("dev")
    _, two = world.trunk("two")
    with writing():
        Bundle.update(environments={"dev": {"proxy-version": "0.6.20"}}).where(Bundle.digest == two).execute()
    upgrade("zentinel 0.6.19")
    world.wish("dev", two)
    world.settle("dev", 3)
    assert waiting(world) == ["W-REL-009", "W-REL-027"]
    world.wait(60)
    world.settle("dev", 2)
    assert world.rollouts("dev")["r-0002"] == "rolled-back"
    assert world.running("dev") == {one}
