"""Wrapping data keys for nodes: complete, once each, whoever does it at the same time, and without opening a value."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nacl.public import PrivateKey

from reconciler import clock
from reconciler.bundle.sealed import WRAPPED, Label, key_id, open_value, unwrap, unwritten
from reconciler.db import session
from reconciler.db.models import Event, Node, Rollout, Work
from reconciler.db.node_keys import WrappedKey
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.errors import LostRace, Stalled
from reconciler.flows import delivery
from reconciler.flows.founding import sealing_key_file
from reconciler.jobs.queue import QUEUE_OF_KIND
from reconciler.keys.sealing import rewrap
from reconciler.settings import Settings
from reconciler.store import layout
from tests.integration.delivery_world import DeliveryWorld, add_nodes
from tests.unit.node.publishing import build, paper_seal, pinned
from tests.unit.nodes_api.served import Release

NOW = clock.now()
VALUE = b"canary-5521"
NEEDY = build(secrets={"shop-key": pinned("shop-key", 2, VALUE), "token": pinned("token", 1, VALUE)})
NEEDED = {(name, pin.version) for name, pin in NEEDY.secrets.items()}


@pytest.fixture
def world(database: Settings) -> DeliveryWorld:
    """Production points at a bundle that needs two secrets, both of them sealed."""
    world = DeliveryWorld(database)
    Release(database).pointer(NEEDY, sequence=1)
    for name, version in (("shop-key", 1), ("shop-key", 2), ("token", 1)):
        world.seal(name, version, VALUE)
    return world


def rows() -> set[tuple[str, str, int]]:
    with reading():
        return {(row.node, row.name, row.version) for row in WrappedKey.select()}


def wrapped_of(node: str, name: str) -> str:
    with reading():
        return str(WrappedKey.get(WrappedKey.node == node, WrappedKey.name == name).wrapped)


def everything(*nodes: str) -> set[tuple[str, str, int]]:
    return {(node, *secret) for node in nodes for secret in NEEDED}


def run(world: DeliveryWorld) -> Any:
    return delivery.run(world.context, "production", lambda: None)


def test_every_node_gets_what_it_needs_and_opens_it_with_its_own_key(world: DeliveryWorld) -> None:
    keys = add_nodes(["n-1", "n-2"], now=NOW)
    assert run(world).kind == "changed"
    assert rows() == everything("n-1", "n-2")
    value = world.context.store.get(
        layout.sealed_value("acme", "shop", "production", "token", 1), limit=10**6
    )
    with reading():
        for row in WrappedKey.select().where(WrappedKey.name == "token"):
            data_key = unwrap(unwritten(row.wrapped), keys[row.node].sealing)
            assert open_value(value, data_key, Label("shop", "production", "token", 1)) == VALUE
    assert run(world).kind == "unchanged"


def test_only_what_is_missing_is_read(world: DeliveryWorld) -> None:
    add_nodes(["n-1"], now=NOW)
    read: list[str] = []
    context = world.context
    get = context.store.get

    class Watched:
        def get(self, key: str, *, limit: int) -> bytes:
            read.append(key)
            return get(key, limit=limit)

    context.store = Watched()  # type: ignore[assignment]
    delivery.run(context, "production", lambda: None)
    assert rows() == everything("n-1")
    assert len(read) == 4, "each once, however many nodes there are"
    read.clear()
    delivery.run(context, "production", lambda: None)
    assert read == []


def test_nodes_that_cannot_or_must_not_have_secrets_get_none(world: DeliveryWorld) -> None:
    add_nodes(["n-keyless"], now=NOW, keyed=False)
    add_nodes(["n-dev"], now=NOW, environment="dev")
    add_nodes(["n-1", "n-retired"], now=NOW)
    run(world)
    assert rows() == everything("n-1", "n-retired")
    with writing():
        Node.update(retired_at=NOW).where(Node.id == "n-retired").execute()
    run(world)
    assert rows() == everything("n-1"), "what was wrapped for a retired node is deleted"


def test_what_is_there_stays_and_what_is_missing_is_added(world: DeliveryWorld) -> None:
    add_nodes(["n-1"], now=NOW)
    run(world)
    before = wrapped_of("n-1", "shop-key")
    add_nodes(["n-2"], now=NOW)
    with writing():
        WrappedKey.delete().where(WrappedKey.name == "token").execute()
    run(world)
    assert rows() == everything("n-1", "n-2")
    assert wrapped_of("n-1", "shop-key") == before


def test_the_bundles_of_earlier_rollouts_are_wrapped_too(world: DeliveryWorld) -> None:
    """A rollback finds its keys without waiting."""
    older = build("127.0.0.1:9000", secrets={"shop-key": pinned("shop-key", 1, VALUE)})
    release = Release(world.settings)
    release.bundle(older)
    release.rollout("r-1", "0" * 16, state="completed")
    with writing():
        Rollout.update(digest=older.digest).execute()
    add_nodes(["n-1"], now=NOW)
    run(world)
    assert rows() == everything("n-1") | {("n-1", "shop-key", 1)}


def test_two_at_once_end_with_one_row_each(world: DeliveryWorld) -> None:
    add_nodes([f"n-{number}" for number in range(30)], now=NOW)
    start = threading.Barrier(3)

    def work() -> None:
        try:
            start.wait(20)
            run(world)
        finally:
            session.close()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for _ in range(3)]:
            done.result(60)
    assert rows() == everything(*(f"n-{number}" for number in range(30)))
    with reading():
        assert WrappedKey.select().count() == 60


def test_a_large_fleet_is_done_in_batches_and_runs(
    world: DeliveryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH", 3)
    monkeypatch.setattr(delivery, "KEYS_OF_A_RUN", 10)
    monkeypatch.setattr(delivery, "ROWS_AT_ONCE", 4)
    names = [f"n-{number:02}" for number in range(11)]
    add_nodes(names, now=NOW)
    renewed: list[int] = []

    def once() -> Any:
        return delivery.run(world.context, "production", lambda: renewed.append(len(rows())))

    first = once()
    assert first.look_again_at is not None
    assert renewed == [6, 12], "the lease is renewed between batches"
    assert once().look_again_at is not None
    assert once().look_again_at is None
    assert rows() == everything(*names)


def test_a_run_that_loses_its_lease_leaves_whole_batches(
    world: DeliveryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH", 2)
    add_nodes(["n-1", "n-2", "n-3"], now=NOW)

    def lost() -> None:
        raise LostRace("E-DB-004", "gone")

    with pytest.raises(LostRace):
        delivery.run(world.context, "production", lost)
    assert rows() == everything("n-1", "n-2")
    run(world)
    assert rows() == everything("n-1", "n-2", "n-3")


def test_a_secret_for_a_key_that_is_not_held_stalls_after_the_others_are_wrapped(
    world: DeliveryWorld,
) -> None:
    secrets = {"shop-key": pinned("shop-key", 2, VALUE), "stranger": pinned("stranger", 1, VALUE)}
    more = build("127.0.0.1:9100", secrets=secrets)
    Release(world.settings).pointer(more, sequence=2)
    world.seal("stranger", 1, VALUE, key=PrivateKey.generate())
    add_nodes(["n-1"], now=NOW)
    with pytest.raises(Stalled, match="stranger v1") as caught:
        run(world)
    assert caught.value.code == "E-SEC-020"
    assert ("n-1", "shop-key", 2) in rows()


def test_a_wrapped_key_that_is_damaged_or_absent_stalls(world: DeliveryWorld) -> None:
    add_nodes(["n-1"], now=NOW)
    store, place = world.context.store, layout.secrets("acme", "shop")
    for key in list(store.list(place)):
        if "/token/" in key and "/keys/" in key:
            store.replace(key, b"x" * 80)
    with pytest.raises(Stalled, match="token v1"):
        run(world)
    assert rows() == {("n-1", "shop-key", 2)}


@pytest.mark.parametrize("how", ["replaced", "oversized", "removed"])
def test_a_value_that_is_not_the_bundles_is_wrapped_for_nobody(world: DeliveryWorld, how: str) -> None:
    """What somebody sealed for the environment's public key and put in its place, with a data key that opens it."""
    add_nodes(["n-1", "n-2"], now=NOW)
    store, place = world.context.store, ("acme", "shop", "production", "token", 1)
    public = bytes(world.keys["production"].public_key)
    forged = paper_seal(b"chosen", public, Label("shop", "production", "token", 1))
    true = store.get(layout.sealed_value(*place), limit=10**6)
    true_key = store.get(layout.wrapped_key(*place, forged.key_id), limit=WRAPPED)
    if how == "removed":
        next(world.settings.home.rglob(f"*/{layout.sealed_value(*place)}")).unlink()
    else:
        store.replace(layout.sealed_value(*place), forged.value if how == "replaced" else b"x" * 70_000)
    store.replace(layout.wrapped_key(*place, forged.key_id), forged.wrapped)
    ask("acme", "shop", "delivery", "production", now=NOW)
    (ending,) = world.work()
    assert ending.startswith("stalled: E-SEC-021")
    assert "token v1" in ending
    assert rows() == {("n-1", "shop-key", 2), ("n-2", "shop-key", 2)}, "all others are wrapped"
    with reading():
        event = Event.get(Event.kind == "work.stalled")
    assert (event.details["code"], event.subject) == ("E-SEC-021", "production")
    store.replace(layout.sealed_value(*place), true)
    store.replace(layout.wrapped_key(*place, forged.key_id), true_key)
    assert run(world).kind == "changed"
    assert rows() == everything("n-1", "n-2")


