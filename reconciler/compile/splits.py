"""A split of requests between upstreams, as one upstream of the proxy with the targets of all parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd, lcm
from typing import Any

from reconciler.config.kinds.upstream import WEIGHTED

HEAVIEST = 1000
"""The largest weight that is written. The proxy gives a target as many slots in a row as its weight says."""


def merged_upstream(parts: Sequence[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
    """The data of one upstream for pairs of a weight and an upstream's data, heaviest first.

    Every part gets its share, spread over its targets by their own weights. What a target cannot have of its own
    (health check, time limits, circuit breaker, TLS) is the first part's.
    """
    totals = [sum(_weights(data).values()) for _, data in parts]
    common = lcm(*totals)
    shares: dict[str, int] = {}
    for (weight, data), total in zip(parts, totals, strict=True):
        for address, own in _weights(data).items():
            shares[address] = shares.get(address, 0) + weight * own * (common // total)
    targets = [{"address": address, "weight": weight} for address, weight in sorted(_reduced(shares).items())]
    return {**parts[0][1], "target": targets, "load-balancing": "weighted"}


def _weights(data: Mapping[str, Any]) -> dict[str, int]:
    weighted = data["load-balancing"] in WEIGHTED
    return {target["address"]: target.get("weight", 1) if weighted else 1 for target in data["target"]}


def _reduced(shares: Mapping[str, int]) -> dict[str, int]:
    """The same proportions in the smallest whole numbers, rounded where one would be beyond the heaviest."""
    divisor = gcd(*shares.values())
    reduced = {address: share // divisor for address, share in shares.items()}
    largest = max(reduced.values())
    if largest <= HEAVIEST:
        return reduced
    return {
        address: max(1, (2 * share * HEAVIEST + largest) // (2 * largest))
        for address, share in reduced.items()
    }
