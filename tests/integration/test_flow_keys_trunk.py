"""Statements after a change of keys, over a real git server, database and object store."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle import dsse
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.statement import PAYLOAD_TYPE, decode_statement
from reconciler.db import session
from reconciler.db.models import Bundle, Commit, Event
from reconciler.errors import Stalled
from reconciler.flows import resigning, roots
from reconciler.flows.roots import trusted_roots
from reconciler.store import layout
from tests.integration.environment_world import held, publish_next_root, use_key
from tests.integration.test_flow_trunk import GOOD, World, git_server, world

__all__ = ["git_server", "world"]


def statement(world: World, digest: str) -> bytes:
    return world.context.store.get(layout.statement("acme", "shop", digest), limit=LIMITS.statement)


def payload_of(world: World, digest: str) -> bytes:
    return dsse.read_envelope(statement(world, digest), "it", limit=LIMITS.statement).payload


def signers_of(envelope: bytes) -> set[str]:
    read = dsse.read_envelope(envelope, "it", limit=LIMITS.statement)
    return {signature.keyid for signature in read.signatures}


def holds(world: World, digest: str) -> bool:
    """Whether a node that knows the newest root believes the statement."""
    root = trusted_roots(world.context).newest
    read = dsse.read_envelope(statement(world, digest), "it", limit=LIMITS.statement)
    try:
        dsse.check_signatures(
            read,
            PAYLOAD_TYPE,
            root.keys_of("bundle"),
            root.roles["bundle"].threshold,
            what="it",
            code="E-VER-012",
        )
    except Exception:  # noqa: BLE001 - any refusal is a no
        return False
    return decode_statement(read.payload).digest == digest


def old_key(world: World) -> str:
    return dsse.keyid(bytes(held(world.context, "bundle").verify_key))


def versions(world: World) -> set[int]:
    return {row.root_version for row in world.bundles()}


@pytest.fixture
def two_bundles(world: World) -> World:
    world.push(GOOD)
    world.run()
    world.push({"upstreams.kdl": GOOD["upstreams.kdl"].replace(b"127.0.0.1:3000", b"127.0.0.1:3100")})
    world.run()
    assert len(world.bundles()) == 2
    return world


def test_a_compile_worker_needs_the_bundle_key_and_no_other(world: World, tmp_path: Path) -> None:
    for role in ("root", "pointer", "commit"):
        (tmp_path / f"{role}.key").unlink()
    world.push(GOOD)
    assert world.run() == "changed"
    (bundle,) = world.bundles()
    assert holds(world, bundle.digest)


def test_a_compile_worker_without_it_says_which_key_it_lacks(world: World, tmp_path: Path) -> None:
    (tmp_path / "bundle.key").unlink()
    world.push(GOOD)
    with pytest.raises(Stalled, match=r"bundle\.key") as caught:
        world.run()
    assert caught.value.code == "E-KEY-002"


def test_without_a_root_nothing_is_signed_and_it_says_so(world: World, tmp_path: Path) -> None:
    (tmp_path / "objects" / layout.root("acme", 1)).unlink()
    world.push(GOOD)
    with pytest.raises(Stalled, match="sentinelctl keys init") as caught:
        world.run()
    assert caught.value.code == "E-KEY-008"


def test_after_a_rotation_every_statement_has_both_signatures(two_bundles: World, tmp_path: Path) -> None:
    world = two_bundles
    old = old_key(world)
    payloads = {row.digest: payload_of(world, row.digest) for row in world.bundles()}
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    publish_next_root(world.context, add={"bundle": (public,)}, remove={"bundle": (old,)})
    assert not any(holds(world, digest) for digest in payloads)
    assert [world.run(), world.run()] == ["changed", "unchanged"]
    for digest, payload in payloads.items():
        envelope = statement(world, digest)
        assert holds(world, digest)
        assert signers_of(envelope) == {old, dsse.keyid(public)}
        assert payload_of(world, digest) == payload
    assert versions(world) == {2}
    # Under the next root, the signature of the key that left goes as well, once somebody signs again.
    third = use_key(world.context, "bundle", tmp_path / "bundle-3.key")
    publish_next_root(world.context, add={"bundle": (third,)}, remove={"bundle": (dsse.keyid(public),)})
    world.run()
    for digest in payloads:
        assert signers_of(statement(world, digest)) == {dsse.keyid(public), dsse.keyid(third)}


def test_signing_again_dies_half_way_and_goes_on(
    two_bundles: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = two_bundles
    old = old_key(world)
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    publish_next_root(world.context, add={"bundle": (public,)}, remove={"bundle": (old,)})
    signed = resigning.sign_again
    calls: list[str] = []

    def dies(context: Any, key: str, *rest: Any) -> None:
        signed(context, key, *rest)
        calls.append(key)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resigning, "sign_again", dies)
        with pytest.raises(KeyboardInterrupt):
            world.run()
    assert len(calls) == 1
    assert versions(world) == {1}
    world.run()
    assert versions(world) == {2}
    assert all(holds(world, row.digest) for row in world.bundles())


def test_statements_wait_for_the_worker_that_has_the_new_key(two_bundles: World, tmp_path: Path) -> None:
    world = two_bundles
    old = world.context.organization
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    new, world.context.organization = world.context.organization, old
    publish_next_root(world.context, add={"bundle": (public,)}, remove={"bundle": (old_key(world),)})
    with pytest.raises(Stalled, match="not one of them") as caught:
        world.run()
    assert caught.value.code == "E-KEY-007"
    # Both may be configured: whichever the newest root names signs.
    both = (*old.keys.bundle, *new.keys.bundle)
    world.context.organization = replace(old, keys=replace(old.keys, bundle=both))
    world.run()
    assert versions(world) == {2}


def test_a_threshold_of_two_is_signed_by_a_worker_that_holds_two(two_bundles: World, tmp_path: Path) -> None:
    world = two_bundles
    old = world.context.organization
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    world.context.organization = replace(
        old, keys=replace(old.keys, bundle=(*old.keys.bundle, f"file:{tmp_path}/bundle-2.key"))
    )
    publish_next_root(world.context, add={"bundle": (public,)}, thresholds={"bundle": 2})
    world.run()
    assert all(holds(world, row.digest) for row in world.bundles())
    world.context.organization = old
    world.push({"upstreams.kdl": GOOD["upstreams.kdl"].replace(b"127.0.0.1:3000", b"127.0.0.1:3200")})
    with pytest.raises(Stalled, match="this process holds 1") as caught:
        world.run()
    assert caught.value.code == "E-KEY-007"


def test_what_only_a_revoked_key_signed_is_built_again(two_bundles: World, tmp_path: Path) -> None:
    world = two_bundles
    old = old_key(world)
    commits = {row.digest: row.commit for row in world.bundles()}
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    publish_next_root(world.context, add={"bundle": (public,)}, revoke=(old,))
    assert [world.run(), world.run(), world.run()] == ["changed", "changed", "unchanged"]
    for digest, commit in commits.items():
        envelope = statement(world, digest)
        assert holds(world, digest)
        assert signers_of(envelope) == {dsse.keyid(public)}
        assert decode_statement(payload_of(world, digest)).commit == commit
    assert versions(world) == {2}
    assert world.kinds().count("bundle.vouched") == 2
    with session.reading():
        messages = [event.message for event in Event.select().where(Event.kind == "bundle.vouched")]
    assert all(message.endswith("; it was signed again under root 2") for message in messages), messages


def test_a_bundle_of_a_thief_is_not_vouched_for(two_bundles: World, tmp_path: Path) -> None:
    world = two_bundles
    first, second = world.bundles()
    # The thief says that the second bundle was made from the first one's commit, which nobody else would say.
    with session.writing():
        Bundle.update(commit=first.commit).where(Bundle.id == second.id).execute()
    old = old_key(world)
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    publish_next_root(world.context, add={"bundle": (public,)}, revoke=(old,))
    before = statement(world, second.digest)
    world.run()
    assert holds(world, first.digest)
    assert not holds(world, second.digest)
    assert statement(world, second.digest) == before
    with session.reading():
        (event,) = Event.select().where(Event.kind == "bundle.distrusted")
    assert event.subject == second.digest
    assert first.digest in event.message
    assert event.message.endswith(
        "its statement does not hold under root 2, and nodes that do not run it refuse it"
    )
    marks = {row.digest: (row.root_version, row.distrusted_version) for row in world.bundles()}
    assert marks == {first.digest: (2, 0), second.digest: (1, 2)}
    world.run()
    assert world.kinds().count("bundle.distrusted") == 1, "it is looked at once under each root"


def test_many_that_nobody_vouches_for_are_looked_at_a_few_in_a_run(
    two_bundles: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = two_bundles
    monkeypatch.setattr(resigning, "REBUILDS", 1)
    with session.writing():
        Bundle.update(commit="0" * 40).execute()
    old = old_key(world)
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    publish_next_root(world.context, add={"bundle": (public,)}, revoke=(old,))
    world.run()
    assert sorted(row.distrusted_version for row in world.bundles()) == [0, 2]
    world.run()
    assert {row.distrusted_version for row in world.bundles()} == {2}


@pytest.mark.parametrize("change", ["remove", "revoke"])
def test_nothing_is_compiled_in_a_process_that_has_held_a_key(
    two_bundles: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    world = two_bundles
    old = old_key(world)
    public = use_key(world.context, "bundle", tmp_path / "bundle-2.key")
    gone: dict[str, Any] = {"revoke": (old,)} if change == "revoke" else {"remove": {"bundle": (old,)}}
    publish_next_root(world.context, add={"bundle": (public,)}, **gone)
    world.push({**GOOD, "more.kdl": "// one more\n"})
    done: list[str] = []
    fork, load = os.fork, roots.held_keys
    monkeypatch.setattr(os, "fork", lambda: done.append("fork") or fork())
    monkeypatch.setattr(roots, "held_keys", lambda *a, **k: done.append("key") or load(*a, **k))
    runs = []
    while world.run() == "changed" or not runs:
        runs.append(done.copy())
        done.clear()
        assert len(runs) < 9
    assert any("key" in run for run in runs)
    assert any("fork" in run for run in runs)
    for run in [*runs, done]:
        after = run[run.index("key") :] if "key" in run else []
        assert "fork" not in after, runs


def test_a_statement_that_a_stranger_signed_stalls(world: World, tmp_path: Path) -> None:
    world.push(GOOD)
    world.run()
    (bundle,) = world.bundles()
    envelope = dsse.read_envelope(statement(world, bundle.digest), "it", limit=10**6)
    use_key(world.context, "bundle", tmp_path / "stranger.key")
    forged = dsse.sign(PAYLOAD_TYPE, envelope.payload, [held(world.context, "bundle")])
    world.context.store.replace(layout.statement("acme", "shop", bundle.digest), forged)
    with session.writing():
        Commit.update(state="found").execute()
    with pytest.raises(Stalled) as caught:
        world.run()
    assert caught.value.code == "E-TRK-007"
