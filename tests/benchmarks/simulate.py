"""`simulate`: node events of a 1,000-node rollout in virtual time, against a bare heap of as many events."""

from __future__ import annotations

import time
from heapq import heappop, heappush

from reconciler.simulator.virtual.scenario import STARTS, Bundle, Group, Happening, Scenario
from reconciler.simulator.virtual.scenario_files import read_policies
from reconciler.simulator.virtual.world import World
from tests.benchmarks.result import Result

NODES = 1000
CONFIG = """project "bench"
environment "production" {
    proxy-version "0.6.20"
    policy {
        strategy "rolling"
        batches percent=10
        min-healthy "10s"
    }
}
"""
ROUNDS = 3


def run() -> Result:
    """The best of some rounds of each, in events a second of one core."""
    ours, reference = 0.0, 0.0
    for _ in range(ROUNDS):
        events, seconds = _ours()
        ours = max(ours, events / seconds)
        reference = max(reference, events / _reference(events))
    return Result("simulate", ours, reference, "events/s", 0.1, "higher")


def _ours() -> tuple[int, float]:
    scenario = Scenario(
        name="bench",
        seed=0,
        starts=STARTS,
        lasts=900_000,
        config=CONFIG,
        policies=read_policies(CONFIG),
        groups=(Group("production", NODES),),
        bundles=(Bundle("b1"), Bundle("b2")),
        timeline=(Happening(0, "push", {"bundle": "b1"}), Happening(300_000, "push", {"bundle": "b2"})),
    )
    world = World(scenario)
    began = time.process_time()
    world.run()
    return world.loop.events, time.process_time() - began


def _reference(events: int) -> float:
    heap: list[tuple[int, int, None]] = []
    for number in range(NODES):
        heappush(heap, (number, number, None))
    began = time.process_time()
    for number in range(events):
        moment, _, _ = heappop(heap)
        heappush(heap, (moment + 2000, number, None))
    return time.process_time() - began
