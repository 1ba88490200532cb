"""Drift, from nodes that run something else to a pointer that is issued again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.config.drift import DriftPolicy
from reconciler.db import session
from reconciler.db.drifting import open_drift, past_drift
from reconciler.db.gating import Drift
from reconciler.db.models import Node, Work
from reconciler.flows import drift
from reconciler.flows.outcome import Outcome
from tests.integration.environment_world import World, make_world, policy
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

OTHER = "sha256:" + "9" * 64


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """Four nodes that run what is live."""
    found = make_world(database, git_server, tmp_path)
    found.policies = (policy("dev", batch_size=4),)
    found.nodes("dev", 4)
    found.trunk("one")
    found.run("dev")
    found.report("dev")
    assert found.settle("dev").kind == "unchanged"
    found.wait(200)
    return found


def stray(world: World, count: int, running: str = OTHER) -> None:
    """So many nodes report another digest; all of them report."""
    with session.writing():
        for number, node in enumerate(Node.select().order_by(Node.id)):
            node.reported_at = world.moment
            node.running = running if number < count else world.environment("dev").view["live"]
            node.save()


def look(world: World) -> Outcome:
    return drift.run(world.context, "dev", lambda: None)


def rows() -> list[Drift]:
    with session.reading():
        return open_drift("acme", "shop", "dev")


def test_a_look_is_asked_for_by_whoever_publishes(world: World) -> None:
    with session.reading():
        work = Work.get(Work.kind == "drift", Work.subject == "dev")
    assert work.due_at is not None


def test_nothing_drifts(world: World) -> None:
    stray(world, 0)
    outcome = look(world)
    assert (outcome.kind, outcome.because) == ("unchanged", "no node drifts")
    assert outcome.look_again_at == world.moment + drift.EVERY
    assert rows() == []


def test_many_nodes_are_one_row_and_one_event_while_it_lasts(world: World) -> None:
    stray(world, 3)
    assert look(world).because == "3 nodes drift"
    stray(world, 2)
    assert look(world).kind == "unchanged"
    (row,) = rows()
    assert (row.running, row.nodes, row.examples) == (OTHER, 2, ["node-0", "node-1"])
    assert (row.severity, row.since) == ("unknown", world.moment)
    assert world.events().count("drift.found") == 1
    world.wait(30)
    stray(world, 0)
    assert look(world).kind == "changed"
    assert rows() == []
    assert world.events().count("drift.resolved") == 1
    with session.reading():
        (over,) = past_drift("acme", "shop", "dev", limit=9)
    assert over.resolved_at == world.moment
    stray(world, 1)
    look(world)
    (again,) = rows()
    assert again.since == world.moment


def test_nodes_have_their_grace_and_those_that_an_open_rollout_moves_are_its_own(world: World) -> None:
    _, digest = world.trunk("two")
    world.run("dev")
    with session.writing():
        Node.update(reported_at=world.moment).execute()
    world.wait(600)
    stray(world, 4)
    assert look(world).because == "no node drifts"
    world.report("dev")
    world.settle("dev")
    assert world.running("dev") == {digest}
    stray(world, 4)
    assert look(world).because == "no node drifts"
    world.wait(121)
    stray(world, 4)
    assert look(world).because == "4 nodes drift"


def test_nothing_running_matters_much(world: World) -> None:
    stray(world, 1, running="")
    look(world)
    (row,) = rows()
    assert (row.severity, row.summary) == ("high", "they run nothing")


def test_the_pointer_is_issued_again_as_often_as_the_policy_says(world: World) -> None:
    world.policies = (policy("dev", batch_size=4, drift=DriftPolicy(120, remediate=True, per_hour=2)),)
    _, digest = world.trunk("one, with a remedy")
    world.run("dev")
    world.report("dev")
    world.settle("dev")
    sequence = world.environment("dev").sequence
    for expected in (1, 2, 2):
        world.wait(130)
        stray(world, 2)
        look(world)
        world.run("dev")
        assert world.pointers("dev")["base"] == (sequence + expected, digest)
    assert world.environment("dev").view["waiting"][0]["code"] == "W-REL-031"
    assert world.log("dev")[0].subject == "Issue the pointer of dev again: 2 nodes drifted"
    assert world.events().count("drift.reissued") == 2
    world.report("dev")
    look(world)
    assert rows() == []
    assert world.run("dev").kind == "unchanged"


def test_an_environment_that_left_trunk_drifts_no_more(world: World) -> None:
    stray(world, 1)
    look(world)
    world.policies = (policy("staging"),)
    world.trunk("another")
    outcome = look(world)
    assert (outcome.because, outcome.look_again_at) == ("'dev' is not on valid trunk", None)
    assert rows() == []


def test_while_a_rollout_is_paused_its_nodes_count_too(world: World) -> None:
    _, digest = world.trunk("two")
    world.run("dev")
    world.edit("dev", {"holds/x.kdl": b'hold "wait"\n'})
    world.run("dev")
    world.wait(121)
    stray(world, 1)
    assert look(world).because == "4 nodes drift"
    assert {(row.desired, row.nodes) for row in rows()} == {(digest, 1), (digest, 3)}
