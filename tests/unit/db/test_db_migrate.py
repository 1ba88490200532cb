"""Migrations: they make the tables of the models, once, however many processes try."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playhouse.schema_diff import diff_models

from reconciler.db import migrate as subject
from reconciler.db import models, session, table
from reconciler.errors import Stalled
from reconciler.settings import Settings, read_settings

MIGRATE = (
    "import os; from reconciler.db.migrate import migrate; from reconciler.settings import read_settings;"
    "print(','.join(migrate(read_settings(os.environ))))"
)


def test_models_and_migrations_agree(database: Settings) -> None:
    with session.reading():
        difference = diff_models(table.database.obj, list(models.TABLES))
    assert not difference, str(difference)


def test_every_model_is_listed() -> None:
    assert set(models.TABLES) == set(table.Table.__subclasses__())


def test_again_does_nothing(database: Settings) -> None:
    assert subject.migrate(database) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_four_processes_at_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    environ = {**os.environ, "SENTINEL_HOME": str(tmp_path)}
    if kind == "postgres":
        environ["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0], answers
    names = sorted(path.stem for path in subject.FOLDER.glob("[0-9]*.py"))
    assert sorted(out.strip() for out, _ in answers) == ["", "", "", ",".join(names)]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_migration_that_fails_is_undone_and_can_be_tried_again(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    environ = {"SENTINEL_HOME": str(tmp_path)}
    if kind == "postgres":
        environ["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    folder = tmp_path / "migrations"
    folder.mkdir()
    broken = folder / "0001_first.py"
    broken.write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE one (id INTEGER)')\n    db.execute_sql('nonsense')\n"
    )
    monkeypatch.setattr(subject, "FOLDER", folder)
    settings = read_settings(environ)
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            subject.migrate(settings)
        assert isinstance(caught.value, Stalled) or caught.value.code == "E-DB-001", caught.value
        broken.write_text("def up(migrator, db):\n    db.execute_sql('CREATE TABLE one (id INTEGER)')\n")
        assert subject.migrate(settings) == ["0001_first"]
    finally:
        session.disconnect()


def test_the_lock_is_let_go_after_a_failure(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, *_: Any, **__: Any) -> None:
            raise subject.MigrationError("no good")

    with monkeypatch.context() as patch:
        patch.setattr(subject, "Runner", Broken)
        with pytest.raises(Stalled, match="E-DB-005"):
            subject.migrate(database)
    assert subject.migrate(database) == []
