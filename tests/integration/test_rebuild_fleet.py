"""The database is lost while a rollout goes on: real flows, real HTTP, real agents, and no backup."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler import clock
from reconciler.bundle import dsse
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.node_record import LIMIT, NodeRecord, open_record, sign_record
from reconciler.bundle.pointer import peek_pointer
from reconciler.db import session
from reconciler.db.audit import Act, Actor, AuditLost, AuditRow, record
from reconciler.db.enrolled import retire
from reconciler.db.migrate import migrate
from reconciler.db.models import Bundle, Commit, Node, Pointer, Release, Rollout
from reconciler.errors import Refused, Stalled
from reconciler.flows import enrolment, environment, trunk
from reconciler.flows.audit import sealing
from reconciler.flows.audit.checking import check_audit
from reconciler.flows.backup.making import Source, make
from reconciler.flows.backup.restoring import check, read_backup, restore
from reconciler.flows.rebuild.nodes import bring_nodes, check_nodes_known
from reconciler.flows.rebuild.steps import rebuild
from reconciler.flows.roots import signers, trusted_roots
from reconciler.store import layout
from tests.integration.delivery_world import add_nodes
from tests.integration.environment_world import held, publish_next_root, use_key
from tests.integration.node_servers import NodeApi
from tests.integration.test_keys_fleet import PROJECT, YEAR, System
from tests.servers.git_http import GitServer, git_server
from tests.unit.cli.logged_installation import NOW, install

__all__ = ["git_server"]

ROLLING = PROJECT.replace(b'strategy "all-at-once"', b'strategy "rolling"\n        batches size=1')


@pytest.fixture
def system(tmp_path: Path, git_server: GitServer, free_port: int) -> Iterator[System]:
    made = System(tmp_path, git_server, free_port)
    made.source = ROLLING
    yield made
    made.stop()


def lose_database(system: System) -> None:
    """What was in it is gone; processes start again on an empty one."""
    system.api.stop()
    session.disconnect()
    for path in (system.folder / "home").glob("*.db*"):
        path.unlink()
    migrate(system.context.settings)
    session.connect(system.context.settings)


def until(system: System, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "\n".join(system.log[-20:])
        environment.run(system.context, "dev", lambda: None)
        time.sleep(0.3)


def running(digest: str) -> int:
    with session.reading():
        return Node.select().where(Node.running == digest, Node.retired_at.is_null()).count()


def seal(system: System) -> None:
    while sealing.run(system.context, lambda: None).kind == "changed":
        pass


def branch(system: System) -> list[str]:
    """Subjects of dev's branch, the oldest first."""
    refs = system.context.mirror.fetch()
    commits = system.context.mirror.first_parents(refs["refs/heads/env/dev"], limit=100, stop=None)
    return [commit.subject for commit in commits[::-1]]


def start_api(system: System) -> None:
    system.api = NodeApi(system.environ, system.api.port, system.folder / "nodes-2.log")


def back_up(system: System) -> io.BytesIO:
    file = io.BytesIO()
    source = Source(b"", system.context.installation, system.context.store)
    make(source, file, recipient=None, now=clock.now(), progress=lambda count: None)
    return file