def test_a_replaced_environment_key_wraps_for_new_nodes_and_leaves_the_others(world: DeliveryWorld) -> None:
    """What `secret rewrap` commits: the data keys once more, for the new key; the old private key is gone then."""
    add_nodes(["n-old"], now=NOW)
    run(world)
    before = wrapped_of("n-old", "token")
    old, new = world.keys["production"], PrivateKey.generate()
    store, public = world.context.store, bytes(new.public_key)
    for name, version in NEEDED:
        place = ("acme", "shop", "production", name, version)
        wrapped = store.get(layout.wrapped_key(*place, key_id(bytes(old.public_key))), limit=WRAPPED)
        store.put(layout.wrapped_key(*place, key_id(public)), rewrap(wrapped, old, public))
    path = world.settings.config_file.parent / sealing_key_file("shop", "production")
    path.write_text(bytes(new).hex())
    keys = add_nodes(["n-new"], now=NOW)
    run(world)
    assert rows() == everything("n-old", "n-new")
    assert wrapped_of("n-old", "token") == before
    value = store.get(layout.sealed_value("acme", "shop", "production", "token", 1), limit=10**6)
    data_key = unwrap(unwritten(wrapped_of("n-new", "token")), keys["n-new"].sealing)
    assert open_value(value, data_key, Label("shop", "production", "token", 1)) == VALUE


