"""Transactions, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peewee import IntegrityError

from reconciler.db import models, session
from reconciler.db.models import Event
from reconciler.errors import Stalled, Transient
from reconciler.settings import Settings, read_settings

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def write(kind: str) -> None:
    Event.create(organization="acme", project="shop", kind=kind, at=NOW)


def kinds() -> list[str]:
    with session.reading():
        return [event.kind for event in Event.select().order_by(Event.id)]


def test_what_is_written_is_there_and_what_raised_is_not(database: Settings) -> None:
    with session.writing():
        write("kept")

    def fail() -> None:
        with session.writing():
            write("undone")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert kinds() == ["kept"]


def test_an_inner_transaction_can_fail_alone(database: Settings) -> None:
    def fail() -> None:
        with session.writing():
            write("inner")
            raise LookupError

    with session.writing():
        write("outer")
        with pytest.raises(LookupError):
            fail()
    assert kinds() == ["outer"]


def test_hooks_run_after_the_outermost_commit_and_never_after_an_undo(database: Settings) -> None:
    heard: list[tuple[str, list[str]]] = []
    with session.writing():
        with session.writing():
            write("done")
            session.after_commit(lambda: heard.append(("done", kinds())))
        assert heard == []
    assert heard == [("done", ["done"])]

    def fail() -> None:
        with session.writing():
            session.after_commit(lambda: heard.append(("never", [])))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with session.writing():
        write("later")
    assert [name for name, _ in heard] == ["done"]


def test_a_hook_that_fails_harms_nothing(database: Settings, caplog: pytest.LogCaptureFixture) -> None:
    def hook() -> None:
        raise Transient("E-JOB-001", "the queue is away")

    with session.writing():
        write("kept")
        session.after_commit(hook)
    assert kinds() == ["kept"]
    assert "the queue is away" in caplog.text


def test_a_unique_row_that_exists_is_an_integrity_error(database: Settings) -> None:
    token = {"organization": "acme", "project": "shop", "environment": "dev", "token_sha256": "0" * 64}
    with session.writing():
        models.JoinToken.create(**token, created_at=NOW)
    with pytest.raises(IntegrityError), session.writing():
        models.JoinToken.create(**token, created_at=NOW)


def test_many_threads_that_read_and_then_write_lose_no_update(database: Settings) -> None:
    with session.writing():
        models.Environment.create(organization="acme", project="shop", name="dev", position=0, updated_at=NOW)
    faults: list[BaseException] = []

    def count() -> None:
        try:
            for _ in range(10):
                with session.writing():
                    query = models.Environment.select()
                    if not session.is_sqlite():
                        query = query.for_update()
                    row = query.get()
                    row.sequence += 1
                    row.save()
        except BaseException as fault:  # noqa: BLE001
            faults.append(fault)
        finally:
            session.close()

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with session.reading():
        assert models.Environment.get().sequence == 60


def test_a_forked_child_uses_and_harms_nothing_of_its_parent(database: Settings) -> None:
    with session.reading():
        assert Event.select().count() == 0
        child = os.fork()
        if child == 0:
            try:
                with session.writing():
                    write("child")
                session.disconnect()
            except BaseException:  # noqa: BLE001
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        # The parent's connection still works: the child has not closed its end of the socket.
        assert Event.select().count() == 1
    with session.writing():
        write("parent")
    assert kinds() == ["child", "parent"]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_pooled_connection_goes_back(database: Settings) -> None:
    """SQLite has no pool."""
    for _ in range(session.POOL_SIZE + 5):
        thread = threading.Thread(target=kinds)
        thread.start()
        thread.join()
    assert kinds() == []


def test_sqlite_is_opened_for_many_processes(tmp_path: Path) -> None:
    session.connect(read_settings({"SENTINEL_HOME": str(tmp_path)}))
    with session.reading():
        values = {name: session.database.pragma(name) for name in session.SQLITE_PRAGMAS}
    session.disconnect()
    assert values == {"journal_mode": "wal", "busy_timeout": 10_000, "foreign_keys": 1, "synchronous": 1}


def test_sqlite_takes_the_write_lock_before_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session.SQLITE_PRAGMAS, "busy_timeout", 50)
    monkeypatch.setattr(session, "BUSY_SECONDS", 0.05)
    session.connect(read_settings({"SENTINEL_HOME": str(tmp_path)}))
    try:
        with session.writing():
            import sqlite3

            other = sqlite3.connect(tmp_path / "control-plane.db", timeout=0, isolation_level=None)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="E-DB-002"), session.writing():
            pass
        other.close()
    finally:
        session.disconnect()


def test_a_database_that_is_away_is_transient_and_the_message_has_no_password(free_port: int) -> None:
    url = f"postgresql://user:hunter2@127.0.0.1:{free_port}/none"
    session.connect(read_settings({"DATABASE_URL": url}))
    try:
        with pytest.raises(Transient) as caught, session.reading():
            pass
        assert caught.value.code == "E-DB-001"
        assert "hunter2" not in str(caught.value)
    finally:
        session.disconnect()


@pytest.mark.parametrize(
    "url", ["sqlite:///", "sqlite://", "sqlite:///:memory:", "postgresql://host", "postgres://host/"]
)
def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(Stalled, match="E-DB-003"):
        session.connect(read_settings({"DATABASE_URL": url}))


def test_queries_before_connect_are_our_own_mistake() -> None:
    session.disconnect()
    with pytest.raises(RuntimeError), session.reading():
        pass
