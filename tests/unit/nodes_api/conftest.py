"""What the tests of the node API stand on: an installation of its own for each test, and what was published there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.db import session
from reconciler.settings import read_settings
from tests.servers.migrated import migrated
from tests.unit.nodes_api.served import Release


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of an installation whose database is migrated. Nodes poll every two seconds."""
    environ = {"SENTINEL_HOME": str(tmp_path / "home"), "NODE_POLL_SECONDS": "2"}
    migrated(read_settings(environ))
    yield environ
    session.disconnect()


@pytest.fixture
def release(environ: dict[str, str]) -> Release:
    return Release(read_settings(environ))
