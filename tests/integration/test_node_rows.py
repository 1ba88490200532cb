"""What the node API writes and reads, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from peewee import OperationalError

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Event, JoinToken, Node
from reconciler.db.session import reading
from reconciler.errors import Transient
from reconciler.settings import Settings
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Release
from web.nodes.artifacts import Artifacts
from web.nodes.heartbeats import Heartbeats, write_reports
from web.nodes.loading import Loader
from web.nodes.problems import Problem
from web.nodes.registration import Application, register
from web.nodes.reports import Report
from web.nodes.setting_aside import write_apart

GOOD = build()


def test_a_node_is_written_reported_and_loaded(database: Settings) -> None:
    release = Release(database)
    envelope = release.pointer(GOOD, sequence=1)
    release.rollout("r-0001", "8" * 16)
    made = register(
        "shop", Application(release.token(), "edge-1", {"a": "b"}, {}), now=clock.now(), address="::1"
    )
    loader = Loader(Artifacts(release.store))
    changes = loader.look()
    assert [(node.id, node.labels) for node in changes.nodes] == [(made.entry.id, {"a": "b"})]
    assert changes.environments is not None
    environment = changes.environments[("acme", "shop", "production")]
    assert envelope in environment.answers["base"].body
    assert environment.assignment.rollout is not None
    assert environment.assignment.rollout.reaches == {"": "8" * 16}
    assert [blob.digest for blob in changes.blobs] == [GOOD.digest]
    assert loader.look().environments is None, "nothing changed"
    said: dict[str, Any] = {
        "running": GOOD.digest,
        "health": "healthy",
        "health_reason": "",
        "versions": {"a": "ü"},
    }
    write_reports(
        {made.entry.id: Report("boot-0001", 1, said), "n-unknown": Report("boot-0001", 1)}, clock.now()
    )
    with reading():
        node = Node.get_by_id(made.entry.id)
        assert (node.running, node.versions, node.boot_id) == (GOOD.digest, {"a": "ü"}, "boot-0001")
        assert [event.kind for event in Event.select().order_by(Event.id)] == [
            "node.registered",
            "node.activated",
        ]


@pytest.mark.parametrize(
    "poison", [{"versions": {"agent": object()}}, {"sequence": 2**70}, {"refusal": {1, 2}}]
)
def test_one_report_that_cannot_be_written_holds_up_no_other(
    database: Settings, poison: dict[str, Any]
) -> None:
    release = Release(database)
    nodes = [
        register(
            "shop", Application(release.token(), f"edge-{n}", {}, {}), now=clock.now(), address="::1"
        ).entry.id
        for n in range(5)
    ]
    said: list[str] = []
    with ThreadPoolExecutor(1) as executor:
        beats = Heartbeats(executor, clock.now, said.append)
        for node in nodes:
            beats.accept(node, Report("boot-0001", 1, {"health": "healthy", "health_reason": ""}))
        beats.accept(nodes[2], Report("boot-0001", 2, poison))
        assert asyncio.run(beats.flush())
        executor.submit(session.close).result()
    assert (beats.written, beats.set_aside, beats.failures, beats.pending) == (4, 1, 0, {})
    assert len(said) == 1
    assert f"a heartbeat of node {nodes[2]} cannot be written" in said[0]
    with reading():
        assert {n.id: n.health for n in Node.select()} == {
            node: "unknown" if node == nodes[2] else "healthy" for node in nodes
        }


def test_a_database_that_is_away_loses_no_report(database: Settings) -> None:
    tried = []

    def write(batch: Any, now: Any) -> None:
        tried.append(len(batch))
        raise Transient("E-DB-001", "the database cannot be used: gone") from OperationalError("gone")

    with pytest.raises(Transient):
        write_apart(write, {f"n-{n}": Report("boot-0001", 1) for n in range(4)}, clock.now())
    assert tried == [4]


def test_f1_37_the_last_use_of_a_token_is_taken_once(database: Settings) -> None:
    token = Release(database).token(uses=3)
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            register("shop", Application(token, f"edge-{number}", {}, {}), now=clock.now(), address="")
            outcomes.append("in")
        except Problem as problem:
            outcomes.append(problem.code)
        finally:
            session.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["E-NAP-006"] * 5 + ["in"] * 3
    with reading():
        assert JoinToken.get().uses_left == 0
        assert Node.select().count() == 3
