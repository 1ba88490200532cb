"""Whatever process dies at whatever moment: the commit reaches every node, once."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from tests.e2e.world import World, dying_workers, running

STEPS = [
    pytest.param("trunk", "fetch", id="after fetch"),
    pytest.param("trunk", "build", id="after build"),
    pytest.param("trunk", "store_blob", id="after blob put"),
    pytest.param("environment", "make_commit", id="before push"),
    pytest.param("environment", "push_commit", id="after push"),
]


def reaches_dev_once(world: World) -> None:
    """The commit of the clone is one bundle, every dev node runs it, and one commit released it."""
    digest = world.road.commit(world.road.head(), "compiled").digest
    assert world.road.runs("dev", digest) == 3
    assert world.bundles().count(digest) == 1
    promotions = [subject for subject in world.releases("dev", digest) if subject.startswith("Promote")]
    assert len(promotions) == 1, world.road.log("dev")


@pytest.mark.slow
@pytest.mark.parametrize(("flow", "step"), STEPS)
def test_a_worker_is_killed(tmp_path: Path, flow: str, step: str) -> None:
    marker = tmp_path / "died"
    with running(tmp_path, change=dying_workers(flow, step, marker)) as world:
        reaches_dev_once(world)
        assert marker.exists(), "no worker died, so the test showed nothing"
        assert len(world.bundles()) == 1


@pytest.mark.slow
def test_the_clock_is_killed_and_the_queue_is_killed_and_flushed(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        reaches_dev_once(world)
        for number, hurt in enumerate((kill_clock, kill_queue, flush_queue)):
            world.road.move_targets(f"10.9{number}")
            world.road.push(f"Move the targets, {hurt.__name__}")
            hurt(world)
            reaches_dev_once(world)
        assert len(world.bundles()) == 4


def kill_clock(world: World) -> None:
    world.kill("clock")


def kill_queue(world: World) -> None:
    world.kill("queue")


def flush_queue(world: World) -> None:
    with redis.Redis.from_url(world.system.settings.redis_url) as queue:
        queue.flushall()
