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
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import Selector, matches, text_of

BASE = "base"
NEXT = "next"


@dataclass(frozen=True, slots=True)
class Target:
    """The nodes that a rollout is for: those that match and registered before it opened. `only` None: all of them.

    `only` names no group: what a group means may change while the rollout is under way.
    """

    opened_at: datetime
    only: Selector | None = None

    def includes(self, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the rollout is for this node."""
        return registered_at <= self.opened_at and (self.only is None or matches(self.only, labels, {}))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        only = "" if self.only is None else text_of(self.only)
        return {"opened_at": iso_milliseconds(self.opened_at), "only": only}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Target:
        """The target that `to_json` gave. Raises KeyError, TypeError, ValueError or `Refused` for anything else."""
        return cls(parse_iso(data["opened_at"]), read_selector(data["only"]) if data["only"] else None)


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """A rollout that still decides what nodes run, as far as cohorts depend on it.

    `reaches` are the highest ranks that are moved so far, by failure domain; `spread` is the label that tells domains
    apart, or "". `already` are the nodes that a partial rollout of the same digest moved before this one widened it.
    """

    name: str
    target: Target
    reaches: Reaches = field(default_factory=lambda: MappingProxyType({OTHERS: NO_REACH}))
    spread: str = ""
    already: Target | None = None

    def concerns(self, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether one of the steps moves this node."""
        return self.target.includes(labels, registered_at) and not self.has(labels, registered_at)

    def has(self, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the node was moved before the first step."""
        return self.already is not None and self.already.includes(labels, registered_at)

    def takes(self, node_id: str, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the rollout has reached this node."""
        if not self.target.includes(labels, registered_at):
            return False
        reach = reach_in(self.reaches, domain_of(labels, self.spread))
        return rank(self.name, node_id) <= reach or self.has(labels, registered_at)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "name": self.name,
            "target": self.target.to_json(),
            "reaches": dict(self.reaches),
            "spread": self.spread,
            "already": None if self.already is None else self.already.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OpenRollout:
        """The rollout that `to_json` gave. Raises KeyError, TypeError, ValueError or `Refused` for anything else."""
        already = data["already"]
        return cls(
            data["name"],
            Target.from_json(data["target"]),
            dict(data["reaches"]),
            data["spread"],
            None if already is None else Target.from_json(already),
        )


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

        Raises KeyError, TypeError, ValueError or `Refused` for anything else.
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
