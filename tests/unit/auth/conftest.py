"""A migrated database in which people sign in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask

from reconciler.db import accounts, session
from reconciler.settings import Settings, read_settings
from tests.servers.migrated import migrated
from tests.unit.auth.people import make_app


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose, and these tests hash hundreds of times."""
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    found = read_settings({"SENTINEL_HOME": str(tmp_path / "home")})
    migrated(found)
    yield found
    session.disconnect()


@pytest.fixture
def app(settings: Settings) -> Flask:
    return make_app(settings)
