"""The policies of all environments of a snapshot, with what other resources say about them."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.freezes import window_of
from reconciler.config.groups import group_of
from reconciler.config.kinds.environment import policy_of
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.promotion_order import promotion_order
from reconciler.config.resources import Resource


def policies_of(resources: Mapping[tuple[str, str], Resource]) -> tuple[EnvironmentPolicy, ...]:
    """The policies in promotion order. `resources` are sound, and in order."""
    by_kind: dict[str, dict[str, Resource]] = {}
    for (kind, name), resource in resources.items():
        by_kind.setdefault(kind, {})[name] = resource

    def of(kind: str) -> Mapping[str, Resource]:
        return by_kind.get(kind, {})

    freezes = [window_of(name, window.effective("")) for name, window in of("freeze-window").items()]
    teams = {name: tuple(team.data["members"]) for name, team in of("team").items()}
    environments = of("environment")
    return tuple(
        policy_of(
            name,
            environments[name].effective(name),
            freezes,
            teams,
            [
                group_of(g, group.effective(name))
                for g, group in of("node-group").items()
                if group.is_in(name)
            ],
            {s: slo.effective(name) for s, slo in of("slo").items() if slo.is_in(name)},
        )
        for name in promotion_order(environments.values())
    )
