"""Databases of PostgreSQL that tests get one after the other: as empty as new ones, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg2
import pytest

from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.settings import read_settings

EVENT = """
INSERT INTO event (organization, project, kind, subject, message, details, at)
VALUES ('acme', 'shop', 'a', 'b', 'c', '{}', 1) RETURNING id
"""


@pytest.fixture
def lend(postgres_server: Any, tmp_path: Path) -> Any:
    def fill(url: str) -> None:
        migrate(read_settings({"SENTINEL_HOME": str(tmp_path), "DATABASE_URL": url}))
        session.disconnect()

    return lambda: postgres_server.lend(fill)


def ask(url: str, sql: str) -> Any:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def test_one_that_comes_back_is_empty_and_is_called_otherwise(postgres_server: Any, lend: Any) -> None:
    first = lend()
    assert ask(first, EVENT) == (1,)
    left_open = psycopg2.connect(first)
    try:
        postgres_server.take_back(first)
        again = lend()
        assert ask(again, "SELECT count(*) FROM event") == (0,)
        assert ask(again, EVENT) == (1,)
        assert ask(again, "SELECT count(*) > 0 FROM schema_migration") == (True,)
        with pytest.raises(psycopg2.OperationalError, match="does not exist"):
            psycopg2.connect(first)
        with pytest.raises(psycopg2.OperationalError):
            left_open.cursor().execute(EVENT)
    finally:
        left_open.close()
    postgres_server.take_back(again)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE event",
        "ALTER TABLE event ADD COLUMN more text",
        "ALTER TABLE event DROP COLUMN message",
        "ALTER TABLE event ALTER COLUMN message DROP NOT NULL",
        "DELETE FROM schema_migration WHERE name = (SELECT max(name) FROM schema_migration)",
        "CREATE TABLE more (id integer)",
    ],
)
def test_one_with_other_tables_is_lent_to_nobody(postgres_server: Any, lend: Any, change: str) -> None:
    first = lend()
    ask(first, change)
    postgres_server.take_back(first)
    again = lend()
    assert ask(again, EVENT) == (1,)
    assert ask(again, "SELECT name FROM schema_migration ORDER BY name DESC LIMIT 1")[0].startswith("00")
    assert ask(again, "SELECT to_regclass('more') IS NULL") == (True,)
    columns = "SELECT string_agg(column_name, ' ') FROM information_schema.columns WHERE table_name = 'event'"
    assert "message" in ask(again, columns)[0].split()
    assert "more" not in ask(again, columns)[0].split()
    postgres_server.take_back(again)