def test_a_rollout_ends_as_if_the_database_had_not_been_lost_and_a_restore_begins_a_new_epoch(
    system: System,
) -> None:
    system.start_fleet(3)
    first = system.push(1)
    system.settle(first)
    seal(system)
    old_backup = back_up(system)
    second = system.push(2)
    until(system, lambda: running(second) == 1)
    with session.writing():
        node = Node.create(
            id="n-left", organization="acme", project="shop", environment="dev", name="left", key_sha256="7" * 64,
            registered_at=clock.now(), changed_at=clock.now(),
        )  # fmt: skip
        retire(node, "it was taken down", now=clock.now())
    enrolment.run(system.context, lambda: None)
    seal(system)
    with session.reading():
        registered = {row.id: row.key_sha256 for row in Node.select()}
        certificates = {row.digest: (row.environments, row.commit) for row in Bundle.select()}
        told = {row.source: row.number for row in AuditRow.select() if row.source.startswith("commit:")}
        rollout = Rollout.select().order_by(Rollout.id.desc()).get()
        assert (rollout.state, rollout.digest) == ("open", second)
    before = branch(system)

    lose_database(system)
    # Without its nodes the fleet would seem to have nobody to wait for: nothing is decided.
    trunk.run(system.context, lambda: None)
    with pytest.raises(Stalled, match="E-BAK-110"):
        environment.run(system.context, "dev", lambda: None)
    assert branch(system) == before

    lose_database(system)
    start_api(system)
    done = {step.what: step.words for step in rebuild(system.context, lambda words: None)}
    assert done["nodes"] == "4 nodes are registered again, 0 brought up to date"
    again = {step.what: step.words for step in rebuild(system.context, lambda words: None)}
    assert again["nodes"] == "0 nodes are registered again, 0 brought up to date"
    assert again["bundles"] == "0 bundles are known again, 0 of them as removed"
    with session.reading():
        assert {row.id: row.key_sha256 for row in Node.select()} == registered
        assert Node.get_by_id("n-left").retired_at is not None
        assert {row.digest: (row.environments, row.commit) for row in Bundle.select()} == certificates
        assert [row.state for row in Commit.select().order_by(Commit.position)] == ["compiled", "compiled"]

    trunk.run(system.context, lambda: None)
    until(system, lambda: running(second) == 3)
    until(system, lambda: branch(system)[-1].startswith("Complete"))
    after = branch(system)
    assert after[: len(before)] == before
    assert [subject for subject in after if "oll back" in subject or "Pause" in subject] == []
    assert sum(subject.startswith("Open rollout") for subject in after) == 2
    with session.reading():
        assert [row.subject for row in Release.select().order_by(Release.height)] == after
        found = Rollout.get(Rollout.name == rollout.name)
        assert (found.state, found.digest) == ("completed", second)
        assert {row.id for row in Node.select()} == set(registered)
        refusals = {row.name: row.refusal for row in Node.select() if row.refusal}
    assert refusals == {}
    # The rows of commits have their numbers back; those that only the database had are known to be gone.
    seal(system)
    with session.reading():
        numbers = {row.source: row.number for row in AuditRow.select()}
        assert {source: numbers[source] for source in told} == told
        assert AuditLost.select().where(AuditLost.number.in_(list(told.values()))).count() == 0
    restored_from(system, old_backup)


def restored_from(system: System, old_backup: io.BytesIO) -> None:
    """The database is lost once more, and comes back as it was before the last rollout."""
    context = system.context
    with session.writing():
        record(Actor("machine", "root"), Act("join_token.created", "acme", "shop"), now=clock.now())
    seal(system)
    lose_database(system)
    start_api(system)
    backup = read_backup(old_backup, None, lambda line: None)
    assert [c for c in check(backup, context.store, expected=None, now=clock.now()) if not c.ok] == []
    restore(backup, old_backup, None, by=Actor("machine", "root"), now=clock.now())
    assert [step.words for step in rebuild(context, lambda words: None) if step.what == "nodes"] == [
        "1 nodes are registered again, 0 brought up to date"
    ]
    with pytest.raises(Stalled, match="E-BAK-108"):
        environment.run(context, "dev", lambda: None)
    publish_next_root(context, expires=clock.now().replace(microsecond=0) + YEAR, epoch=1)
    trunk.run(context, lambda: None)
    third = system.push(3)
    until(system, lambda: running(third) == 3)
    with session.reading():
        assert [row.refusal for row in Node.select() if row.refusal] == []
        assert peek_pointer(Pointer.get().envelope.encode(), limit=LIMITS.pointer).epoch == 2
    assert system.root_versions() == {2}
    seal(system)
    gone = [found for found in check_audit(context, lambda count: None) if found.what == "gone"]
    assert [(found.ok, "is gone" in found.words) for found in gone] == [(False, True)]


