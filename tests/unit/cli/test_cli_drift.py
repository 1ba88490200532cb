"""`sentinelctl drift`: what lasts, what is over, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler import clock
from reconciler.cli.drift import command
from reconciler.db import session
from reconciler.db.drifting import forget_drift
from reconciler.db.gating import Drift
from reconciler.db.models import Environment
from reconciler.db.session import writing
from reconciler.errors import ReconcilerError
from reconciler.flows.founding import configuration
from reconciler.settings import read_settings
from tests.servers.migrated import migrated

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
Call = Callable[..., str]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    environ = {"SENTINEL_HOME": str(tmp_path)}
    migrated(read_settings(environ))
    (tmp_path / "control-plane.kdl").write_bytes(
        configuration("acme", "shop", "http://127.0.0.1:8003/shop.git", "main", "origin")
    )
    with writing():
        Environment.create(
            organization="acme", project="shop", name="production", position=0, updated_at=clock.now()
        )

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(command, list(arguments), env=environ)
        if isinstance(result.exception, ReconcilerError):
            return str(result.exception)
        assert result.exit_code == 0, result.output
        return result.output

    yield invoke
    session.disconnect()


def drift(
    running: str, *, minutes: int, lasted: int | None = None, severity: str = "high", nodes: int = 3
) -> None:
    since = clock.now() - timedelta(minutes=minutes)
    over = None if lasted is None else since + timedelta(minutes=lasted)
    with writing():
        Drift.create(
            organization="acme", project="shop", environment="production", desired=NEW, running=running,
            severity=severity, summary="a route asks less", nodes=nodes, examples=["edge-1: refused it, E-NOD-017"],
            since=since, seen_at=since, resolved_at=over,
        )  # fmt: skip


def test_nothing_drifts(call: Call) -> None:
    assert call("production") == "no node of production drifts\n"
    assert call("production", "--stats") == "lasting   0, 0 nodes\nresolved  0\n"


def test_what_lasts_and_what_is_over(call: Call) -> None:
    drift(OLD, minutes=10)
    drift("", minutes=300, lasted=180, severity="low", nodes=1)
    assert call("production") == (
        "high     3 nodes on 111111111111 instead of 222222222222, for 10m\n"
        "         a route asks less\n"
        "         edge-1: refused it, E-NOD-017\n"
    )
    everything = call("production", "--all")
    assert "low      1 node on nothing instead of 222222222222, resolved after 3h\n" in everything
    assert call("production", "--stats") == (
        "lasting   1, 3 nodes\nresolved  1\nlasted    3h in the middle, 3h at most\nhigh      1\nlow       1\n"
    )


def test_an_environment_that_is_not_there(call: Call) -> None:
    assert "E-REL-030" in call("staging")
    assert "Use one of production" in call("staging")


def test_what_is_over_for_long_is_forgotten(call: Call) -> None:
    day = 24 * 60
    drift(OLD, minutes=100 * day)
    drift(OLD, minutes=92 * day, lasted=day)
    drift(OLD, minutes=90 * day, lasted=day)
    assert forget_drift(now=clock.now()) == 1
    assert call("production", "--stats").startswith("lasting   1, 3 nodes\nresolved  1\n")
