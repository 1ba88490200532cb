"""The audit log on both databases: sealed once, whoever seals; every row that is not as it was is found and named."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle.auditrow import link_after, row_hash, seal
from reconciler.bundle.leaves import AuditLeaf, decode_leaf
from reconciler.db import session
from reconciler.db.audit import Act, Actor, AuditLost, AuditRow, audited, has_unsealed, record_commit
from reconciler.db.session import reading, writing
from reconciler.errors import ReconcilerError
from reconciler.flows.audit import sealing
from reconciler.flows.audit.checking import check_audit
from reconciler.flows.audit.sealing import audit_keys
from reconciler.flows.context import load_installation, open_context
from reconciler.flows.log.checking import check_log
from reconciler.settings import Settings
from tests.unit.cli.logged_installation import NOW, Installed, install

ADA = Actor("person", "ada@example.com", "192.0.2.7")


@pytest.fixture
def installed(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Installed:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return install(Path(database.home), database)


def act(number: int, *, organization: str = "acme") -> None:
    with audited(ADA, now=NOW + timedelta(seconds=number)) as note:
        note(Act("thing.changed", organization, "shop", subject=f"thing {number}", details={"to": number}))


def commit(number: int) -> None:
    with writing():
        record_commit(
            "acme", "shop", "env/dev", f"{number:040}", author="Ada <ada@example.com>", subject="Promote",
            trailers={"Bundle": "sha256:00"}, at=NOW,
        )  # fmt: skip


def seal_all(installed: Installed) -> None:
    while has_unsealed("acme"):
        sealing.run(installed.context, lambda: None)


def open_again(installed: Installed) -> None:
    """Read the server configuration again."""
    settings = installed.context.settings
    installed.context = open_context(settings, load_installation(settings), "acme", "shop", {})
    installed.context.now = lambda: NOW


def numbers() -> list[tuple[int | None, str]]:
    with reading():
        return [(row.number, row.subject) for row in AuditRow.select().order_by(AuditRow.id)]


def wrong(installed: Installed) -> dict[str, str]:
    """What each check that fails says."""
    return {
        check.what: check.words
        for check in check_audit(installed.context, lambda count: None)
        if not check.ok
    }


def entered(installed: Installed) -> list[AuditLeaf]:
    index, found = 0, []
    while (entry := installed.files.entry(index)) is not None:
        leaf = decode_leaf(entry)
        if isinstance(leaf, AuditLeaf):
            found.append(leaf)
        index += 1
    return found


def test_rows_get_their_numbers_in_order_and_are_in_the_log(installed: Installed) -> None:
    for number in range(1, 4):
        act(number)
    act(9, organization="rival")
    assert wrong(installed) == {}
    seal_all(installed)
    assert numbers() == [(1, "thing 1"), (2, "thing 2"), (3, "thing 3"), (None, "thing 9")]
    with reading():
        rows = list(AuditRow.select().where(AuditRow.organization == "acme").order_by(AuditRow.number))
    assert entered(installed) == [AuditLeaf("acme", row.number, row_hash(row.entry())) for row in rows]
    assert len({row.mac for row in rows}) == 3
    assert installed.path("checkpoint").exists()
    act(4)
    seal_all(installed)
    assert numbers()[-1] == (4, "thing 4")
    assert wrong(installed) == {}
    assert all(check.ok for check in check_log(installed.context, ["shop"], [], lambda count: None)[1])


def test_sealing_again_does_nothing(installed: Installed) -> None:
    act(1)
    seal_all(installed)
    size = installed.files.read_edge().size
    assert sealing.run(installed.context, lambda: None).kind == "unchanged"
    assert installed.files.read_edge().size == size


@pytest.mark.parametrize("place", ["append", "newest", "_tell"])
def test_a_worker_that_dies_half_way_is_gone_on_from(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    act(1)
    act(2)
    with monkeypatch.context() as patch:
        patch.setattr(sealing, place, die)
        with pytest.raises(KeyboardInterrupt):
            sealing.run(installed.context, lambda: None)
    act(3)
    seal_all(installed)
    assert [number for number, _ in numbers()] == [1, 2, 3]
    assert len(entered(installed)) == 3
    assert wrong(installed) == {}


def test_many_workers_at_once_give_each_row_one_number(installed: Installed) -> None:
    for number in range(1, 13):
        act(number)
    faults: list[BaseException] = []

    def work() -> None:
        try:
            sealing.run(installed.context, lambda: None)
        except ReconcilerError as error:
            faults.append(error)
        finally:
            session.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal_all(installed)
    assert sorted(number or 0 for number, _ in numbers()) == list(range(1, 13))
    assert sorted(leaf.number for leaf in entered(installed)) == list(range(1, 13))
    assert wrong(installed) == {}


def change(number: int, **values: Any) -> None:
    with writing():
        AuditRow.update(**values).where(AuditRow.number == number).execute()


def swap(one: int, other: int) -> None:
    with writing():
        for old, new in ((one, -1), (other, one), (-1, other)):
            AuditRow.update(number=new).where(AuditRow.number == old).execute()


def remove(*gone: int) -> None:
    with writing():
        AuditRow.delete().where(AuditRow.number.in_(gone)).execute()


def insert_after_the_end() -> None:
    act(7)
    with writing():
        AuditRow.update(number=6, link="0" * 64, mac="0" * 64).where(AuditRow.number.is_null()).execute()


TAMPERED: list[tuple[str, Callable[[], None], dict[str, str]]] = [
    ("who", lambda: change(3, actor="mallory@example.com"), {"rows": "mallory@example.com) was changed"}),
    ("when", lambda: change(3, at=NOW), {"rows": "row 3 (thing.changed by ada@example.com) was changed"}),
    ("details", lambda: change(3, details={"to": 4}), {"rows": "row 3 (thing.changed by ada@example.com) was changed"}),
    ("project", lambda: change(3, project="blog"), {"rows": "row 3 (thing.changed by ada@example.com) was changed"}),
    ("swapped", lambda: swap(2, 4), {"rows": "stands in the place of row 4"}),
    ("middle", lambda: remove(3), {"gone": "row 3 is gone"}),
    ("end", lambda: remove(4, 5), {"gone": "row 4 is gone; row 5 is gone"}),
    ("all", lambda: remove(1, 2, 3, 4, 5), {"gone": "row 1 is gone; row 2 is gone; row 3 is gone"}),
    ("inserted", insert_after_the_end, {"rows": "ada@example.com) was never entered in the log"}),
    ("seal", lambda: change(2, mac="0" * 64), {"seals": "row 2 (thing.changed by ada@example.com) is not sealed"}),
    ("link", lambda: change(2, link="0" * 64), {"chain": "row 2 (thing.changed by ada@example.com) does not go on"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tamper", "found"), [pytest.param(tamper, found, id=name) for name, tamper, found in TAMPERED]
)
def test_what_was_changed_is_named(
    installed: Installed, tamper: Callable[[], None], found: dict[str, str]
) -> None:
    for number in range(1, 6):
        act(number)
    seal_all(installed)
    assert wrong(installed) == {}
    tamper()
    said = wrong(installed)
    for what, words in found.items():
        assert words in said[what], said


def test_who_has_the_database_and_the_secret_is_found_by_the_log(installed: Installed) -> None:
    for number in range(1, 5):
        act(number)
    seal_all(installed)
    [key] = audit_keys(installed.context)
    change(2, actor="mallory@example.com")
    with reading():
        rows = list(AuditRow.select().order_by(AuditRow.number))
    link = "0" * 64
    for row in rows:
        # Everything that the database and the secret allow is made to fit.
        link = link_after(link, row.number, row_hash(row.entry()))
        change(row.number, link=link, mac=seal(key, link))
    said = wrong(installed)
    assert "row 2 (thing.changed by mallory@example.com) was changed" in said["rows"]
    assert "seals" not in said
    assert "chain" not in said


def test_another_secret_seals_from_then_on_and_the_retired_one_still_counts(installed: Installed) -> None:
    act(1)
    seal_all(installed)
    (installed.home / "keys/release/new.secret").write_text("another secret of some length")
    (installed.home / "keys/release/new.secret").chmod(0o600)
    path = installed.home / "control-plane.kdl"
    text = path.read_text()
    named = 'audit "file:keys/release/audit.secret"'
    assert named in text
    path.write_text(
        text.replace(
            named,
            f'audit "file:keys/release/new.secret"\n        {named.replace("audit ", "audit-retired ", 1)}',
        )
    )
    open_again(installed)
    act(2)
    seal_all(installed)
    assert len(audit_keys(installed.context)) == 2
    assert wrong(installed) == {}
    path.write_text(text.replace(named, 'audit "file:keys/release/new.secret"'))
    open_again(installed)
    assert "row 1" in wrong(installed)["seals"]


def test_an_empty_database_gets_back_what_git_says_with_the_same_numbers(installed: Installed) -> None:
    commit(1)
    act(2)
    commit(3)
    act(4)
    commit(5)
    seal_all(installed)
    with reading():
        before = {row.number: (row.source, row.link, row.mac) for row in AuditRow.select()}
    with writing():
        AuditRow.delete().execute()
    # What is derived comes back in whatever order it is seen, beside what is new.
    commit(5)
    act(6)
    commit(1)
    commit(3)
    commit(3)
    seal_all(installed)
    with reading():
        after = {row.number: (row.source, row.link, row.mac) for row in AuditRow.select()}
        lost = {row.number for row in AuditLost.select()}
    assert {number: after[number] for number in (1, 3, 5)} == {n: before[n] for n in (1, 3, 5)}
    assert set(after) == {1, 3, 5, 6}
    assert lost == {2, 4}
    assert wrong(installed) == {"gone": "row 2 is gone; row 4 is gone"}


def test_a_backup_that_is_older_than_the_log_goes_on_after_its_end(installed: Installed) -> None:
    for number in range(1, 6):
        act(number)
    seal_all(installed)
    remove(4, 5)
    act(6)
    seal_all(installed)
    assert numbers()[-1] == (6, "thing 6")
    assert wrong(installed) == {"gone": "row 4 is gone; row 5 is gone"}


def test_rows_that_no_worker_seals_are_noticed(installed: Installed) -> None:
    act(1)
    commit(2)
    assert wrong(installed) == {}
    installed.context.now = lambda: NOW + timedelta(minutes=11)
    assert "1 rows have waited" in wrong(installed)["waiting"]


def test_without_a_secret_rows_are_numbered_and_entered(installed: Installed) -> None:
    path = installed.home / "control-plane.kdl"
    path.write_text(path.read_text().replace('        audit "file:keys/release/audit.secret"\n', ""))
    open_again(installed)
    assert audit_keys(installed.context) == []
    act(1)
    seal_all(installed)
    assert numbers() == [(1, "thing 1")]
    assert wrong(installed) == {}
    change(1, actor="mallory")
    assert set(wrong(installed)) == {"rows", "chain"}
