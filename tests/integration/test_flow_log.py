"""Signing and watching a log, on both databases: what is never signed, and what becomes an alarm."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle.checkpoint import open_checkpoint, read_checkpoint, read_short
from reconciler.bundle.leaves import StatementLeaf
from reconciler.bundle.root import make_root, sign_root
from reconciler.db import session
from reconciler.db.logged import LogAlarm, LogCheckpoint
from reconciler.db.models import Event, Node, Pointer, Release
from reconciler.db.session import reading, writing
from reconciler.errors import LostRace, ReconcilerError
from reconciler.flows import publish
from reconciler.flows.log import recorded, signing, watching
from reconciler.flows.roots import trusted_roots
from reconciler.release.assignment import Offer
from reconciler.settings import Settings
from reconciler.store import layout
from tests.unit.cli.logged_installation import NOW, Installed, install


@pytest.fixture
def logged(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A log of four entries, signed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    found = install(Path(database.home), database)
    for number in range(2):
        found.point(found.publish(f"bundle {number}"), number + 1)
    return found


def node(name: str, log: str, **changes: Any) -> None:
    with writing():
        Node.create(
            **{
                "id": f"n-{name}", "organization": "acme", "project": "shop", "environment": "dev", "name": name,
                "key_sha256": "0" * 64, "registered_at": NOW, "changed_at": NOW, "log": log, **changes,
            }
        )  # fmt: skip


def commit(sha: str, log: str, *, ours: bool = True) -> None:
    with writing():
        Release.create(
            organization="acme", project="shop", environment="dev", sha=sha, height=1, subject="s", author_name="a",
            author_email="a", committed_at=NOW, ours=ours, trailers=[["Rollout", "r-1"], ["Log", log]],
        )  # fmt: skip


def alarms() -> list[tuple[str, str, str]]:
    with reading():
        return [(row.source, row.name, row.seen) for row in LogAlarm.select().order_by(LogAlarm.id)]


def wrong(checkpoint: str, size: int) -> str:
    """The same root for another size."""
    name, _, root = checkpoint.split(" ")
    return f"{name} {size} {root}"


def code(call: Any, *args: Any) -> str:
    with pytest.raises(ReconcilerError) as caught:
        call(*args)
    return caught.value.code


def test_a_checkpoint_is_signed_by_the_pointer_key_once_and_is_published(logged: Installed) -> None:
    first = signing.newest(logged.context)
    again = signing.newest(logged.context)
    assert first.note == again.note == logged.path("checkpoint").read_text()
    root = trusted_roots(logged.context).newest
    assert open_checkpoint(first.note, root) == first.checkpoint
    assert first.checkpoint.size == 4
    with reading():
        rows = [row.checkpoint for row in LogCheckpoint.select().order_by(LogCheckpoint.size)]
    assert rows[-1] == str(first.checkpoint)
    assert [read_short(row).size for row in rows] == [2, 4]


def test_placing_what_is_there_proves_it_and_adds_nothing(logged: Installed) -> None:
    leaf = StatementLeaf("acme", "shop", "sha256:" + "1" * 64, "2" * 64)
    (first,) = signing.place(logged.context, [leaf])
    (second,) = signing.place(logged.context, [leaf])
    assert first == second
    assert (first.index, read_checkpoint(first.checkpoint).size) == (4, 5)


def test_many_sign_at_once_and_no_size_has_two_roots(logged: Installed) -> None:
    found: list[str] = []
    together = threading.Barrier(3)

    def work(who: int) -> None:
        together.wait()
        for number in range(4):
            leaf = StatementLeaf("acme", "shop", f"sha256:{who * 100 + number:064x}", "2" * 64)
            (place,) = signing.place(logged.context, [leaf])
            found.append(str(read_checkpoint(place.checkpoint)))
        session.close()

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    by_size = {read_short(text).size: text for text in found}
    assert all(by_size[read_short(text).size] == text for text in found)
    assert watching.run(logged.context, lambda: None).kind == "unchanged"
    assert signing.newest(logged.context).checkpoint.size == 16


@pytest.mark.parametrize("database_forgot", [False, True])
def test_a_log_that_lost_or_changed_entries_is_not_signed(logged: Installed, database_forgot: bool) -> None:
    if database_forgot:
        with writing():
            LogCheckpoint.delete().execute()
    lost = logged.path("entry/003").read_bytes()
    logged.path("edge.json").unlink()
    logged.path("entry/003").unlink()
    assert code(signing.newest, logged.context) == "E-LOG-004"
    logged.path("entry/003").write_bytes(logged.path("entry/001").read_bytes())
    logged.path("edge.json").unlink()
    assert code(signing.newest, logged.context) == "E-LOG-004"
    logged.path("entry/003").write_bytes(lost)
    logged.path("edge.json").unlink()
    assert signing.newest(logged.context).checkpoint.size == 4


def test_of_two_roots_for_one_size_the_second_is_not_signed(logged: Installed) -> None:
    checkpoint = signing.newest(logged.context).checkpoint
    other = read_short(wrong(str(checkpoint), 9))
    recorded.record(other, 1, now=NOW)
    forked = read_short(f"sentinel/acme 9 {'A' * 43}=")
    with pytest.raises(ReconcilerError) as caught:
        recorded.record(forked, 1, now=NOW)
    assert caught.value.code == "E-LOG-004"


def test_a_root_with_a_higher_epoch_lets_a_log_go_on_that_lost_entries(logged: Installed) -> None:
    context = logged.context
    logged.path("edge.json").unlink()
    logged.path("entry/003").unlink()
    assert code(signing.newest, context) == "E-LOG-004"
    publics = {role: bytes(logged.key(role).verify_key) for role in ("root", "bundle", "pointer")}
    root = make_root(
        version=2, organization="acme", epoch=2, expires=NOW + timedelta(days=300),
        roles={role: ([key], 1) for role, key in publics.items()},
    )  # fmt: skip
    context.store.put(layout.root("acme", 2), sign_root(root, [logged.key("root")]))
    assert signing.newest(context).checkpoint.size == 3


def test_what_was_seen_and_is_a_beginning_is_no_alarm(logged: Installed) -> None:
    with reading():
        rows = [row.checkpoint for row in LogCheckpoint.select()]
    for number, row in enumerate(rows):
        node(f"edge-{number}", row)
        commit(f"{number}" * 40, row)
    node("new", "")
    outcome = watching.run(logged.context, lambda: None)
    assert (outcome.kind, alarms()) == ("unchanged", [])
    assert outcome.look_again_at == NOW + watching.EVERY
    assert outcome.because == "the log of 4 entries begins with all 5 checkpoints"


def test_every_kind_of_witness_raises_an_alarm_once(logged: Installed) -> None:
    ours = logged.sign()
    node("edge-1", wrong(ours, 3))
    node("edge-2", wrong(ours, 7))
    node("edge-3", ours.replace("acme", "other"))
    node("gone", wrong(ours, 2), retired_at=NOW)
    commit("a" * 40, wrong(ours, 2))
    commit("b" * 40, "nonsense")
    commit("c" * 40, wrong(ours, 1), ours=False)
    for _ in range(2):
        assert watching.run(logged.context, lambda: None).kind == "changed"
    assert sorted(alarms()) == sorted(
        [
            ("branch", "dev at aaaaaaaaaaaa", wrong(ours, 2)),
            ("branch", "dev at bbbbbbbbbbbb", "nonsense"),
            ("node", "edge-1", wrong(ours, 3)),
            ("node", "edge-2", wrong(ours, 7)),
            ("node", "edge-3", ours.replace("acme", "other")),
        ]
    )
    with reading():
        events = list(Event.select().where(Event.kind == "log.alarm"))
        reasons = {row.name: row.reason for row in LogAlarm.select()}
    assert len(events) == 5
    assert {event.details["ours"] for event in events} == {ours}
    assert reasons["edge-2"] == "the log has 4 entries, 3 fewer than were seen"


def test_a_log_that_lost_what_we_signed_is_an_alarm_without_any_node(logged: Installed) -> None:
    signed = logged.sign()
    logged.path("edge.json").unlink()
    logged.path("entry/003").unlink()
    watching.run(logged.context, lambda: None)
    assert alarms() == [("log", "our own record", signed)]


def test_pointers_with_an_older_checkpoint_do_not_replace_newer_ones(logged: Installed) -> None:
    newer = logged.point("sha256:" + "1" * 64, 9)
    with writing():
        Pointer.create(
            organization="acme", project="shop", environment="dev", cohort="base", sequence=9,
            digest="sha256:" + "1" * 64,
            envelope=newer.decode(), etag="e", issued_at=NOW,
        )  # fmt: skip
    later = logged.point("sha256:" + "1" * 64, 10)
    mine = publish.Envelope("base", 9, Offer("sha256:" + "1" * 64), newer, NOW, 1)
    theirs = publish.Envelope("base", 10, Offer("sha256:" + "1" * 64), later, NOW, 1)
    with writing():
        publish.store_pointers(logged.context, "dev", [theirs])
    with pytest.raises(LostRace) as caught, writing():
        publish.store_pointers(logged.context, "dev", [mine])
    assert caught.value.code == "E-REL-007"
    with writing():
        publish.store_pointers(logged.context, "dev", [theirs])
