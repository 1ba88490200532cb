"""Seeded fleets, faults, people and disasters against the real decision functions, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.simulator.virtual.generate import BUNDLES, generate
from reconciler.simulator.virtual.generate_slots import generate_slots
from reconciler.simulator.virtual.happenings import KINDS
from reconciler.simulator.virtual.invariants import Broken, Invariants
from reconciler.simulator.virtual.scenario import Group, Happening, Scenario
from reconciler.simulator.virtual.scenario_files import read_policies, read_scenario, write_scenario
from reconciler.simulator.virtual.shrink import shortest
from reconciler.simulator.virtual.world import World

SEEDS = 200
LARGE = 20
SLOTS = 24
CANCELLED = 551
"""A seed in which a rollout is cancelled, which is rare."""

ALL_COMMITS = {
    "environment.created",
    "ledger.restored",
    "release.promoted",
    "rollout.opened",
    "rollout.advanced",
    "rollout.completed",
    "rollout.paused",
    "rollout.resumed",
    "rollout.rolled-back",
    "rollout.turned-back",
    "rollout.superseded",
    "rollout.cancelled",
    "rollout.partial",
    "pins.changed",
    "changed-by-hand",
}


def play(scenario: Scenario) -> World:
    """Play it; what breaks an invariant is shown as the shortest scenario that breaks it too."""
    world = World(scenario)
    try:
        world.run()
    except Broken as broken:
        replay = write_scenario(shortest(scenario, broken))
        raise AssertionError(
            f"{scenario.name}: {broken}\nsave this as x.kdl and run: sentinelctl simulate --scenario x.kdl\n\n{replay}"
        ) from broken
    return world


@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", range(20))
def test_two_hundred_seeds(block: int) -> None:
    for seed in range(block * SEEDS // 20, (block + 1) * SEEDS // 20):
        play(generate(seed))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", range(4))
def test_two_dozen_seeds_with_slots(block: int) -> None:
    for seed in range(block * SLOTS // 4, (block + 1) * SLOTS // 4):
        play(generate_slots(seed))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1000, 1000 + LARGE))
def test_twenty_seeds_of_five_thousand_nodes(seed: int) -> None:
    world = play(generate(seed, nodes=5000))
    assert world.loop.events > 5000
    assert world.invariants.checks >= world.loop.events // 1000


@pytest.mark.timeout(600)
def test_the_seeds_meet_every_kind_of_commit_and_of_trouble() -> None:
    commits, kinds, codes, gates = set(), set(), set(), set()
    scenarios = [
        *map(generate, range(0, SEEDS, 2)),
        generate(CANCELLED),
        *map(generate_slots, range(13, 17)),
    ]
    for scenario in scenarios:
        kinds |= {happening.kind for happening in scenario.timeline}
        world = World(scenario)
        world.run()
        commits |= {commit.event for commit in world.history}
        codes |= world.codes
        gates |= {gate.kind for policy in scenario.policies for gate in policy.gates}
    assert codes >= {"W-REL-047", "W-REL-048", "W-REL-084"}
    assert gates == {"soak", "manual", "error-rate", "canary"}
    assert commits >= ALL_COMMITS
    assert kinds == set(KINDS)


def test_a_seed_is_always_the_same_play() -> None:
    first, second = World(generate(12)), World(generate(12))
    first.run()
    second.run()
    assert first.history == second.history
    assert first.loop.events == second.loop.events


def test_a_scenario_survives_being_written() -> None:
    for scenario in (*map(generate, range(40)), *map(generate_slots, range(10))):
        again = read_scenario(write_scenario(scenario), "again.kdl")
        assert again.policies == scenario.policies
        assert replace(again, config=scenario.config) == scenario


def bad_release(on_failure: str) -> Scenario:
    config = (
        'project "simulated"\nenvironment "production" {\n    proxy-version "0.6.20"\n    policy {\n'
        f'        strategy "rolling"\n        batches percent=25\n        on-failure "{on_failure}"\n    }}\n}}\n'
    )
    return Scenario(
        name="a bad release",
        seed=0,
        starts=generate(0).starts,
        lasts=300_000,
        config=config,
        policies=read_policies(config),
        groups=(Group("production", 40),),
        bundles=BUNDLES,
        timeline=(Happening(0, "push", {"bundle": "b1"}), Happening(120_000, "push", {"bundle": "b6"})),
    )


def test_a_bad_digest_is_taken_back_from_every_node() -> None:
    world = World(bad_release("rollback"))
    world.run()
    assert [commit.event for commit in world.history][-1] == "rollout.rolled-back"
    good, bad = (commit.digest for commit in world.control.trunk)
    assert {node.runs for node in world.nodes} == {good}
    state = world.environments["production"].state()
    assert state.quarantined(bad) is not None
    assert state.files.release is not None
    assert state.files.release.digest == good


def test_a_broken_invariant_is_shown_by_its_shortest_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Invariants, world: World) -> None:
        if any(node.runs and not node.well for node in world.nodes):
            raise Broken(99, world.loop.now, "somebody is unwell")

    monkeypatch.setattr(Invariants, "check_fully", never)
    scenario = bad_release("pause")
    trouble = [Happening(1000 * second, "tamper", {"environment": "production"}) for second in range(20)]
    scenario = replace(
        scenario, timeline=tuple(sorted((*scenario.timeline, *trouble), key=lambda one: one.at))
    )
    with pytest.raises(AssertionError, match="invariant 99") as caught:
        play(scenario)
    replay = read_scenario(str(caught.value).split("\n\n", 1)[1], "x.kdl")
    assert [happening.what for happening in replay.timeline] == [{"bundle": "b6"}]
    assert [group.count for group in replay.groups] == [1]
