"""`sentinelctl node`: what it ends is ended in the database, which the node API reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler import clock
from reconciler.cli.node import command
from reconciler.db import session
from reconciler.db.models import Event, Node
from reconciler.db.node_keys import TokenKey
from reconciler.db.session import connect, writing
from reconciler.errors import ReconcilerError
from reconciler.flows.founding import configuration
from reconciler.settings import read_settings
from tests.servers.migrated import migrated


@pytest.fixture
def call(tmp_path: Path) -> Any:
    environ = {"SENTINEL_HOME": str(tmp_path)}
    settings = read_settings(environ)
    migrated(settings)
    (tmp_path / "control-plane.kdl").write_bytes(
        configuration("acme", "shop", "http://127.0.0.1:8003/shop.git", "main", "origin")
    )
    connect(settings)
    now = clock.now()
    with writing():
        for project in ("shop", "other"):
            Node.create(
                id=f"n-{project}", organization="acme", project=project, environment="dev", name="edge-1",
                key_sha256=project, registered_at=now, changed_at=now,
            )  # fmt: skip
        TokenKey.create(kid="k", public="0" * 64, made_at=now, expires_at=now)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(command, list(arguments), env=environ)
        return str(result.exception) if isinstance(result.exception, ReconcilerError) else result.output

    yield invoke
    session.disconnect()


def test_a_node_is_retired_once_and_says_why(call: Any) -> None:
    assert call("retire", "n-shop", "--because", "stolen") == "retired n-shop\n"
    assert Node.get_by_id("n-shop").retired_at is not None
    assert Event.get(Event.subject == "n-shop").message == "edge-1 was retired: stolen"
    assert call("retire", "n-shop", "--because", "again").startswith("E-NOD-102")


def test_a_node_of_another_project_is_none(call: Any) -> None:
    assert call("retire", "n-other", "--because", "x").startswith("E-NOD-102")
    assert call("revoke-tokens", "n-other").startswith("E-NOD-102")
    assert Node.get_by_id("n-other").retired_at is None


def test_tokens_are_revoked_of_one_node_or_of_all(call: Any) -> None:
    assert call("revoke-tokens", "n-shop") == "revoked the tokens of n-shop\n"
    assert Node.get_by_id("n-shop").tokens_after is not None
    assert TokenKey.select().count() == 1
    assert call("revoke-tokens", "--all") == "forgot 1 keys: every token is worthless\n"
    assert TokenKey.select().count() == 0


@pytest.mark.parametrize("arguments", [(), ("n-shop", "--all")])
def test_one_node_or_all_is_named(call: Any, arguments: tuple[str, ...]) -> None:
    assert "Name one node, or write --all" in call("revoke-tokens", *arguments)
