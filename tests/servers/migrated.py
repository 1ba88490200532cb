"""Migrated SQLite databases for tests: the migrations run once in a process, and every test gets a copy."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.settings import Settings, read_settings


def migrated(settings: Settings) -> None:
    """Make the SQLite database of `settings` one that is migrated and empty, and connect to it."""
    file = Path(settings.database_url.removeprefix("sqlite:///"))
    session.disconnect()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_bytes(_original())
    session.connect(settings)


@functools.cache
def _original() -> bytes:
    with tempfile.TemporaryDirectory() as home:
        settings = read_settings({"SENTINEL_HOME": home})
        migrate(settings)
        # Closing the last connection writes the log into the file.
        session.disconnect()
        return Path(settings.database_url.removeprefix("sqlite:///")).read_bytes()
