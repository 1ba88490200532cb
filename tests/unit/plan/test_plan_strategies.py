"""How a release reaches the nodes of an environment, in the words of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.config.blue_green import BlueGreen
from reconciler.config.policy import EnvironmentPolicy
from reconciler.plan.planning import strategy_words

POLICY = EnvironmentPolicy("prod", (), "1.0", "all-at-once", None, None, 0, "manual", "pause", 10, 60, 30)
CANARY = replace(POLICY, strategy="canary", canary_shares=(5, 50), bake_seconds=600)
BY_WEIGHT = replace(POLICY, strategy="blue-green", blue_green=BlueGreen("edge", (10, 100), 120, 600, 5, 200))


@pytest.mark.parametrize(
    ("policy", "nodes", "words"),
    [
        (POLICY, 4, "all at once"),
        (replace(POLICY, strategy="rolling", batch_size=3), 4, "rolling, 3 nodes at a time"),
        (CANARY, 100, "canary 5 % → 50 % → 100 % (5 + 45 + 50 nodes), each watched for 10m"),
        (BY_WEIGHT, 4, "blue-green, weights 10 → 100, each watched for 2m, the last one held for 10m"),
    ],
)
def test_words(policy: EnvironmentPolicy, nodes: int, words: str) -> None:
    assert strategy_words(policy, nodes) == words
