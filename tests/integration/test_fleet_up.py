"""`sentinelctl fleet up` with a scenario, against the real node API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.db import session
from reconciler.db.models import Event, Node
from tests.integration.fleet_stage import Stage
from tests.integration.node_servers import ROOT
from tests.unit.node.publishing import build

FIRST, SECOND = build("127.0.0.1:3000"), build("127.0.0.1:4000")

SCENARIO = """
scenario "everything at once" lasts="12s"
project "shop"
environment "production" {
    proxy-version "0.6.20"
}
nodes "production" 4 region="eu"
nodes "production" 1 temperament="lost-in-time"
nodes "production" 1 temperament="lying"
nodes "production" 1 temperament="restored"
timeline {
    push "1s" bundle="first"
    partition "3s" environment="production" share=30 lasts="3s"
    crash "4s" environment="production" share=30 lasts="2s"
}
"""


@pytest.fixture
def stage(tmp_path: Path, free_port: int) -> Iterator[Stage]:
    stage = Stage(tmp_path, free_port, NODE_POLL_SECONDS="0.2")
    yield stage
    stage.api.stop()
    session.disconnect()


def test_a_scenario_is_played_over_real_http_and_reported(stage: Stage, tmp_path: Path) -> None:
    stage.release.pointer(FIRST, sequence=1)
    (tmp_path / "scenario.kdl").write_text(SCENARIO)
    (tmp_path / "token").write_text(stage.release.token())
    process = subprocess.Popen(
        [
            sys.executable, "-m", "reconciler.cli.main", "fleet", "up", "--project", "shop", "--url", stage.api.url,
            "--scenario", str(tmp_path / "scenario.kdl"), "--home", str(stage.nodes),
            "--join-token-file", str(tmp_path / "token"), "--for", "18s", "--json",
        ],
        cwd=ROOT, env={**os.environ, **stage.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        nodes = stage.until(
            lambda nodes: len(nodes) == 7 and [n.running for n in nodes].count(FIRST.digest) == 6, 40
        )
        lost = next(node for node in nodes if node.labels["temperament"] == "lost-in-time")
        stage.release.pointer(SECOND, sequence=2)
        stage.until(lambda nodes: [n.running for n in nodes].count(SECOND.digest) >= 5, 40)
    finally:
        told, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    found = json.loads(told)
    assert found["nodes"] == 7
    assert found["errors"] == 0
    assert found["running"][SECOND.digest] >= 5
    assert found["spread"][SECOND.digest]["nodes"] >= 5
    assert set(found["spread"][SECOND.digest]["seconds"]) == {"p50", "p90", "p99", "p100"}
    for line in (
        "7 nodes; open files: at most",
        "left to whoever runs the control plane: push",
        "30 % of the nodes of production are cut off",
        "30 % of the nodes of production are down",
    ):
        assert line in words
    with session.reading():
        refused = Node.get_by_id(lost.id)
        restored = Node.get(Node.name == "sim-production-7")
        seen = {event.kind for event in Event.select().where(Event.subject == restored.id)}
    assert (refused.running, refused.refusal["code"]) == ("", "E-VER-008")
    assert "node.activated" in seen