def test_an_environment_without_secrets_needs_no_key(database: Settings) -> None:
    world = DeliveryWorld(database)
    Release(database).pointer(build(), sequence=1)
    add_nodes(["n-1"], now=NOW)
    for key in (database.config_file.parent / "keys").rglob("*.sealing"):
        key.unlink()
    assert run(world).kind == "unchanged"


def test_it_is_work_of_the_release_workers(world: DeliveryWorld) -> None:
    assert QUEUE_OF_KIND["delivery"] == "release"
    add_nodes(["n-1"], now=NOW)
    ask("acme", "shop", "delivery", "production", now=NOW)
    assert world.work() == ["changed: 2 data keys wrapped, 2 a node in all"]
    assert world.work() == []
    with reading():
        assert Work.get(Work.kind == "delivery").outcome == "changed"


def test_no_row_and_no_ending_holds_a_value(world: DeliveryWorld, database: Settings) -> None:
    add_nodes(["n-1"], now=NOW)
    run(world)
    if database.database_url.startswith("sqlite"):
        content = b"".join(path.read_bytes() for path in database.home.glob("*.db*"))
        assert b"n-1" in content
        assert VALUE not in content
    stored = world.context.store
    assert not [key for key in stored.list("organizations/") if VALUE in stored.get(key, limit=10**8)]
