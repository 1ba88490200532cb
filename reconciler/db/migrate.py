"""Brings the database to this version's tables, one process at a time.

A migration is a file of `reconciler/db/migrations/`, applied in the order of its number and in a transaction of its
own, so a migration that is killed half-way starts again. Migrations only add: the version before keeps serving.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peewee import Database, DatabaseError
from playhouse.migrations import MigrationError, Runner

from reconciler.db.session import close, connect, exclusively, is_sqlite
from reconciler.errors import Stalled
from reconciler.settings import Settings

FOLDER = Path(__file__).parent / "migrations"

ADVISORY_LOCK = 7_310_579_463
"""The number of our lock among a PostgreSQL database's advisory locks: any constant that nobody else uses."""


def migrate(settings: Settings) -> list[str]:
    """Connect, apply what is missing and return the names of what was applied. Every process does so at its start.

    Processes that do it at once wait for each other. Raises `Transient` when the database is away and `Stalled` when a
    migration cannot be applied.
    """
    connect(settings)
    try:
        with exclusively() as opened, _alone(opened):
            applied: list[str] = Runner(opened, directory=str(FOLDER)).up()
            return applied
    except (DatabaseError, MigrationError) as fault:
        raise Stalled(
            "E-DB-005",
            f"the tables cannot be brought to this version: {str(fault).strip().splitlines()[0]}",
            cure="Give the user of DATABASE_URL the right to create tables, or restore the schema",
        ) from fault
    finally:
        close()


def newest_migration() -> str:
    """The name of the newest migration that this version knows: which columns it has."""
    return max(path.stem for path in FOLDER.glob("[0-9]*.py"))


@contextmanager
def _alone(opened: Database) -> Iterator[None]:
    """Wait until no other process migrates this database, and keep others waiting; a lock ends with its holder."""
    if is_sqlite():
        with Path(f"{opened.database}.migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    opened.execute_sql("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
    try:
        yield
    finally:
        opened.execute_sql("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))
