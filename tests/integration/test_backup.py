"""Backups are made of one database and restored into another, by the commands that people use."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reconciler import clock
from reconciler.cli.main import group
from reconciler.db import accounts, session, signing_in
from reconciler.db.audit import Act, Actor, AuditRow, record
from reconciler.db.copying import name_of, read_rows
from reconciler.db.enrolled import retire
from reconciler.db.joining import create_join_token, use_join_token
from reconciler.db.migrate import migrate
from reconciler.db.models import TABLES, Node
from reconciler.db.restored import Restored
from reconciler.db.session import reading, snapshot, writing
from reconciler.errors import ReconcilerError, Stalled
from reconciler.flows.audit.checking import check_audit
from reconciler.flows.backup import restoring
from reconciler.flows.backup.contents import KEPT, LEFT_OUT
from reconciler.flows.backup.form import LineWriter
from reconciler.flows.epoch import check_epoch
from reconciler.flows.log.signing import newest
from reconciler.flows.roots import trusted_roots
from reconciler.keys.uri import create_sealing_key
from reconciler.settings import Settings, read_settings
from tests.integration.delivery_world import add_nodes
from tests.unit.cli.logged_installation import Installed, install

PASSWORD = "correct horse battery staple"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """An installation with people, keys, nodes, tokens, a log, and an audit log that is sealed."""
    home = tmp_path / "home"
    monkeypatch.setenv("SENTINEL_HOME", str(home))
    made = install(home)
    now = clock.now()
    ada = accounts.create_person("ada@acme.example", "Ada", PASSWORD, now=now, everywhere="admin")
    accounts.create_person("gone@acme.example", "Gone \u2603 ünïcode", None, now=now)
    signing_in.begin(ada, way="password", address="", agent="", now=now)
    create_join_token("acme", "shop", "dev", now=now, uses=3, labels={"zone": "a"})
    add_nodes(("n-1", "n-2"), now=now)
    with writing():
        retire(Node.get_by_id("n-2"), "a test", now=now)
        Node.update(running="sha256:" + "0" * 64, counter=9, reported_at=now).execute()
        for number in range(3):
            record(Actor("person", "ada"), Act("person.created", "acme", details={"n": number}), now=now)
    made.publish("first")
    newest(made.context)
    seal(made)
    yield made
    session.disconnect()


def seal(made: Installed) -> None:
    """Seal the audit log, as a worker does."""
    from reconciler.flows.audit import sealing

    sealing.run(made.context, lambda: None)


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner().invoke(group, list(arguments))
    assert (result.exit_code != 0) == fails, (result.output, result.exception)
    return result


def refused(code: str, *arguments: str) -> str:
    result = CliRunner().invoke(group, list(arguments))
    assert isinstance(result.exception, ReconcilerError), (result.output, result.exception)
    assert result.exception.code == code, result.exception
    return str(result.exception)


def contents() -> dict[str, list[dict[str, Any]]]:
    """Every row that a backup keeps, but those that making and restoring one write themselves."""
    with snapshot():
        found = {name: list(read_rows(kept.table, kept.without)) for name, kept in KEPT.items()}
    found["audit_row"] = [row for row in found["audit_row"] if not str(row["action"]).startswith("backup.")]
    return found


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Let commands use another database from now on, with its tables."""

    def use(url: str) -> Settings:
        session.disconnect()
        monkeypatch.setenv("DATABASE_URL", url)
        settings = read_settings({"SENTINEL_HOME": "unused", "DATABASE_URL": url})
        migrate(settings)
        session.connect(settings)
        return settings

    return use


def test_what_is_in_one_database_is_in_the_other(
    installed: Installed, elsewhere: Callable[[str], Settings], postgres_url: str, tmp_path: Path
) -> None:
    before, first, second = contents(), tmp_path / "first.backup", tmp_path / "second.backup"
    assert all(before[name] for name in ("person", "join_token", "node", "audit_row", "log_checkpoint"))
    made = json.loads(run("backup", "--out", str(first), "--json").stdout)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert made["rows"]["person"] == 2

    elsewhere(postgres_url)
    assert "It can be restored" in run("restore", str(first), "--dry-run").stdout
    assert contents() == {name: [] for name in KEPT}
    run("restore", str(first), "--expect", made["digest"])
    assert contents() == before
    # Numbers go on where they were, sessions are ended, passwords and join tokens hold.
    assert accounts.recognise("ada@acme.example", PASSWORD) is not None
    with writing():
        assert use_join_token("shop", "sjt_wrong", now=clock.now()) is None
        record(Actor("person", "ada"), Act("person.created", "acme"), now=clock.now())
    run("backup", "--out", str(second))

    elsewhere(f"sqlite:///{tmp_path / 'third.db'}")
    run("restore", str(second))
    again = contents()
    assert {name: rows for name, rows in again.items() if name != "audit_row"} == {
        name: rows for name, rows in before.items() if name != "audit_row"
    }
    seal(installed)
    checks = {check.what: check for check in check_audit(installed.context, lambda count: None)}
    assert [check for check in checks.values() if not check.ok] == []
    with reading():
        told = [row.action for row in AuditRow.select().where(AuditRow.action.startswith("backup."))]
    assert told == ["backup.restored", "backup.restored"]


