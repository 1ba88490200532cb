"""The stricter of two policies of one environment, field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from reconciler.config.approvals import stricter_approvals
from reconciler.config.drift import stricter_drift
from reconciler.config.gates import stricter_gates
from reconciler.config.policy import EnvironmentPolicy

_STRATEGIES = ("all-at-once", "rolling", "canary")
_PROMOTE = ("automatic", "manual")
_ON_FAILURE = ("pause", "rollback")
_PULL_REQUEST = ("", "auto", "people")
_SUPERSEDE = ("replace", "finish-batch", "finish")

Choose = Callable[[Any, Any], Any]


def _stricter_word(*rising: str) -> Choose:
    """Of two words the later in the list; what is not in it cannot be compared, so that what was before holds."""

    def choose(own: str, former: str) -> str:
        if own not in rising or former not in rising:
            return former
        return max(own, former, key=rising.index)

    return choose


CHOICES: Mapping[str, Choose] = MappingProxyType(
    {
        "max_unavailable": min,
        "promote": _stricter_word(*_PROMOTE),
        "on_failure": _stricter_word(*_ON_FAILURE),
        "supersede": _stricter_word(*_SUPERSEDE),
        "pull_request": _stricter_word(*_PULL_REQUEST),
        "min_healthy_seconds": max,
        "progress_deadline_seconds": min,
        "stale_after_seconds": min,
        "protected": max,
        "bake_seconds": max,
        "gates": stricter_gates,
        "drift": stricter_drift,
        "soak_seconds": max,
        "approvals": stricter_approvals,
    }
)
"""How the stricter of two values of a field is chosen. Waiting longer for health is stricter, waiting longer for
progress or for a silent node is not; a rollback is stricter than a pause, which leaves nodes on what failed; finishing
what runs is stricter than replacing it; a gate more is stricter than one less."""

Stricter = Callable[[EnvironmentPolicy, EnvironmentPolicy], bool]


def _steps_are_stricter(one: EnvironmentPolicy, other: EnvironmentPolicy) -> bool:
    """Whether the first goes in smaller steps, or in steps that cannot be compared with the other's."""
    if one.strategy != other.strategy:
        return bool(_stricter_word(*_STRATEGIES)(other.strategy, one.strategy) == one.strategy)
    if one.batch_percent is not None and other.batch_percent is not None:
        return one.batch_percent < other.batch_percent
    if one.batch_size is not None and other.batch_size is not None:
        return one.batch_size < other.batch_size
    if one.canary_shares and other.canary_shares:
        return _jumps(one.canary_shares) < _jumps(other.canary_shares)
    return True


def _jumps(shares: tuple[int, ...]) -> tuple[int, int]:
    """The largest share that is added at once, and the first one: what a mistake can hit."""
    return max(after - before for before, after in pairwise((0, *shares, 100))), shares[0]


def _spread_is_stricter(one: EnvironmentPolicy, other: EnvironmentPolicy) -> bool:
    """Whether the first takes less of a domain at once, or divides nodes otherwise than the other."""
    if one.spread_label == other.spread_label:
        return one.spread_percent < other.spread_percent
    return bool(one.spread_label)


TOGETHER: Mapping[tuple[str, ...], Stricter] = MappingProxyType(
    {
        ("strategy", "batch_percent", "batch_size", "canary_shares", "blue_green"): _steps_are_stricter,
        ("spread_label", "spread_percent"): _spread_is_stricter,
    }
)
"""Fields that mean something only together, and whether the first of two policies is the stricter one in them."""

OWN = ("name", "proxy_version", "agent_version", "admin_port", "freezes", "groups", "take", "train")
"""Fields of which neither value is stricter, and freeze windows and node-groups, which count as trunk has them at the
moment."""

PATHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "after": ("after",),
        "strategy": ("policy", "strategy"),
        "batch_percent": ("policy", "batches"),
        "batch_size": ("policy", "batches"),
        "canary_shares": ("policy", "canary"),
        "blue_green": ("policy", "blue-green"),
        "spread_label": ("policy", "spread"),
        "spread_percent": ("policy", "spread"),
        **{name: ("policy", name.removesuffix("_seconds").replace("_", "-")) for name in CHOICES},
        "protected": ("protected",),
        "bake_seconds": ("policy", "canary"),
        "soak_seconds": ("policy", "promote"),
        "pull_request": ("policy", "promote"),
    }
)
"""Where each field stands in the language."""


@dataclass(frozen=True, slots=True)
class HeldPolicy:
    """The policy that holds, and the names of its fields that are not the commit's own."""

    policy: EnvironmentPolicy
    held: tuple[str, ...]


def stricter(own: EnvironmentPolicy, former: EnvironmentPolicy) -> HeldPolicy:
    """The stricter of a commit's policy and of the one before it. Predecessors are another function's matter."""
    chosen = {name: choose(getattr(own, name), getattr(former, name)) for name, choose in CHOICES.items()}
    for names, is_stricter in TOGETHER.items():
        source = former if is_stricter(former, own) else own
        chosen |= {name: getattr(source, name) for name in names}
    return _held(own, chosen)


def with_predecessors(
    held: Mapping[str, HeldPolicy], former: Mapping[str, EnvironmentPolicy]
) -> dict[str, HeldPolicy]:
    """The policies with the predecessors of both sides, as far as they still exist, in promotion order.

    Where both together would go in a circle, because the order was turned round, the commit's own order holds.
    """
    both = {
        name: tuple(sorted({*one.policy.after, *(a for a in former[name].after if a in held)}))
        if name in former
        else one.policy.after
        for name, one in held.items()
    }
    order = _in_order(both)
    if order is None:
        return dict(held)
    found = {}
    for name in order:
        one = held[name]
        more = both[name] != one.policy.after
        policy = replace(one.policy, after=both[name])
        found[name] = HeldPolicy(policy, ("after", *one.held) if more else one.held)
    return found


def _held(own: EnvironmentPolicy, chosen: Mapping[str, Any]) -> HeldPolicy:
    names = tuple(name for name, value in chosen.items() if value != getattr(own, name))
    return HeldPolicy(replace(own, **chosen), names)


def _in_order(after: Mapping[str, tuple[str, ...]]) -> list[str] | None:
    """The names so that each comes after its predecessors, otherwise as they were; None when they go in a circle."""
    placed: list[str] = []
    while len(placed) < len(after):
        ready = (name for name, before in after.items() if name not in placed and set(before) <= set(placed))
        first = next(ready, None)
        if first is None:
            return None
        placed.append(first)
    return placed
