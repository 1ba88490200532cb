"""Which cohort a node is in. The node API asks this for every poll, flows and simulation ask the same function.

An answer depends on the node's id, its labels, when it registered and the environment's `Assignment`, which is a few
hundred bytes however many nodes there are: never on a list of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from reconciler.clock import iso_milliseconds, parse_iso
from reconciler.fleet.domains import OTHERS, Reaches, domain_of, reach_in
from reconciler.fleet.ranks import NO_REACH, rank

BASE = "base"
NEXT = "next"


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """A rollout that still decides what nodes run, as far as cohorts depend on it.

    `reaches` are the highest ranks that are moved so far, by failure domain; `spread` is the label that tells domains
    apart, or "".
    """

    name: str
    opened_at: datetime
    reaches: Reaches = field(default_factory=lambda: MappingProxyType({OTHERS: NO_REACH}))
    spread: str = ""

    def takes(self, node_id: str, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the rollout has reached this node."""
        if registered_at > self.opened_at:
            return False
        return rank(self.name, node_id) <= reach_in(self.reaches, domain_of(labels, self.spread))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "name": self.name,
            "opened_at": iso_milliseconds(self.opened_at),
            "reaches": dict(self.reaches),
            "spread": self.spread,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OpenRollout:
        """The rollout that `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(data["name"], parse_iso(data["opened_at"]), dict(data["reaches"]), data["spread"])


@dataclass(frozen=True, slots=True)
class Assignment:
    """What decides on the cohorts of an environment's nodes. The default: every node is `base`."""

    rollout: OpenRollout | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"rollout": None if self.rollout is None else self.rollout.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Assignment:
        """The assignment that `to_json` gave; of an empty object the default.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        rollout = data.get("rollout")
        return cls(None if rollout is None else OpenRollout.from_json(rollout))


EVERYBODY = Assignment()


def cohort_of(
    node_id: str, labels: Mapping[str, str], registered_at: datetime, assignment: Assignment
) -> str:
    """`next` for a node that the rollout has reached, `base` for every other one.

    A node that registered after the opening is `base`: it gets what the last completed rollout brought.
    """
    rollout = assignment.rollout
    return NEXT if rollout is not None and rollout.takes(node_id, labels, registered_at) else BASE
