"""`sentinelctl join-token`: the token is printed once, and listing never shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler import clock
from reconciler.cli.join_token import command
from reconciler.db import session
from reconciler.db.joining import use_join_token
from reconciler.db.models import Environment
from reconciler.db.session import writing
from reconciler.errors import ReconcilerError
from reconciler.flows.founding import configuration
from reconciler.settings import read_settings
from tests.servers.migrated import migrated


@pytest.fixture
def call(tmp_path: Path) -> Any:
    environ = {"SENTINEL_HOME": str(tmp_path)}
    migrated(read_settings(environ))
    (tmp_path / "control-plane.kdl").write_bytes(
        configuration("acme", "shop", "http://127.0.0.1:8003/shop.git", "main", "origin")
    )
    with writing():
        for position, name in enumerate(("dev", "production")):
            Environment.create(
                organization="acme", project="shop", name=name, position=position, updated_at=clock.now()
            )

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(command, list(arguments), env=environ)
        if isinstance(result.exception, ReconcilerError):
            return str(result.exception)
        assert result.exit_code == 0, result.output
        return result.output

    yield invoke
    session.disconnect()


def test_create_list_use_revoke(call: Any) -> None:
    token = call("create", "production", "--uses", "2", "--note", "rack 7").strip()
    assert token.startswith("sjt_")
    with writing():
        used = use_join_token("shop", token, now=clock.now())
    assert used is not None
    assert used.environment == "production"
    listed = call("list")
    assert "uses-left=1" in listed
    assert "rack 7" in listed
    assert token not in listed
    assert call("revoke", "1") == "revoked 1\n"
    assert "revoked" in call("list")
    with writing():
        assert use_join_token("shop", token, now=clock.now()) is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("create", "prod"), "E-NOD-040"),
        (("create", "dev", "--expires", "soon"), "E-NOD-042"),
        (("create", "dev", "--project", "other"), "E-NOD-043"),
        (("revoke", "99"), "E-NOD-041"),
    ],
)
def test_mistakes_are_named(call: Any, arguments: tuple[str, ...], code: str) -> None:
    assert call(*arguments).startswith(code)


def test_labels_and_replacement_are_listed(call: Any) -> None:
    token = call("create", "dev", "--label", "region=eu-west", "--label", "tier=edge", "--replaces").strip()
    assert "replaces labels=region=eu-west,tier=edge" in call("list")
    with writing():
        used = use_join_token("shop", token, now=clock.now())
    assert used is not None
    assert (used.labels, used.replaces) == ({"region": "eu-west", "tier": "edge"}, True)
    assert call("create", "dev", "--label", "not=x").startswith("E-NOD-007")