def test_after_a_restore_nothing_is_signed_until_the_epoch_rises(
    installed: Installed,
    elsewhere: Callable[[str], Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("backup", "--out", str(tmp_path / "b"))
    elsewhere(f"sqlite:///{tmp_path / 'new.db'}")
    settings = installed.context.settings
    configuration = settings.config_file.read_bytes()
    settings.config_file.unlink()
    said = run("restore", str(tmp_path / "b")).stdout
    assert settings.config_file.read_bytes() == configuration
    assert "keys rotate --organization acme --epoch --publish" in said
    with pytest.raises(Stalled, match="E-BAK-108"):
        check_epoch(trusted_roots(installed.context).newest)
    run("keys", "rotate", "--epoch", "--publish", "--yes", "--out", str(tmp_path / "root-2.json"))
    check_epoch(trusted_roots(installed.context).newest)
    with reading():
        assert [(row.organization, row.epoch) for row in Restored.select()] == [("acme", 1)]

    # What the backup says was signed has to be in the object store, unless that is lost for good.
    elsewhere(f"sqlite:///{tmp_path / 'third.db'}")
    shutil.rmtree(settings.files)
    said = run("restore", str(tmp_path / "b"), fails=True).stdout
    assert "FAIL  acme roots" in said
    assert "FAIL  acme log" in said
    assert contents() == {name: [] for name in KEPT}

    # Whoever dies once the rows are there has the configuration too: it is in the backup alone.
    def dies(*arguments: Any, **further: Any) -> None:
        restoring.restore(*arguments, **further)
        raise SystemExit(9)

    monkeypatch.setattr("reconciler.cli.backup_verbs.restore.restore", dies)
    settings.config_file.unlink()
    run("restore", str(tmp_path / "b"), "--log-lost", fails=True)
    assert contents()["person"] != []
    assert settings.config_file.read_bytes() == configuration


def test_a_sealed_backup_opens_for_its_recipient_alone(
    installed: Installed, elsewhere: Callable[[str], Settings], tmp_path: Path
) -> None:
    public = create_sealing_key(tmp_path / "mine.key").hex()
    create_sealing_key(tmp_path / "other.key")
    path = tmp_path / "sealed"
    run("backup", "--out", str(path), "--to", public)
    content = path.read_bytes()
    assert b"ada@acme.example" not in content
    before = contents()
    elsewhere(f"sqlite:///{tmp_path / 'new.db'}")
    mine = ("--key", f"file:{tmp_path / 'mine.key'}")
    refused("E-BAK-104", "restore", str(path))
    refused("E-BAK-104", "restore", str(path), "--key", f"file:{tmp_path / 'other.key'}")
    for damaged in (
        content[:-1],
        content[: len(content) // 2],
        content + b"x",
        content[:60] + b"x" + content[61:],
    ):
        (tmp_path / "damaged").write_bytes(damaged)
        refused("E-BAK-104", "restore", str(tmp_path / "damaged"), *mine)
    refused("E-BAK-109", "backup", "--out", str(tmp_path / "x"), "--to", "zz")
    run("restore", str(path), *mine)
    assert contents() == before


def test_nothing_but_a_whole_backup_is_restored(
    installed: Installed, elsewhere: Callable[[str], Settings], tmp_path: Path
) -> None:
    path = tmp_path / "b"
    run("backup", "--out", str(path))
    refused("E-BAK-101", "backup", "--out", str(path))
    refused("E-BAK-101", "backup", "--out", str(tmp_path / "nowhere" / "b"))
    refused("E-BAK-101", "backup", "--out", str(path / "below-a-file"))
    assert sorted(found.name for found in tmp_path.iterdir()) == ["b", "home"]
    assert "FAIL  database" in run("restore", str(path), fails=True).stdout

    elsewhere(f"sqlite:///{tmp_path / 'new.db'}")
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[:40], content + content, b"PK" + content[2:]):
        (tmp_path / "damaged").write_bytes(damaged)
        refused("E-BAK-103", "restore", str(tmp_path / "damaged"))
    refused("E-BAK-102", "restore", str(tmp_path / "nothing"))
    assert "FAIL  digest" in run("restore", str(path), "--expect", "sha256:" + "0" * 64, fails=True).stdout
    assert contents() == {name: [] for name in KEPT}


GOOD = {"id": "p", "email": "a@b.example", "name": "A", "created_at": 1}


def test_a_row_that_was_written_by_hand_is_looked_at(
    elsewhere: Callable[[str], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    elsewhere(f"sqlite:///{tmp_path / 'new.db'}")

    def forge(
        schema: str, *rows: dict[str, Any], table: str = "person", made_at: str = "2026-11-23T20:00:00.000Z"
    ) -> str:
        path = tmp_path / "forged"
        with path.open("wb") as file:
            writer = LineWriter(file)
            writer.write("header", form="sentinel-backup/1", made_at=made_at, schema=schema)
            for values in rows:
                writer.write("row", table=table, values=values)
            writer.close()
        return str(path)

    for change in ({"created_at": "today"}, {"root": True}, {"name": "A" * 101}, {"email": None}):
        refused("E-BAK-103", "restore", forge("0001_initial", GOOD | change))
    refused("E-BAK-103", "restore", forge("0001_initial", {"id": "p"}))
    refused("E-BAK-103", "restore", forge("0001_initial", {"id": 1}, table="sign_in"))
    refused("E-BAK-107", "restore", forge("0001_initial", GOOD, GOOD))
    refused("E-BAK-103", "restore", forge("0001_initial", GOOD, made_at="yesterday"))
    refused("E-BAK-105", "restore", forge("9999_later", GOOD))
    assert contents() == {name: [] for name in KEPT}
    run("restore", forge("0001_initial", GOOD))
    assert [row["id"] for row in contents()["person"]] == ["p"]
    refused("E-BAK-105", "restore", forge("9999_later", GOOD))


def test_every_table_is_kept_or_left_out_for_a_reason_and_documented() -> None:
    kept = {kept.table for kept in KEPT.values()}
    assert kept | set(LEFT_OUT) == set(TABLES)
    assert kept & set(LEFT_OUT) == set()
    page = (ROOT / "docs" / "backup.md").read_text()
    assert [name_of(table) for table in TABLES if f"`{name_of(table)}`" not in page] == []
