"""Pointers and ledgers after a change of keys, over a real git server, database and object store."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler.bundle import dsse
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import PAYLOAD_TYPE, peek_pointer
from reconciler.cli.keys.vouch import command as vouch
from reconciler.db import session
from reconciler.db.models import Bundle, Event, Pointer, PublishedRoot, Work
from reconciler.errors import NotYet, Stalled
from reconciler.flows.noting import note_root
from reconciler.flows.roots import trusted_roots
from reconciler.git.writing import commit_edit, push
from reconciler.release import paths
from reconciler.release.render import render_rollout
from reconciler.release.state import Ledger
from reconciler.store import layout
from tests.integration.environment_world import (
    ADA,
    World,
    held,
    make_world,
    publish_next_root,
    use_key,
)
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """A world in which `dev` runs a bundle."""
    made = make_world(database, git_server, tmp_path)
    made.trunk("one")
    made.nodes("dev", 2)
    made.settle("dev")
    assert len(made.running("dev")) == 1
    return made


def resigned(version: int) -> None:
    """What the workers of the other queue do."""
    with session.writing():
        Bundle.update(root_version=version).execute()


def signers_of(envelope: bytes) -> set[str]:
    read = dsse.read_envelope(envelope, "it", limit=LIMITS.pointer)
    return {signature.keyid for signature in read.signatures}


def forge(world: World, key: Any, files: dict[str, bytes | None], message: str = "Forged") -> str:
    """A commit on top of `dev` by whoever holds `key`."""
    head = world.head("dev")
    sha = commit_edit(
        world.person, head, files, message=message, author=ADA, committer=ADA, when=world.moment, key=key
    )
    push(world.person, "refs/heads/env/dev", sha, head)
    return sha


def test_all_pointers_are_signed_again_at_once_by_the_new_key(world: World, tmp_path: Path) -> None:
    old = dsse.keyid(bytes(held(world.context, "pointer").verify_key))
    before = world.pointers("dev")
    public = use_key(world.context, "pointer", tmp_path / "pointer-2.key")
    world.trunk("two")
    with pytest.raises(Stalled) as caught:
        world.run("dev")
    assert caught.value.code == "E-KEY-007"
    root = publish_next_root(world.context, add={"pointer": (public,)}, remove={"pointer": (old,)})
    resigned(2)
    world.settle("dev", 1)
    with session.reading():
        rows = list(Pointer.select().where(Pointer.environment == "dev"))
    assert rows
    for row in rows:
        stored = world.context.store.get(
            layout.pointer("acme", "shop", "dev", row.cohort), limit=LIMITS.pointer
        )
        assert row.envelope.encode() == stored
        assert (row.root_version, signers_of(stored)) == (2, {dsse.keyid(public)})
        read = dsse.read_envelope(stored, "it", limit=LIMITS.pointer)
        dsse.check_signatures(read, PAYLOAD_TYPE, root.keys_of("pointer"), 1, what="it", code="E-VER-003")
    assert set(before) <= set(world.pointers("dev"))


def test_a_new_root_alone_signs_the_same_pointers_again(world: World) -> None:
    before = world.pointers("dev")
    world.wait(5)
    publish_next_root(world.context, epoch=1)
    resigned(2)
    world.run("dev")
    assert world.pointers("dev") == before
    with session.reading():
        (row,) = Pointer.select().where(Pointer.environment == "dev")
    pointer = peek_pointer(row.envelope.encode(), limit=LIMITS.pointer)
    assert (pointer.epoch, pointer.issued) == (2, world.moment)


def test_no_pointer_is_signed_before_its_statement_is(world: World) -> None:
    with session.reading():
        before = [row.envelope for row in Pointer.select()]
    publish_next_root(world.context)
    with pytest.raises(NotYet) as caught:
        world.run("dev")
    assert caught.value.code == "E-REL-009"
    with session.reading():
        assert [row.envelope for row in Pointer.select()] == before
    resigned(2)
    assert world.run("dev").kind == "unchanged"


def test_pointers_to_a_bundle_that_nobody_vouches_for_any_more_are_dated_on(world: World) -> None:
    """Nodes that run it stay on it; without pointers they could not be led to another one either."""
    publish_next_root(world.context)
    with session.writing():
        Bundle.update(distrusted_version=2).execute()
    world.run("dev")
    with session.reading():
        assert {row.root_version for row in Pointer.select().where(Pointer.environment == "dev")} == {2}


def test_under_an_expired_root_nothing_is_signed_and_it_says_how_to_renew(world: World) -> None:
    world.wait(366 * 86_400)
    with pytest.raises(Stalled, match="sentinelctl keys rotate --publish") as caught:
        world.run("dev")
    assert caught.value.code == "E-KEY-014"
    assert world.environment("dev").stalled_code == "E-KEY-014"
    publish_next_root(world.context, expires=world.moment + timedelta(days=365))
    resigned(2)
    world.run("dev")
    assert world.environment("dev").stalled_code == ""


def test_a_new_root_is_noticed_once_and_everything_is_owed(world: World) -> None:
    store, context = world.context.store, world.context
    assert note_root(store, "acme", ["shop"], now=world.moment)
    with session.writing():
        Work.delete().execute()
    assert not note_root(store, "acme", ["shop"], now=world.moment)
    publish_next_root(context, epoch=1)
    assert note_root(store, "acme", ["shop"], now=world.moment)
    assert not note_root(store, "acme", ["shop"], now=world.moment)
    with session.reading():
        owed = {(row.kind, row.subject) for row in Work.select()}
        (row,) = PublishedRoot.select()
        said = [event.details["changes"][0] for event in Event.select().where(Event.kind == "root.published")]
    assert owed >= {("trunk", ""), ("environment", "dev")}
    assert (row.version, row.epoch, row.expires_at) == (2, 2, trusted_roots(context).newest.expires)
    assert said[1].startswith("The epoch rises from 1 to 2")


def test_a_release_worker_needs_pointer_and_commit_key_and_no_other(world: World, tmp_path: Path) -> None:
    for role in ("root", "bundle"):
        (tmp_path / f"{role}.key").unlink()
    _, digest = world.trunk("two")
    world.settle("dev")
    assert world.running("dev") == {digest}
    (tmp_path / "commit.key").rename(tmp_path / "elsewhere")
    world.trunk("three")
    with pytest.raises(Stalled, match=r"commit\.key") as caught:
        world.run("dev")
    assert caught.value.code == "E-KEY-002"
    assert world.environment("dev").stalled_code == "E-KEY-002"


def test_without_a_root_nothing_is_decided_and_it_says_so(world: World, tmp_path: Path) -> None:
    (tmp_path / "objects" / layout.root("acme", 1)).unlink()
    world.context.roots = None
    with pytest.raises(Stalled, match="sentinelctl keys init") as caught:
        world.run("dev")
    assert caught.value.code == "E-KEY-008"


def test_a_replaced_commit_key_hands_its_ledger_over_and_counts_no_more(world: World, tmp_path: Path) -> None:
    old = held(world.context, "commit")
    was = world.pointers("dev")
    public = use_key(world.context, "commit", tmp_path / "commit-2.key")
    publish_next_root(
        world.context, add={"commit": (public,)}, remove={"commit": (dsse.keyid(bytes(old.verify_key)),)}
    )
    resigned(2)
    ledger = world.read("dev", paths.ROLLOUT)
    world.settle("dev", 1)
    newest = world.log("dev")[0]
    assert newest.subject == "Take over the ledger of dev with a new commit key"
    assert newest.trailer("Event") == "ledger.taken-over"
    assert world.person.signed_by(newest.sha, public)
    assert world.read("dev", paths.ROLLOUT) == ledger
    assert world.pointers("dev") == was
    # Old commits are still ours in the history; new ones by the old key are like anybody's.
    assert "environment.changed" not in world.events()
    forged = forge(world, old, {paths.ROLLOUT: render_rollout(Ledger(sequence=900))})
    world.settle("dev", 1)
    assert world.read("dev", paths.ROLLOUT) == ledger
    assert world.log("dev")[0].trailer("Event") == "ledger.restored"
    assert world.log("dev")[1].sha == forged
    assert world.pointers("dev") == was
    assert world.events().count("environment.changed") == 1
    # And it goes on.
    _, digest = world.trunk("two")
    world.settle("dev")
    assert world.running("dev") == {digest}


def test_of_a_revoked_commit_key_nothing_counts_until_somebody_vouches(world: World, tmp_path: Path) -> None:
    old = held(world.context, "commit")
    good = world.log("dev")[0].sha
    ledger = world.read("dev", paths.ROLLOUT)
    was = world.pointers("dev")
    # The thief writes a ledger; then his key is revoked.
    forge(world, old, {paths.ROLLOUT: render_rollout(Ledger(sequence=900))})
    public = use_key(world.context, "commit", tmp_path / "commit-2.key")
    publish_next_root(world.context, add={"commit": (public,)}, revoke=(dsse.keyid(bytes(old.verify_key)),))
    resigned(2)
    with pytest.raises(Stalled, match="keys vouch dev") as caught:
        world.run("dev")
    assert caught.value.code == "E-REL-008"
    assert world.pointers("dev") == was

    key = f"file:{tmp_path}/commit-2.key"
    arguments = ["dev", "--repository", world.url, "--author", "Ada <ada@example.com>", "--key", key]
    refused = CliRunner().invoke(vouch, [*arguments, "--commit", "0" * 40])
    assert getattr(refused.exception, "code", "") == "E-KEY-020"
    done = CliRunner().invoke(vouch, [*arguments, "--commit", good[:12]], env=dict(os.environ))
    assert done.exit_code == 0, (done.output, done.exception)
    assert "sequence" in done.output
    assert world.read("dev", paths.ROLLOUT) == ledger
    assert world.person.signed_by(world.log("dev")[0].sha, public)
    world.run("dev")
    assert world.environment("dev").stalled_code == ""
    assert {cohort: found for cohort, found in world.pointers("dev").items() if cohort in was} == was
    _, digest = world.trunk("two")
    world.settle("dev")
    assert world.running("dev") == {digest}