def test_a_database_that_was_restored_gives_way_to_newer_records(tmp_path: Path) -> None:
    context = install(tmp_path).context
    add_nodes(("n-live", "n-gone"), now=NOW)
    enrolment.run(context, lambda: None)
    with session.writing():
        retire(Node.get_by_id("n-gone"), "it was stolen", now=NOW + timedelta(hours=1))
    enrolment.run(context, lambda: None)
    with session.writing():
        # As a backup has it that was made before the node was retired.
        Node.update(retired_at=None, changed_at=NOW, recorded_at=None, recorded_by="").execute()
    for _ in range(2):
        assert enrolment.run(context, lambda: None).kind == "changed"
    assert enrolment.run(context, lambda: None).kind == "unchanged"
    with session.reading():
        assert Node.get_by_id("n-gone").retired_at == NOW + timedelta(hours=1)
        assert Node.get_by_id("n-live").retired_at is None
    record = open_record(
        context.store.get(layout.node("acme", "shop", "n-gone"), limit=LIMIT), trusted_roots(context)
    )
    assert record.retired == NOW + timedelta(hours=1)
    session.disconnect()


def test_records_that_are_not_ours_register_nobody(tmp_path: Path) -> None:
    context = install(tmp_path).context
    add_nodes(("n-good", "n-old"), now=NOW)
    assert enrolment.run(context, lambda: None).kind == "changed"
    assert enrolment.run(context, lambda: None).kind == "unchanged"
    key = layout.node("acme", "shop", "n-good")
    record = context.store.get(key, limit=LIMIT)
    pointer_keys = signers(context, "pointer", trusted_roots(context).newest)
    with session.writing():
        forged = enrolment.record_of(Node.get_by_id("n-good"))
        # What is newer in a record than in a row, as after a restore of an older backup, is taken over.
        retire(Node.get_by_id("n-old"), "it was taken down", now=NOW + timedelta(hours=1))
    enrolment.run(context, lambda: None)
    context.store.put(layout.node("acme", "shop", "n-evil"), record)
    context.store.put(layout.node("acme", "shop", "n-wrong"), sign_record(forged, pointer_keys))
    context.store.put(layout.node("acme", "shop", "n-flip"), record.replace(b'"sig":"', b'"sig":"A', 1))
    with session.writing():
        Node.delete().where(Node.id == "n-good").execute()
        Node.update(retired_at=None, changed_at=NOW).execute()
    with pytest.raises(Stalled, match=r"E-BAK-110.* 1 nodes.*n-good"):
        check_nodes_known(context)
    said: list[str] = []
    assert bring_nodes(context, said.append) == (
        "1 nodes are registered again, 1 brought up to date, 3 records are not ours"
    )
    assert len([words for words in said if "left out" in words]) == 3
    with session.reading():
        good, old = Node.get_by_id("n-good"), Node.get_by_id("n-old")
    assert (good.registered_at, good.retired_at, good.running) == (NOW, None, "")
    assert good.reported_at is not None
    assert old.retired_at is not None

    # A commit key that was stolen vouches for no node any more; those that are registered are recorded anew.
    stolen = dsse.keyid(bytes(held(context, "commit").verify_key))
    public = use_key(context, "commit", tmp_path / "commit-2.key")
    publish_next_root(context, add={"commit": (public,)}, revoke=(stolen,))
    with pytest.raises(Refused, match="E-BAK-111"):
        open_record(record, trusted_roots(context))
    assert enrolment.run(context, lambda: None).kind == "changed"
    again = open_record(context.store.get(key, limit=LIMIT), trusted_roots(context))
    assert (again.id, again.registered) == ("n-good", NOW)
    session.disconnect()


def test_a_record_that_came_late_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, record_of = install(tmp_path).context, enrolment.record_of
    add_nodes(("n-old",), now=NOW)
    enrolment.run(context, lambda: None)
    with session.writing():
        Node.update(recorded_at=None).execute()

    def late(row: Node) -> NodeRecord:
        # Between this run's look and its write the node is retired, and another run records that.
        monkeypatch.setattr(enrolment, "record_of", record_of)
        with session.writing():
            retire(Node.get_by_id("n-old"), "it was taken down", now=NOW + timedelta(hours=1))
        enrolment.run(context, lambda: None)
        return record_of(row)

    monkeypatch.setattr(enrolment, "record_of", late)
    enrolment.run(context, lambda: None)
    assert enrolment.run(context, lambda: None).kind == "changed"
    found = open_record(
        context.store.get(layout.node("acme", "shop", "n-old"), limit=LIMIT), trusted_roots(context)
    )
    assert found.retired is not None
    session.disconnect()
