"""The block `blue-green` of an environment's policy: the slots, and how traffic is shifted between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.blue_green import BlueGreen
from reconciler.config.durations import Duration, seconds
from reconciler.config.kinds.node_group import LABEL_KEY, LABEL_VALUE
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, scalar, values
from reconciler.config.values import Integer, Text

BLUE_GREEN = "blue-green"
DEFAULT_SHIFT = (10, 50, 100)
DEFAULT_BAKE = "2m"
DEFAULT_HOLD = "10m"
DEFAULT_WITHIN = 5
DEFAULT_SAMPLES = 200
ALL = 100

FIELD: Field = block(
    BLUE_GREEN,
    "How a blue-green release shifts traffic from one half of the nodes to the other.",
    (
        scalar(
            "balancer",
            Text(),
            "What people call the balancer in front of the nodes, which follows the weights that nodes publish. "
            f'`strategy "{BLUE_GREEN}"` needs one.',
            'balancer "edge HAProxy"',
        ),
        Field(
            "slots",
            "The label that tells the two slots apart, and its values. Absent, nodes are divided by a number that "
            "comes from their ids into halves, which are nearly equal in a large fleet only.",
            'slots "slot" blue="a" green="b"',
            arguments=(Slot("label", LABEL_KEY, "the label"),),
            properties=(
                Slot("blue", LABEL_VALUE, "its value on the nodes that have the traffic at first"),
                Slot("green", LABEL_VALUE, "its value on the others"),
            ),
        ),
        values(
            "shift",
            Integer(1, ALL),
            "The weights that the nodes of the release get, one after another; those of the others get what is left to "
            f"{ALL}. After the last one they get all. Absent: {', '.join(map(str, DEFAULT_SHIFT))}.",
            "shift 10 50 100",
        ),
        scalar(
            "bake",
            Duration("0s", "7d"),
            "How long each weight below 100 is watched at least. It does not count against the progress deadline.",
            f'bake "{DEFAULT_BAKE}"',
            default=DEFAULT_BAKE,
        ),
        scalar(
            "hold",
            Duration("0s", "7d"),
            "How long the other slot is held ready with what was before, after all traffic was shifted.",
            f'hold "{DEFAULT_HOLD}"',
            default=DEFAULT_HOLD,
        ),
        Field(
            "traffic",
            "How near the share of requests that a slot really gets has to be to what its weight means.",
            f"traffic within={DEFAULT_WITHIN} samples={DEFAULT_SAMPLES}",
            properties=(
                Slot(
                    "within",
                    Integer(1, 50),
                    f"percentage points, {DEFAULT_WITHIN} when absent; never more than half of what is meant",
                    required=False,
                ),
                Slot(
                    "samples",
                    Integer(1, 1_000_000),
                    f"requests in the last minute, {DEFAULT_SAMPLES} when absent: fewer say nothing",
                    required=False,
                ),
            ),
        ),
    ),
    example='blue-green {\n    balancer "edge HAProxy"\n    slots "slot" blue="a" green="b"\n'
    '    shift 10 50 100\n    bake "2m"\n    hold "10m"\n}',
)


def blue_green_of(policy: Mapping[str, Any]) -> BlueGreen:
    """What the block amounts to. Its data is checked, and may be absent."""
    written = policy.get(BLUE_GREEN, {})
    slots, traffic = written.get("slots", {}), written.get("traffic", {})
    shifts = sorted({*written.get("shift", DEFAULT_SHIFT), ALL})
    return BlueGreen(
        balancer=written.get("balancer", ""),
        shifts=tuple(shifts),
        bake_seconds=seconds(written.get("bake", DEFAULT_BAKE)),
        hold_seconds=seconds(written.get("hold", DEFAULT_HOLD)),
        within=traffic.get("within", DEFAULT_WITHIN),
        samples=traffic.get("samples", DEFAULT_SAMPLES),
        label=slots.get("label", ""),
        blue=slots.get("blue", ""),
        green=slots.get("green", ""),
    )


def blue_green_complaints(policy: Mapping[str, Any], strategy: str) -> Iterator[Complaint]:
    """What of the block does not go with the rest of the policy."""
    written = policy.get(BLUE_GREEN, {})
    if strategy != BLUE_GREEN:
        if BLUE_GREEN in policy:
            problem = Problem(
                "E-VAL-009",
                "these weights are for blue-green releases",
                f'strategy "{BLUE_GREEN}"',
                "add the strategy, or remove this",
            )
            yield Complaint(("policy", BLUE_GREEN), problem)
        return
    if not written.get("balancer"):
        problem = Problem(
            "E-VAL-061",
            "no balancer is named that would follow the weights",
            'blue-green { balancer "…" }',
            "name the balancer in front of the nodes; without one that follows, choose another strategy",
        )
        yield Complaint(("policy", BLUE_GREEN if BLUE_GREEN in policy else "strategy"), problem)
    slots = written.get("slots", {})
    if slots and slots["blue"] == slots["green"]:
        problem = Problem(
            "E-VAL-009",
            "both slots have the same value of the label",
            "two values",
            "give each slot its own",
        )
        yield Complaint(("policy", BLUE_GREEN, "slots"), problem)
    if "spread" in policy:
        problem = Problem(
            "E-VAL-009",
            "a blue-green release moves whole slots, whatever failure domains there are",
            "no spread",
            "remove this, and label the slots so that each has nodes of every domain",
        )
        yield Complaint(("policy", "spread"), problem)
