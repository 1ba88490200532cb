"""Two hundred real agents through a rolling rollout, an outage and everybody's return, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.db.models import Node
from reconciler.db.session import reading
from reconciler.fleet.cohorts import NEXT
from reconciler.fleet.ranks import rank
from reconciler.settings import read_settings
from tests.simulation.agents_world import AgentsWorld
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Api, Release, serve
from web.nodes import heartbeats

AGENTS = 200
POLL = 30.0
PLACES = 60
"""Reports that may wait for the database, far fewer than there are agents."""

OLD, NEW = build("127.0.0.1:3000"), build("127.0.0.1:4000")
REACHES = ("3fffffffffffffff", "7fffffffffffffff", "ffffffffffffffff")


def rows() -> list[Node]:
    with reading():
        return list(Node.select())


def test_a_rollout_an_outage_and_everybodys_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"SENTINEL_HOME": str(tmp_path / "home"), "NODE_POLL_SECONDS": str(POLL)}
    world = AgentsWorld(clock.now())
    monkeypatch.setattr(clock, "now", world.now)
    settings = read_settings(environ)
    migrate(settings)
    release = Release(settings)
    release.pointer(OLD, sequence=1)
    world.populate(tmp_path / "nodes", AGENTS, release.token())

    async def talk(api: Api) -> None:
        await world.play(api, 2 * POLL)
        assert {(node.running, node.health) for node in rows()} == {(OLD.digest, "healthy")}
        assert len(rows()) == AGENTS

        release.pointer(NEW, sequence=2, cohort=NEXT)
        for number, reach in enumerate(REACHES):
            release.rollout("r-1", reach)
            if number == 1:
                await an_outage(api)
            await world.play(api, world.seconds + 1.3 * POLL)
            moved = {node.id for node in rows() if node.running == NEW.digest}
            assert moved == {node.id for node in rows() if rank("r-1", node.id) <= reach}
        assert {node.health for node in rows()} == {"healthy"}
        assert world.statuses.keys() <= {200, 201, 202, 304}, "nobody was turned away so far"

        await everybody_at_once(api)

    async def an_outage(api: Api) -> None:
        served = [node.proxy.running().config_id for node in world.nodes]
        before, world.away = sum(world.asked.values()), True
        await world.play(api, world.seconds + 6 * POLL)
        assert [node.proxy.running().config_id for node in world.nodes] == served
        tries = sum(world.asked.values()) - before
        assert AGENTS <= tries <= 6 * AGENTS, "they go on trying, and less often"
        world.away = False
        returned, since = int(world.seconds), world.now()
        await world.play(api, world.seconds + 3 * POLL)
        busiest = max(world.asked[second] for second in range(returned, int(world.seconds)))
        assert busiest <= AGENTS / 4, "they do not come back together"
        assert all(node.reported_at > since for node in rows()), "each was heard again"

    async def everybody_at_once(api: Api) -> None:
        monkeypatch.setattr(heartbeats, "MOST_PENDING", PLACES)
        began = world.now()
        world.wake_all()
        world.deepest = 0
        await world.play(api, world.seconds + 3 * POLL)
        assert world.statuses[503] >= AGENTS - PLACES, "there was no place for the rest"
        assert world.deepest <= PLACES
        assert all(node.reported_at > began for node in rows()), "each was heard again"
        assert {(node.running, node.health) for node in rows()} == {(NEW.digest, "healthy")}
        assert len(rows()) == AGENTS

    serve(environ, talk)
    assert [node.failure for node in world.nodes if node.failure] == []
    session.disconnect()
