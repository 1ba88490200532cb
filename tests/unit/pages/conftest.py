"""An application over a filled SQLite database, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from reconciler.db import session
from reconciler.settings import Settings, read_settings
from tests.servers.migrated import migrated
from tests.unit.pages import sample_project
from web.app import create_app


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Where the templates are kept once they are compiled: every test makes its own application."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a migrated, empty SQLite database that the models are connected to."""
    found = read_settings({"SENTINEL_HOME": str(tmp_path / "home"), "PAGES_ACCESS": "loopback"})
    migrated(found)
    yield found
    session.disconnect()


@pytest.fixture
def empty_app(settings: Settings, compiled_templates: FileSystemBytecodeCache) -> Flask:
    """The application with nothing in its tables."""
    app = create_app(settings, catalogue=sample_project.CATALOGUE, now=lambda: sample_project.NOW)
    app.jinja_env.bytecode_cache = compiled_templates
    return app


@pytest.fixture
def app(empty_app: Flask) -> Flask:
    """The application with the sample project in its tables."""
    sample_project.fill()
    return empty_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
