"""What the node API writes and reads, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Event, JoinToken, Node
from reconciler.db.session import reading
from reconciler.settings import Settings
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Release
from web.nodes.artifacts import Artifacts
from web.nodes.heartbeats import write_reports
from web.nodes.loading import Loader
from web.nodes.problems import Problem
from web.nodes.registration import Application, register
from web.nodes.reports import Report

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
