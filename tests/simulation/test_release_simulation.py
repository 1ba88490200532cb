"""Seeded fleets, faults and people against the real decision function, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.fleet.observations import Observation
from tests.simulation.release_world import World, digest_of, make_world

SECONDS = 120


def play(seed: int) -> World:
    """Run one seed: two minutes of trouble, then quiet until nothing moves any more."""
    world, chance = make_world(seed)
    world.reconcile()
    for second in range(SECONDS):
        roll = chance.random()
        if second == 1 or roll < 0.02:
            world.push(chance.choice([1, 2, 3, 7, 8, 9]))
        elif roll < 0.03 and world.trunk:
            world.wish(chance.choice(world.trunk).digest, chance.choice(["", "zone=z0", "not region=r1"]))
        elif roll < 0.04:
            world.hold(f"person-{second}")
        elif roll < 0.07:
            world.release_holds()
        elif roll < 0.075 and world.trunk:
            world.quarantine(chance.choice(world.trunk).digest)
        elif roll < 0.08:
            world.files["rollout.kdl"] = b"sequence 0\n"
        elif roll < 0.10:
            machine = chance.choice(world.machines)
            machine.down_until = world.now + timedelta(seconds=chance.choice([3, 15, 60]))
        elif roll < 0.11:
            fresh = Observation(f"late-{second}", f"late-{second}", world.now)
            world.machines.append(replace(chance.choice(world.machines), observation=fresh, seen=0))
        elif roll < 0.113:
            world.widen()
        elif roll < 0.116 and world.trunk:
            until = chance.choice([None, world.now + timedelta(seconds=20)])
            world.pin(f"p{second % 2}", chance.choice(world.trunk).digest, "zone=z1", until)
        elif roll < 0.118:
            world.unpin()
        elif roll < 0.12:
            world.files["release.kdl"] = b"release {"
        if roll < 0.12 or second == 1:
            world.reconcile()
        world.tick(chance)
    for machine in world.machines:
        if machine.down_until < world.now + timedelta(hours=1):
            machine.down_until = world.now
    world.reconcile()
    for _ in range(4000):
        if world.last is not None and world.last.look_again_at is None:
            break
        world.tick(chance)
    for _ in range(5):
        world.tick(chance)
    return world


@pytest.mark.parametrize("block", range(10))
def test_a_hundred_seeds(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        world = play(seed)
        try:
            check_end(world)
        except AssertionError as error:
            raise AssertionError(
                f"seed {seed}: {error}; commits {world.commits}; last {world.last}"
            ) from error


def check_end(world: World) -> None:
    assert world.last is not None
    assert world.last.actions == ()
    assert world.last.look_again_at is None, "nothing happens any more, and the engine still looks"
    ledger = world.ledger
    if ledger.open_rollout is not None:
        assert ledger.open_rollout.state in ("paused", "partial")
        assert world.last.waiting, "a rollout stands still and says nothing"
        if ledger.open_rollout.state == "paused":
            return
    wish = world.state().files.release
    if wish is None or wish.digest != ledger.live:
        assert world.last.waiting, "the wish is not live and nobody says why"
    desired = world.desired_of(ledger)
    for machine in world.machines:
        wanted = desired[machine.observation.id]
        reachable = machine.down_until <= world.now and wanted not in machine.refuses
        if reachable and wanted:
            assert machine.observation.running == wanted, "a reachable node does not run what it should"


def test_the_seeds_meet_every_kind_of_commit() -> None:
    met = {event for seed in range(0, 100, 4) for event in play(seed).commits}
    assert met >= {
        "environment.created",
        "ledger.restored",
        "release.promoted",
        "rollout.opened",
        "rollout.advanced",
        "rollout.completed",
        "rollout.paused",
        "rollout.resumed",
        "rollout.rolled-back",
        "rollout.superseded",
        "rollout.cancelled",
        "rollout.partial",
        "pins.changed",
    }


def test_a_bad_digest_is_taken_back_from_every_node() -> None:
    world, chance = make_world(3)
    world.policy = replace(world.policy, on_failure="rollback", max_unavailable=0)
    for machine in world.machines:
        machine.broken, machine.refuses, machine.down_until = (
            frozenset({digest_of(8)}),
            frozenset(),
            world.now,
        )
    good = world.push(1)
    world.reconcile()
    for _ in range(600):
        world.tick(chance)
    assert world.ledger.live == good
    bad = world.push(8)
    world.reconcile()
    for _ in range(600):
        world.tick(chance)
    assert world.commits[-1] == "rollout.rolled-back"
    assert {machine.observation.running for machine in world.machines} == {good}
    assert world.state().quarantined(bad) is not None
    release = world.state().files.release
    assert release is not None
    assert release.digest == good
