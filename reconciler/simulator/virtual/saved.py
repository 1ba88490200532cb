"""The database of virtual time as it was at a moment, for when it is switched to an older copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.simulator.virtual.environment import Environment, Published
from reconciler.simulator.virtual.nodes import Node

Reported = tuple[datetime | None, str, datetime | None, str, datetime | None, str, int]


@dataclass(frozen=True, slots=True)
class Saved:
    """What nodes are answered from and what is due, by environment; and what nodes said, by node."""

    environments: Mapping[str, tuple[Published, int, int | None]]
    reports: Mapping[str, Reported]

    @classmethod
    def of(cls, environments: Iterable[Environment], nodes: Iterable[Node]) -> Saved:
        """The database as it is."""
        return cls(
            {e.name: (e.published, e.row, e.due_at) for e in environments}, {n.id: _said(n) for n in nodes}
        )

    def restore(self, environments: Iterable[Environment], nodes: Iterable[Node]) -> None:
        """Make it so again. A node that registered since keeps what it said: it says it again anyway."""
        for environment in environments:
            published, environment.row, environment.due_at = self.environments[environment.name]
            environment.publish(published)
        for node in nodes:
            node.settled = None
            if node.id in self.reports:
                (
                    node.reported_at, node.running, node.running_since, node.health, node.health_since,
                    node.refused, node.refused_sequence,
                ) = self.reports[node.id]  # fmt: skip


def _said(node: Node) -> Reported:
    return (
        node.reported_at, node.running, node.running_since, node.health, node.health_since, node.refused,
        node.refused_sequence,
    )  # fmt: skip
