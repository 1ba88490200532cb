"""Opens the database and begins its transactions. No other place does either.

SQLite keeps one connection for each thread, PostgreSQL a pool of them. A child process after a fork starts with no
connection: it never uses, and never closes, what its parent opened.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from peewee import Database, InterfaceError, OperationalError, SqliteDatabase
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase

from reconciler.db.table import database
from reconciler.errors import ReconcilerError, Stalled, Transient
from reconciler.settings import Settings

log = logging.getLogger(__name__)

BUSY_SECONDS = 10
"""How long a writer waits for another one. Transactions take milliseconds; longer means something is stuck."""

POOL_SIZE = 20
"""More than the threads of any of our processes, so that a thread never waits for another thread's connection."""

STALE_SECONDS = 300
"""Pooled connections older than this are opened anew, which lets a failed-over server be found again."""

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "busy_timeout": BUSY_SECONDS * 1000,
    "foreign_keys": 1,
    "synchronous": "normal",
}

POSTGRESQL_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
)


@dataclass(slots=True)
class _State:
    """What this process has opened."""

    url: str | None = None
    opened: Database | None = None
    writer: threading.RLock = field(default_factory=threading.RLock)
    """Orders the writers of this process on SQLite, whose own waiting is a sleep that grows."""
    inherited: list[Any] = field(default_factory=list)
    """A parent's connections, kept so that a forked child never closes its parent's sockets."""


_state = _State()


def connect(settings: Settings) -> None:
    """Point the models at the database of `settings`. Once for each process; again with the same URL does nothing.

    No connection is opened yet. Raises `Stalled` when the URL cannot be used.
    """
    if _state.url == settings.database_url and _state.opened is not None:
        return
    disconnect()
    opened = _open(settings.database_url)
    database.initialize(opened)
    _state.url, _state.opened = settings.database_url, opened


def disconnect() -> None:
    """Close every connection that can be closed from this thread, and forget the database."""
    opened = _state.opened
    if opened is None:
        return
    if isinstance(opened, PooledPostgresqlDatabase):
        opened.close_all()
    elif not opened.is_closed():
        opened.close()
    _state.url, _state.opened = None, None


def close() -> None:
    """Close this thread's connection, as a thread does before it ends and a process before it forks."""
    opened = _state.opened
    if opened is not None and not opened.is_closed():
        opened.close()


@contextmanager
def reading() -> Iterator[None]:
    """Hold a connection for some queries. Raises `Transient` when the database is away or busy."""
    with _connection(), _faults():
        yield


@contextmanager
def writing() -> Iterator[None]:
    """Hold a connection and one transaction around writes; it is undone when the block raises.

    On SQLite it begins IMMEDIATE: the write lock is taken before the first read, so a transaction never fails half-way
    because somebody else wrote in between. Inside another `writing` it is a savepoint. Nothing is retried: raises
    `Transient` when the database is away or busy, and peewee's `IntegrityError` when a unique row exists already.
    """
    with _connection(), _faults():
        if is_sqlite():
            begin = () if database.in_transaction() else ("IMMEDIATE",)
            with _state.writer, database.atomic(*begin):
                yield
        else:
            with database.atomic():
                yield


@contextmanager
def snapshot() -> Iterator[None]:
    """Hold a connection whose queries all see the database as it was at the first of them. Nothing is written in it.

    Raises what `reading` raises.
    """
    with _connection(), _faults():
        how = {} if is_sqlite() else {"isolation_level": "REPEATABLE READ"}
        with database.atomic(**how):
            yield


def after_commit(hook: Callable[[], object]) -> None:
    """Call `hook` once the outermost `writing` has committed, and never when it is undone.

    The hook can only hint at what is durable by then, so its `ReconcilerError` is logged and goes no further.
    """

    def hint() -> None:
        try:
            hook()
        except ReconcilerError as error:
            log.warning("after-commit-hook-failed: %s", error)

    database.after_commit(hint)


@contextmanager
def exclusively() -> Iterator[Database]:
    """Hold a connection for changes of the tables themselves, and give the database they are made in.

    Statements may take as long as they need. Raises what `reading` raises.
    """
    with _connection() as opened, _faults():
        if is_sqlite():
            yield opened
            return
        opened.execute_sql("SET statement_timeout = 0")
        opened.execute_sql("SET lock_timeout = 0")
        try:
            yield opened
        finally:
            opened.execute_sql("RESET statement_timeout")
            opened.execute_sql("RESET lock_timeout")


def is_sqlite() -> bool:
    """Whether the connected database is SQLite; otherwise it is PostgreSQL."""
    return isinstance(_state.opened, SqliteDatabase)


@contextmanager
def _connection() -> Iterator[Database]:
    opened = _state.opened
    if opened is None:
        raise RuntimeError("connect(settings) comes before the first query")
    with _faults():
        mine = opened.connect(reuse_if_open=True)
    try:
        yield opened
    finally:
        # A SQLite connection stays with its thread: closing the last one would copy the whole log into the file.
        if mine and not is_sqlite():
            opened.close()


@contextmanager
def _faults() -> Iterator[None]:
    """Turn the driver's ways of saying "not now" into `Transient`, without a URL or a password in the message."""
    try:
        yield
    except MaxConnectionsExceeded as fault:
        raise Transient("E-DB-002", "every database connection of this process is in use") from fault
    except (OperationalError, InterfaceError) as fault:
        text = (str(fault).strip().splitlines() or ["no reason given"])[0]
        if "database is locked" in text or "lock timeout" in text:
            raise Transient("E-DB-002", f"the database is busy: {text}") from fault
        raise Transient("E-DB-001", f"the database cannot be used: {text}") from fault


def _open(url: str) -> Database:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = url.removeprefix("sqlite://").removeprefix("/")
        if not path or parts.netloc or path.startswith(":"):
            raise Stalled(
                "E-DB-003",
                "DATABASE_URL names no file",
                cure="Write it as sqlite:///relative/path or sqlite:////absolute/path",
            )
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SqliteDatabase(path, pragmas=SQLITE_PRAGMAS, timeout=BUSY_SECONDS)
    if not parts.path.strip("/"):
        raise Stalled(
            "E-DB-003", "DATABASE_URL names no database", cure="Write it as postgresql://user@host/database"
        )
    return PooledPostgresqlDatabase(
        url.replace("postgres://", "postgresql://", 1) if parts.scheme == "postgres" else url,
        max_connections=POOL_SIZE,
        stale_timeout=STALE_SECONDS,
        timeout=BUSY_SECONDS,
        connect_timeout=BUSY_SECONDS,
        options=POSTGRESQL_OPTIONS,
        application_name="sentinel",
        keepalives_idle=30,
    )


def _after_fork() -> None:
    _state.writer = threading.RLock()
    opened = _state.opened
    if opened is None:
        return
    _state.inherited.append(opened._state.conn)  # type: ignore[attr-defined]
    if isinstance(opened, PooledPostgresqlDatabase):
        _state.inherited.append((opened._connections, opened._in_use))
    opened.dispose()


os.register_at_fork(after_in_child=_after_fork)
