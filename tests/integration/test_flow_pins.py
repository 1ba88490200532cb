"""Pins, over a real git server, a real database and a real object store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.release.pins import Pin, render_pin
from reconciler.release.render import render_quarantine
from reconciler.release.state import Quarantine
from tests.integration.environment_world import World, make_world, policy
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """dev completed `one` and then `two`, in two regions."""
    world = make_world(database, git_server, tmp_path)
    world.policies = (policy("dev", promote="manual", strategy="all-at-once", batch_size=None),)
    world.nodes("dev", 1, region="eu")
    world.nodes("dev", 1, region="us")
    world.run("dev")
    for text in ("one", "two"):
        _, digest = world.trunk(text)
        world.wish("dev", digest)
        world.settle("dev", 4)
    assert world.running("dev") == {digest}
    return world


def history(world: World) -> tuple[str, str]:
    """What is live, and what was before."""
    two, one = (entry["digest"] for entry in world.environment("dev").view["history"])
    return one, two


def pin(world: World, digest: str, *, nodes: str = "region=eu", **more: Any) -> None:
    content = render_pin(Pin("canary", digest, nodes, owner="Ada", reason="it leaks", **more))
    world.edit("dev", {"pins/canary.kdl": content})


def test_pinned_nodes_run_their_digest_whatever_is_released(world: World) -> None:
    one, two = history(world)
    before = world.environment("dev").sequence
    pin(world, one)
    world.settle("dev", 2)
    assert world.runs("dev", "region") == {"eu": {one}, "us": {two}}
    assert world.pointers("dev") == {"base": (before + 1, two), f"pin-{one[7:19]}": (before + 1, one)}
    assert world.log("dev")[0].subject == "Pin canary in dev"
    (told,) = world.environment("dev").view["pins"]
    assert (told["owner"], told["reason"], told["nodes"], told["stands"]) == (
        "Ada",
        "it leaks",
        "region=eu",
        True,
    )
    _, three = world.trunk("three")
    world.wish("dev", three)
    world.settle("dev", 4)
    assert world.runs("dev", "region") == {"eu": {one}, "us": {three}}
    assert world.environment("dev").view["live"] == three
    world.edit("dev", {"pins/canary.kdl": None})
    world.settle("dev", 2)
    assert world.running("dev") == {three}
    assert world.pointers("dev").keys() == {"base"}


def test_a_pin_ends_by_itself(world: World) -> None:
    one, two = history(world)
    pin(world, one, until=world.now() + timedelta(minutes=10))
    outcome = world.settle("dev", 2)
    assert world.runs("dev", "region")["eu"] == {one}
    assert outcome.look_again_at is not None
    assert outcome.look_again_at <= world.now() + timedelta(minutes=10)
    world.wait(600)
    world.settle("dev", 2)
    assert world.running("dev") == {two}
    assert world.log("dev")[0].subject == "Unpin canary in dev"


def test_a_pin_to_what_may_not_run_moves_nobody(world: World) -> None:
    _, two = history(world)
    pin(world, "sha256:" + "9" * 64)
    world.settle("dev", 2)
    assert world.running("dev") == {two}
    view = world.environment("dev").view
    assert [reason["code"] for reason in view["waiting"]] == ["W-REL-003"]
    assert view["pins"][0]["stands"] is False


def test_a_quarantine_takes_pinned_nodes_off_their_digest(world: World) -> None:
    one, two = history(world)
    pin(world, one)
    world.settle("dev", 2)
    world.edit("dev", {f"quarantine/{one[7:19]}.kdl": render_quarantine(Quarantine(one, "it leaks too"))})
    world.settle("dev", 2)
    assert world.running("dev") == {two}


def test_a_file_that_became_unreadable_keeps_what_it_said(world: World) -> None:
    one, two = history(world)
    pin(world, one)
    world.settle("dev", 2)
    world.edit("dev", {"pins/canary.kdl": b"pin {"})
    world.settle("dev", 2)
    assert world.runs("dev", "region") == {"eu": {one}, "us": {two}}
    assert "W-REL-025" in [reason["code"] for reason in world.environment("dev").view["waiting"]]
