"""The application over a filled project, with a key that may do everything in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.db import accounts, api_keys, session
from reconciler.settings import Settings, read_settings
from tests.servers.migrated import migrated
from tests.unit.pages import sample_project
from web.app import create_app


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    found = read_settings({"SENTINEL_HOME": str(tmp_path / "home")})
    migrated(found)
    yield found
    session.disconnect()


@pytest.fixture
def app(settings: Settings) -> Flask:
    sample_project.fill()
    return create_app(settings, catalogue=sample_project.CATALOGUE, now=lambda: sample_project.NOW)


def full_key() -> str:
    """A key of somebody who may do everything, with every scope, for the organization `acme`."""
    person = accounts.create_person(
        "root@acme.example", "Root", None, now=sample_project.NOW, everywhere="admin"
    )
    _, token = api_keys.make(
        person, organization="acme", project="", name="all", scopes=tuple(api_keys.SCOPES),
        expires_at=sample_project.NOW + timedelta(days=30), now=sample_project.NOW,
    )  # fmt: skip
    return token


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that sends the key."""
    found = app.test_client()
    found.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {full_key()}"
    return found
