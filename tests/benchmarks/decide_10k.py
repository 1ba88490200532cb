"""`decide-10k`: one decision over 10,000 nodes, against reading and writing those nodes' facts as JSON.

`decide-growth` is the same decision over 100,000 nodes against ten times the one over 10,000.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from reconciler.fleet.observations import Observation
from reconciler.release.actions import OpenRollout
from reconciler.release.apply import Material, apply
from reconciler.release.branch import parse_branch
from reconciler.release.counting import count
from reconciler.release.decide import decide
from reconciler.release.facts import Facts, TrunkCommit
from reconciler.release.state import EnvironmentState
from reconciler.simulator.virtual.control import digest_of
from reconciler.simulator.virtual.scenario import STARTS
from reconciler.simulator.virtual.scenario_files import read_policies
from tests.benchmarks.result import Result
from tests.benchmarks.simulate import CONFIG

ROUNDS = 5
DIGEST = digest_of("bench")


def run() -> Result:
    """The best of some rounds of each, in seconds."""
    nodes = _nodes(10_000)
    decided = _decision(nodes)
    rows = [_row(node) for node in nodes]
    text = json.dumps(rows)
    return Result(
        "decide-10k", _best(decided), _best(lambda: json.dumps(json.loads(text))), "s", 2.0, "lower"
    )


def run_growth() -> Result:
    """What ten times as many nodes cost, against ten times what they cost."""
    small, large = _decision(_nodes(10_000)), _decision(_nodes(100_000))
    return Result("decide-growth", _best(large, rounds=3), 10 * _best(small), "s", 1.2, "lower")


def _best(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    found = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            began = time.process_time()
            call()
            found.append(time.process_time() - began)
    finally:
        gc.enable()
    return min(found)


def _nodes(count: int) -> list[Observation]:
    return [
        Observation(
            id=f"node-{number:08d}",
            name=f"edge-{number:06d}.eu-west.example.com",
            registered_at=STARTS - timedelta(days=1),
            reported_at=STARTS + timedelta(seconds=20),
            running=DIGEST,
            running_since=STARTS,
            health="healthy",
            health_since=STARTS,
            labels={"region": ("eu", "us", "ap")[number % 3]},
        )
        for number in range(count)
    ]


def _row(node: Observation) -> dict[str, Any]:
    moments = {
        name: None if value is None else value.isoformat()
        for name, value in asdict(node).items()
        if name.endswith(("_at", "_since"))
    }
    return {**asdict(node), **moments}


def _decision(nodes: list[Observation]) -> Callable[[], Any]:
    """A step of an open rollout being judged: nodes counted, gates asked."""
    (policy,) = read_policies(CONFIG)
    facts = Facts(trunk=(TrunkCommit("1" * 40, DIGEST),), bundles={DIGEST: True})
    files: dict[str, bytes] = {}
    for _ in range(3):
        state = EnvironmentState("production", parse_branch(files))
        ranks = count(state, policy, nodes, now=STARTS).ranks
        decision = decide(state, policy, replace(facts, ranks=ranks), now=STARTS)
        (action,) = decision.actions
        edit = apply(action, state, because="", now=STARTS, material=Material(b""))
        files |= {path: content for path, content in edit.files.items() if content is not None}
        if isinstance(action, OpenRollout):
            break
    state = EnvironmentState("production", parse_branch(files))
    now = STARTS + timedelta(seconds=25)

    def decided() -> Any:
        counted = count(state, policy, nodes, now=now)
        found = decide(state, policy, replace(facts, batches=counted.batches), now=now)
        assert found.actions, found
        return found

    return decided
