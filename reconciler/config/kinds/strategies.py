"""The part of an environment's policy that says in which steps a release reaches its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.durations import Duration, seconds
from reconciler.config.kinds import blue_green
from reconciler.config.kinds.blue_green import BLUE_GREEN, blue_green_complaints, blue_green_of
from reconciler.config.kinds.node_group import LABEL_KEY
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, scalar, values
from reconciler.config.values import Choice, Integer, Text

DEFAULT_BATCH_PERCENT = 25
DEFAULT_SHARES = (5, 25, 50)
DEFAULT_BAKE = "10m"
AT_ONCE = "all-at-once"

FIELDS: tuple[Field, ...] = (
    scalar(
        "strategy",
        Choice((AT_ONCE, "rolling", "canary", BLUE_GREEN)),
        "How nodes are moved: all at once, batch after batch, a growing share that is watched for a while, or one half "
        "after the other, with the traffic shifted in between. Absent, "
        f'it is "rolling" in a protected environment and "{AT_ONCE}" elsewhere.',
        'strategy "rolling"',
    ),
    scalar(
        "all-at-once-because",
        Text(),
        f'Why a protected environment goes all at once. Without it `strategy "{AT_ONCE}"` is an error there.',
        'all-at-once-because "a single node, with a maintenance page in front"',
    ),
    Field(
        "batches",
        f"The size of a batch of a rolling release: a percentage of the nodes or a number of nodes, "
        f"{DEFAULT_BATCH_PERCENT} percent when absent.",
        "batches percent=34",
        properties=(
            Slot(
                "percent",
                Integer(1, 100),
                "share of the environment's nodes, rounded down, at least one node",
                required=False,
            ),
            Slot("size", Integer(1, 100_000), "number of nodes", required=False),
        ),
    ),
    block(
        "canary",
        "The steps of a canary release.",
        (
            values(
                "share",
                Integer(1, 99),
                "Which percentages of the nodes run the release after the first step, the second and so on; after the "
                f"last one, all others follow. Absent: {', '.join(map(str, DEFAULT_SHARES))}.",
                "share 5 25 50",
            ),
            scalar(
                "bake",
                Duration("0s", "7d"),
                "How long each share is watched at least. It does not count against the progress deadline.",
                'bake "10m"',
                default=DEFAULT_BAKE,
            ),
        ),
        example='canary {\n    share 5 25 50\n    bake "10m"\n}',
    ),
    blue_green.FIELD,
    Field(
        "spread",
        "The label whose values are failure domains, such as regions: no batch takes more than a share of the nodes of "
        "any of them, and batches take from all of them evenly.",
        'spread "region" percent=50',
        arguments=(Slot("label", LABEL_KEY, "the label"),),
        properties=(
            Slot(
                "percent",
                Integer(1, 100),
                "share of a domain's nodes that one batch may take, rounded down, at least one node",
                required=False,
            ),
        ),
    ),
)


def is_protected(data: Mapping[str, Any]) -> bool:
    """Whether an environment is one to be careful with: it says so, or it comes after another and says nothing."""
    return bool(data.get("protected", bool(data.get("after"))))


def strategy_of(data: Mapping[str, Any]) -> str:
    """The strategy that is written, or the one that holds when none is."""
    written = data.get("policy", {}).get("strategy")
    return str(written or ("rolling" if is_protected(data) else AT_ONCE))


def policy_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `EnvironmentPolicy` that come from here."""
    policy, strategy = data["policy"], strategy_of(data)
    batches = policy.get("batches", {"percent": DEFAULT_BATCH_PERCENT}) if strategy == "rolling" else {}
    canary = policy.get("canary", {}) if strategy == "canary" else None
    spread = policy.get("spread", {})
    return {
        "protected": is_protected(data),
        "strategy": strategy,
        "batch_percent": batches.get("percent"),
        "batch_size": batches.get("size"),
        "canary_shares": () if canary is None else tuple(sorted(canary.get("share", DEFAULT_SHARES))),
        "bake_seconds": 0 if canary is None else seconds(canary.get("bake", DEFAULT_BAKE)),
        "spread_label": spread.get("label", ""),
        "spread_percent": spread.get("percent") or 100,
        "blue_green": blue_green_of(policy) if strategy == BLUE_GREEN else None,
    }


def complaints(data: Mapping[str, Any]) -> Iterator[Complaint]:
    """What of these fields does not go together."""
    policy, strategy = data.get("policy", {}), strategy_of(data)
    batches = policy.get("batches")
    if batches is not None and strategy != "rolling":
        problem = Problem(
            "E-VAL-009",
            "batches are for rolling releases",
            'strategy "rolling"',
            "add the strategy, or remove this",
        )
        yield Complaint(("policy", "batches"), problem)
    if batches is not None and len(batches) != 1:
        problem = Problem(
            "E-VAL-009",
            "batches take a percentage or a size",
            "percent=… or size=…",
            "keep exactly one of the two",
        )
        yield Complaint(("policy", "batches"), problem)
    if "canary" in policy and strategy != "canary":
        problem = Problem(
            "E-VAL-009",
            "these shares are for canary releases",
            'strategy "canary"',
            "add the strategy, or remove this",
        )
        yield Complaint(("policy", "canary"), problem)
    yield from blue_green_complaints(policy, strategy)
    yield from _at_once(data, policy, strategy)


def _at_once(data: Mapping[str, Any], policy: Mapping[str, Any], strategy: str) -> Iterator[Complaint]:
    because = policy.get("all-at-once-because")
    if strategy == AT_ONCE and is_protected(data) and not because:
        problem = Problem(
            "E-VAL-060",
            "all nodes of a protected environment would change at once",
            'strategy "rolling", "canary" or "blue-green"',
            'choose another strategy, or say all-at-once-because "…", or protected #false',
        )
        yield Complaint(("policy", "strategy"), problem)
    if because and strategy != AT_ONCE:
        problem = Problem(
            "E-VAL-009",
            "this is the reason for a strategy that is not chosen",
            f'strategy "{AT_ONCE}"',
            "remove this, or choose the strategy",
        )
        yield Complaint(("policy", "all-at-once-because"), problem)
