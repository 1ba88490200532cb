"""An application over a filled SQLite database, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.settings import Settings, read_settings
from tests.unit.pages import sample_project
from web.app import create_app


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a migrated, empty SQLite database that the models are connected to."""
    found = read_settings({"SENTINEL_HOME": str(tmp_path / "home"), "PAGES_ACCESS": "loopback"})
    migrate(found)
    session.connect(found)
    yield found
    session.disconnect()


@pytest.fixture
def empty_app(settings: Settings) -> Flask:
    """The application with nothing in its tables."""
    return create_app(settings, catalogue=sample_project.CATALOGUE, now=lambda: sample_project.NOW)


@pytest.fixture
def app(empty_app: Flask) -> Flask:
    """The application with the sample project in its tables."""
    sample_project.fill()
    return empty_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
