"""Removing bundles over a real repository, database and store: never one that somebody can come to need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.db.models import Bundle, Node
from reconciler.db.node_keys import WrappedKey
from reconciler.db.session import reading, writing
from reconciler.flows import retention
from reconciler.flows.outcome import Outcome
from reconciler.store import layout
from tests.integration.environment_world import World, make_world
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

MONTH = 31 * 24 * 3600
HOUR = 3600.0


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    world = make_world(database, git_server, tmp_path)
    world.context.settings = replace(world.context.settings, keep_bundles=1)
    return world


def run(world: World) -> Outcome:
    return retention.run(world.context, lambda: None)


def there(world: World, digest: str) -> bool:
    return world.context.store.exists(layout.bundle("acme", "shop", digest))


def released(world: World, text: str) -> str:
    """A bundle that dev runs."""
    _, digest = world.trunk(text)
    world.settle("dev")
    assert world.running("dev") == {digest}
    return digest


def test_an_old_bundle_that_nothing_points_to_is_condemned_and_then_removed(world: World) -> None:
    world.nodes("dev", 1)
    first, second = released(world, "one"), released(world, "two")
    third = released(world, "three")
    world.wait(MONTH)
    world.report("dev")
    # The second is what the last rollout would go back to; the first is nothing to anybody.
    assert run(world).kind == "changed"
    assert there(world, first)
    world.wait(HOUR)
    assert run(world).because == "1 bundles removed, 0 about to be"
    assert [there(world, digest) for digest in (first, second, third)] == [False, True, True]
    with reading():
        row = Bundle.get(Bundle.digest == first)
    assert row.removed_at == world.moment
    assert "bundle.removed" in world.events()
    assert world.context.store.exists(layout.bundle("acme", "shop", third))
    assert run(world).kind == "unchanged"


def test_a_condemned_bundle_may_not_be_promoted_and_a_wish_spares_it(world: World) -> None:
    world.nodes("dev", 1)
    first = released(world, "one")
    released(world, "two")
    released(world, "three")
    world.wait(MONTH)
    run(world)
    world.wish("dev", first)
    outcome = world.run("dev")
    assert outcome.kind == "waiting"
    assert "was removed" in outcome.because
    world.wait(HOUR)
    # The wish points to it, so it is spared, and the next look lets it through.
    run(world)
    assert there(world, first)
    world.settle("dev")
    assert world.running("dev") == {first}


def test_what_a_node_still_runs_stays(world: World) -> None:
    world.nodes("dev", 2)
    first = released(world, "one")
    for text in ("two", "three", "four"):
        _, digest = world.trunk(text)
        world.settle("dev")
    with writing():
        Node.update(running=first).where(Node.id == "dev-0").execute()
    world.wait(MONTH)
    run(world)
    world.wait(HOUR)
    run(world)
    assert there(world, first)
    assert there(world, digest)


def test_a_bundle_that_trunk_compiles_to_again_meanwhile_is_put_back(world: World) -> None:
    world.nodes("dev", 1)
    first = released(world, "one")
    released(world, "two")
    released(world, "three")
    world.wait(MONTH)
    run(world)
    world.wait(HOUR)
    store = world.context.store
    kept = store.delete

    def delete(key: str) -> None:
        kept(key)
        retention.revive(world.context, first)

    store.delete = delete  # type: ignore[method-assign]
    run(world)
    assert there(world, first)
    with reading():
        row = Bundle.get(Bundle.digest == first)
    assert (row.condemned_at, row.removed_at) == (None, None)


def test_a_run_that_died_after_the_deletion_is_finished_by_the_next(world: World) -> None:
    world.nodes("dev", 1)
    first = released(world, "one")
    released(world, "two")
    released(world, "three")
    world.wait(MONTH)
    run(world)
    world.wait(HOUR)
    world.context.store.delete(layout.bundle("acme", "shop", first))
    assert run(world).because == "1 bundles removed, 0 about to be"


def test_wrapped_keys_go_with_the_last_bundle_that_needs_them(world: World) -> None:
    world.nodes("dev", 1)
    versions = {released(world, "one"): 1, released(world, "two"): 2, released(world, "three"): 2}
    with writing():
        for digest, version in versions.items():
            own = {"secrets": {"key": {"version": version, "sha256": "0" * 64}}}
            Bundle.update(environments={"dev": own}).where(Bundle.digest == digest).execute()
        for version in (1, 2):
            WrappedKey.create(node=Node.get().id, name="key", version=version, wrapped="")
    world.wait(MONTH)
    world.report("dev")
    run(world)
    with reading():
        assert sorted(row.version for row in WrappedKey.select()) == [1, 2]
    world.wait(HOUR)
    assert run(world).because == "1 bundles removed, 0 about to be"
    with reading():
        assert [row.version for row in WrappedKey.select()] == [2]
