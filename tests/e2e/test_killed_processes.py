"""Whatever process dies at whatever moment: the commit reaches every node, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tests.e2e.dying_worker import order
from tests.e2e.world import World, dying_workers, running

STEPS = (
    ("trunk", "fetch"),
    ("trunk", "build"),
    ("trunk", "store_blob"),
    ("environment", "make_commit"),
    ("environment", "push_commit"),
)


def reaches_dev_once(world: World) -> None:
    """The commit of the clone is one bundle, every dev node runs it, and one commit released it."""
    digest = world.road.commit(world.road.head(), "compiled").digest
    assert world.road.runs("dev", digest) == 3
    assert world.bundles().count(digest) == 1
    promotions = [subject for subject in world.releases("dev", digest) if subject.startswith("Promote")]
    assert len(promotions) == 1, world.road.log("dev")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_processes_are_killed_one_after_the_other(tmp_path: Path) -> None:
    """One system for all of it: starting one for each death would cost more than the deaths."""
    orders = tmp_path / "orders"
    orders.mkdir()
    with running(tmp_path, change=dying_workers(orders)) as world:
        reaches_dev_once(world)
        for flow, step in STEPS:
            ordered = order(orders, flow, step)
            the_next_push_arrives(world, f"a worker dies after {step}")
            assert not ordered.exists(), f"no worker died after {step}, so the test showed nothing"
        for hurt in (kill_clock, kill_queue, flush_queue):
            the_next_push_arrives(world, hurt.__name__, hurt)


def the_next_push_arrives(
    world: World, words: str, hurt: Callable[[World], None] = lambda world: None
) -> None:
    """One more commit is one more bundle, whatever is hurt right after its push."""
    before = len(world.bundles())
    world.road.move_targets(f"10.{10 + before}")
    world.road.push(f"Move the targets, and {words}")
    hurt(world)
    reaches_dev_once(world)
    assert len(world.bundles()) == before + 1, words


def kill_clock(world: World) -> None:
    world.kill("clock")


def kill_queue(world: World) -> None:
    world.kill("queue")


def flush_queue(world: World) -> None:
    with redis.Redis.from_url(world.system.settings.redis_url) as queue:
        queue.flushall()
