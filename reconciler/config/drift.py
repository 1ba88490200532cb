"""`drift { … }` of an environment's policy: when a node that runs something else drifts, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.durations import Duration, seconds
from reconciler.config.schema import block, flag, scalar
from reconciler.config.values import Integer


@dataclass(frozen=True, slots=True)
class DriftPolicy:
    """`grace_seconds` is how long a node may run something else. `remediate`: the pointer is issued again, at most
    `per_hour` times."""

    grace_seconds: int = 120
    remediate: bool = False
    per_hour: int = 5


DEFAULT_DRIFT = DriftPolicy()

DRIFT = block(
    "drift",
    "Nodes that run something else than they should, for too long.",
    (
        scalar("grace", Duration("10s", "24h"), "How long a node may take.", 'grace "2m"', default="2m"),
        flag(
            "remediate",
            "Whether the pointer is issued again under a higher sequence, so that nodes try once more what they "
            "refused. Never in a freeze, while the environment is held, or while a rollout is open.",
            "remediate #true",
            default=False,
        ),
        scalar(
            "per-hour",
            Integer(1, 60),
            "How often at most within an hour.",
            "per-hour 5",
            default=5,
        ),
    ),
    example='drift {\n    grace "2m"\n    remediate #true\n    per-hour 5\n}',
    default={},
)


def drift_of(data: Mapping[str, Any]) -> DriftPolicy:
    """The rules of a block whose defaults are filled in."""
    return DriftPolicy(seconds(data["grace"]), data["remediate"], data["per-hour"])


def stricter_drift(own: DriftPolicy, former: DriftPolicy) -> DriftPolicy:
    """The shorter grace, and the fewer remedies; whether there is one at all is as strict one way as the other."""
    return replace(
        own,
        grace_seconds=min(own.grace_seconds, former.grace_seconds),
        per_hour=min(own.per_hour, former.per_hour),
    )
