"""The scheduled self-check: live bundles are rebuilt, what is wrong is said, a newer compiler is no alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler.bundle import archive
from reconciler.bundle.dsse import read_envelope
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.statement import decode_statement, sign_statement
from reconciler.cli.main import group
from reconciler.db import session
from reconciler.db.evidence import Reproduction
from reconciler.db.live import live_bundles
from reconciler.db.models import Bundle, Event, Node, Pointer, Work
from reconciler.db.owed import due
from reconciler.flows import reproduction, selfcheck
from reconciler.jobs.rebuilding import AT_ONCE, EVERY, FIRST_WITHIN, SPREAD, ask_for_rebuilds
from reconciler.store import layout
from tests.integration.test_flow_trunk import GOOD, NOW, World, git_server, world
from tests.unit.bundle.offers import key

__all__ = ["git_server", "world"]


def published(world: World) -> str:
    world.push(GOOD)
    world.run()
    (bundle,) = world.bundles()
    digest: str = bundle.digest
    return digest


def check(world: World, digest: str) -> Reproduction:
    selfcheck.run(world.context, digest, lambda: None)
    with session.reading():
        found: Reproduction = Reproduction.get(Reproduction.digest == digest)
        return found


def alarms() -> list[Event]:
    with session.reading():
        return list(Event.select().where(Event.kind == "bundle.not-reproducible"))


def test_a_bundle_is_rebuilt_from_its_commit(world: World) -> None:
    digest = published(world)
    row = check(world, digest)
    assert (row.outcome, row.checked_at, row.identical_at, row.details) == ("identical", NOW, NOW, [])
    assert selfcheck.run(world.context, digest, lambda: None).kind == "unchanged"
    assert alarms() == []


def test_a_mirror_that_was_lost_is_fetched_again(world: World, tmp_path: Any) -> None:
    digest = published(world)
    settings = replace(world.context.settings, home=tmp_path / "elsewhere")
    context = replace(world.context, settings=settings, _mirror=None)
    selfcheck.run(context, digest, lambda: None)
    with session.reading():
        assert Reproduction.get().outcome == "identical"


def test_another_compiler_is_said_calmly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = published(world)
    check(world, digest)
    for module in (reproduction, selfcheck):
        monkeypatch.setattr(module, "COMPILER", "sentinel-compiler/99.0.0")
    row = check(world, digest)
    assert (row.outcome, row.compiler, row.identical_at) == (
        "other-compiler",
        "sentinel-compiler/99.0.0",
        NOW,
    )
    assert alarms() == []


def test_what_its_commit_does_not_compile_to_is_an_alarm_once(world: World) -> None:
    """Somebody signs a bundle that this commit does not make, whoever's key it is."""
    digest = published(world)
    store, names = world.context.store, ("acme", "shop")
    files = archive.unpack(store.get(layout.bundle(*names, digest), limit=LIMITS.blob))
    tar = archive.build_tar({**files, "agents/more": b"1"})
    forged = archive.digest_of(tar)
    envelope = store.get(layout.statement(*names, digest), limit=LIMITS.statement)
    stated = decode_statement(read_envelope(envelope, "it", limit=LIMITS.statement).payload)
    stated = replace(stated, tar_sha256=forged.removeprefix("sha256:"), tar_length=len(tar))
    store.put(layout.bundle(*names, forged), archive.compress(tar))
    store.put(layout.statement(*names, forged), sign_statement(stated, key("bundle")))
    row = check(world, forged)
    assert (row.outcome, row.details, row.identical_at) == ("different", ["agents/more"], None)
    check(world, forged)
    (alarm,) = alarms()
    assert (alarm.subject, alarm.details["files"]) == (forged, ["agents/more"])


@pytest.mark.parametrize("what", ["bundle", "statement", "another"])
def test_a_damaged_object_store_is_an_alarm(world: World, what: str) -> None:
    digest = published(world)
    store = world.context.store
    key = (layout.statement if what == "statement" else layout.bundle)("acme", "shop", digest)
    other = archive.compress(archive.build_tar({"a": b"1"}))
    store.replace(key, other if what == "another" else b"rubbish")
    row = check(world, digest)
    assert row.outcome == "damaged"
    assert len(alarms()) == 1


