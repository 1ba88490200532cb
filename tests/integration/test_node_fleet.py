"""Real agents against the real node API: gunicorn, a database, a store, HTTP; only the proxies are made up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Node, Pointer
from reconciler.db.session import writing
from reconciler.simulator.building import Group
from tests.integration.fleet_stage import Stage, all_run
from tests.integration.node_servers import ROOT, NodeApi
from tests.unit.bundle.paper_log import PaperLog
from tests.unit.node.publishing import build, flip

GOOD = build("127.0.0.1:3000")
NEXT = build("127.0.0.1:4000")
DEAD = build("192.0.2.10:80")


@pytest.fixture
def stage(tmp_path: Path, free_port: int) -> Iterator[Stage]:
    stage = Stage(tmp_path, free_port)
    yield stage
    stage.stop_fleet()
    stage.api.stop()
    session.disconnect()


def test_a_fleet_registers_activates_turns_unhealthy_and_goes_back(stage: Stage) -> None:
    stage.release.pointer(GOOD, sequence=1)
    stage.start((Group("production", 4),), token=stage.release.token())
    nodes = stage.until(lambda nodes: len(nodes) == 4 and all_run(GOOD.digest)(nodes))
    assert [n.name for n in nodes] == [f"sim-production-{n}" for n in range(1, 5)]
    assert {n.config_id for n in nodes} == {GOOD.config_id}
    stage.release.pointer(DEAD, sequence=2)
    nodes = stage.until(all_run(DEAD.digest, "unhealthy"))
    assert {n.health_reason for n in nodes} == {"502 from routes app"}
    stage.release.pointer(GOOD, sequence=3)
    nodes = stage.until(all_run(GOOD.digest))
    assert {n.sequence for n in nodes} == {3}


def test_a_fleet_resumes_and_works_with_the_control_plane_away(stage: Stage, tmp_path: Path) -> None:
    stage.release.pointer(GOOD, sequence=1)
    stage.start((Group("production", 2),), token=stage.release.token())
    ids = {n.id for n in stage.until(lambda nodes: len(nodes) == 2 and all_run(GOOD.digest)(nodes))}
    stage.stop_fleet()
    stage.api.stop()
    # Machines boot while nobody answers: their proxies serve what they served.
    fleet = stage.start((Group("production", 2),))
    deadline = time.monotonic() + 10
    while not all(n.proxy.running().config_id == GOOD.config_id for n in fleet.nodes):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stage.release.pointer(NEXT, sequence=2)
    stage.api = NodeApi(stage.environ, stage.api.port, tmp_path / "nodes.log")
    nodes = stage.until(all_run(NEXT.digest), 30)
    assert {n.id for n in nodes} == ids


def test_two_workers_know_the_same_nodes(tmp_path: Path, free_port: int) -> None:
    stage = Stage(tmp_path, free_port, workers=2)
    try:
        stage.release.pointer(GOOD, sequence=1)
        stage.start((Group("production", 6),), token=stage.release.token())
        stage.until(lambda nodes: len(nodes) == 6 and all_run(GOOD.digest)(nodes))
        assert not [line for line in stage.log if "credential" in line]
    finally:
        stage.stop_fleet()
        stage.api.stop()
        session.disconnect()


def test_the_worker_stops_soon_and_writes_what_it_was_told(stage: Stage) -> None:
    stage.release.pointer(GOOD, sequence=1)
    stage.start((Group("production", 2),), token=stage.release.token())
    stage.until(lambda nodes: len(nodes) == 2 and all_run(GOOD.digest)(nodes))
    assert stage.api.stop() < 9, "the supervisor kills what has not stopped in ten seconds"
    assert stage.api.process.returncode == 0


def test_a_rewritten_log_is_refused_by_the_whole_fleet(stage: Stage) -> None:
    stage.release.log.grow(4)
    stage.release.pointer(GOOD, sequence=5)
    stage.start((Group("production", 3),), token=stage.release.token())
    stage.until(lambda nodes: len(nodes) == 3 and all_run(GOOD.digest)(nodes))
    seen = str(stage.release.log.checkpoint())
    honest, stage.release.log = stage.release.log, PaperLog()
    stage.release.log.grow(40, "f")
    stage.release.pointer(NEXT, sequence=6)
    nodes = stage.until(lambda nodes: all(node.refusal is not None for node in nodes))
    assert {node.refusal["code"] for node in nodes} == {"E-VER-016"}
    assert {(node.running, node.log) for node in nodes} == {(GOOD.digest, seen)}
    # The log that only grew is taken as soon as it is there again.
    stage.release.log = honest
    stage.release.pointer(NEXT, sequence=7)
    nodes = stage.until(all_run(NEXT.digest))
    assert {node.log for node in stage.until(lambda nodes: all(n.log != seen for n in nodes))} == {
        str(honest.checkpoint())
    }


def test_a_flipped_byte_in_the_row_of_a_pointer_is_refused(stage: Stage) -> None:
    stage.release.pointer(GOOD, sequence=5)
    stage.start((Group("production", 1),), token=stage.release.token())
    stage.until(lambda nodes: len(nodes) == 1 and all_run(GOOD.digest)(nodes))
    envelope = stage.release.pointer(NEXT, sequence=6)
    with writing():
        broken = flip(envelope, envelope.index(b'"payload":"') + 90).decode()
        Pointer.update(envelope=broken, etag="0" * 64).execute()
    node = stage.until(lambda nodes: nodes[0].refusal is not None)[0]
    assert node.refusal["code"].startswith("E-VER-0")
    assert node.running == GOOD.digest


def test_temperaments(stage: Stage) -> None:
    stage.release.pointer(GOOD, sequence=1)
    groups = (Group("production", 1), Group("production", 1, "refuses"), Group("production", 1, "slow"))
    stage.start(groups, token=stage.release.token())

    def settled(nodes: list[Node]) -> bool:
        return (
            len(nodes) == 3
            and nodes[0].running == nodes[2].running == GOOD.digest
            and nodes[1].refusal is not None
        )

    nodes = stage.until(settled)
    assert nodes[1].running == ""
    assert nodes[1].refusal["code"] == "E-NOD-021"


def test_parked_polls_bring_what_is_published_long_before_the_next_report(
    tmp_path: Path, free_port: int
) -> None:
    stage = Stage(tmp_path, free_port, NODE_POLL_SECONDS="600")
    try:
        stage.release.pointer(GOOD, sequence=1)
        fleet = stage.start((Group("production", 3),), token=stage.release.token(), wait=12)
        stage.until(lambda nodes: len(nodes) == 3 and all_run(GOOD.digest)(nodes))
        stage.release.pointer(NEXT, sequence=2)
        stage.until(all_run(NEXT.digest))
    finally:
        # It lets parked polls go, and with them the fleet.
        stage.api.stop()
        stage.stop_fleet()
        session.disconnect()
    assert [node.failure for node in fleet.nodes] == ["", "", ""], "whoever is parked at the end ends well"


def test_the_simulator_runs_as_a_program_and_stops_on_sigterm(stage: Stage, tmp_path: Path) -> None:
    stage.release.pointer(GOOD, sequence=1)
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    (tokens / "production").write_text(stage.release.token() + "\n")
    environ: dict[str, Any] = {**os.environ, **stage.environ}
    for _ in range(2):
        process = subprocess.Popen(
            [
                sys.executable, "-m", "reconciler.simulator", "--home", str(stage.nodes), "--url", stage.api.url,
                "--project", "shop", "--spec", "production=2", "--join-tokens", str(tokens),
            ],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        seen = clock.now()
        try:
            stage.until(
                lambda nodes, seen=seen: (
                    len(nodes) == 2  # type: ignore[misc]
                    and all_run(GOOD.digest)(nodes)
                    and all(n.reported_at > seen for n in nodes)
                )
            )
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=20)
        assert process.returncode == 0, output
        assert "Traceback" not in output
    assert Node.select().count() == 2