def test_a_bundle_that_is_gone_is_an_alarm(world: World) -> None:
    row = check(world, "sha256:" + "0" * 64)
    assert (row.outcome, "E-STO-001" in row.because) == ("damaged", True)


def test_an_installation_needs_a_digest_alone(
    world: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = published(world)
    monkeypatch.setattr("reconciler.cli.originals._contexts", lambda: iter([world.context]))
    done = CliRunner().invoke(group, ["reproduce", digest])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(group, ["reproduce", "sha256:" + "0" * 64])
    assert (done.exit_code, "There is no statement" in done.output) == (2, True)


def point_at(digest: str, environment: str = "dev") -> None:
    with session.writing():
        Pointer.create(
            organization="acme", project="shop", environment=environment, cohort="base", sequence=1, digest=digest,
            envelope="{}", etag="x", issued_at=NOW,
        )  # fmt: skip


def add_node(name: str, *, running: str = "", delivered: str = "", **fields: Any) -> None:
    with session.writing():
        Node.create(
            id=name, organization="acme", project="shop", environment="dev", name=name, key_sha256="0" * 64,
            registered_at=NOW, changed_at=NOW, running=running, delivered=delivered, **fields,
        )  # fmt: skip


def digest_of(number: int) -> str:
    return f"sha256:{number:064x}"


def add_bundle(digest: str) -> None:
    with session.writing():
        Bundle.create(
            organization="acme", project="shop", digest=digest, length=1, blob_sha256="0" * 64, blob_length=1,
            commit="1" * 40, compiler="c", created_at=NOW, environments={},
        )  # fmt: skip


def test_what_pointers_name_and_nodes_hold_is_alive(world: World) -> None:
    point_at(digest_of(1))
    add_node("a", running=digest_of(2), delivered=digest_of(3))
    add_node("b", running=digest_of(4), retired_at=NOW)
    assert live_bundles("acme", "shop") == {digest_of(1), digest_of(2), digest_of(3)}
    assert live_bundles("acme", "other") == frozenset()


def wanted() -> list[str]:
    with session.reading():
        return sorted(
            row.subject for row in Work.select().where(Work.kind == "reproduce", Work.wanted > Work.done)
        )


def test_each_live_bundle_is_asked_for_soon_and_then_daily(world: World) -> None:
    installation = world.context.installation
    for number in (1, 2):
        add_bundle(digest_of(number))
    point_at(digest_of(1))
    assert ask_for_rebuilds(installation, NOW - timedelta(seconds=1)) == 0
    assert ask_for_rebuilds(installation, NOW + FIRST_WITHIN) == 1
    assert wanted() == [digest_of(1)]
    with session.writing():
        Reproduction.create(
            organization="acme", project="shop", digest=digest_of(1), outcome="identical", because="", compiler="c",
            checked_at=NOW,
        )  # fmt: skip
    assert ask_for_rebuilds(installation, NOW + EVERY - SPREAD) == 0
    assert ask_for_rebuilds(installation, NOW + EVERY + SPREAD) == 1


def test_a_round_is_bounded_and_takes_those_that_waited_longest(world: World) -> None:
    for number in range(AT_ONCE + 3):
        add_bundle(digest_of(number))
        point_at(digest_of(number), f"env-{number}")
    late = NOW + timedelta(days=3)
    with session.writing():
        Reproduction.create(
            organization="acme", project="shop", digest=digest_of(0), outcome="identical", because="", compiler="c",
            checked_at=late - EVERY - SPREAD,
        )  # fmt: skip
    assert ask_for_rebuilds(world.context.installation, late) == AT_ONCE
    assert digest_of(0) not in wanted()
    assert len(due(late)) == AT_ONCE


def test_what_the_store_has_is_verified_where_it_lies(world: World, tmp_path: Any) -> None:
    digest = published(world)
    objects = tmp_path / "objects"
    blob = objects / layout.bundle("acme", "shop", digest)
    roots = objects / layout.roots("acme")
    done = CliRunner().invoke(group, ["verify", str(blob), "--root", str(roots)])
    assert done.exit_code == 0, done.output
    assert digest in done.output
    bill = CliRunner().invoke(group, ["sbom", str(blob)])
    assert bill.stdout_bytes.startswith(b'{"$schema"')
