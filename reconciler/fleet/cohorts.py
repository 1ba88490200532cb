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
from reconciler.fleet.slots import Slots
from reconciler.fleet.versions import UNKNOWN, Versions, too_old

BASE = "base"
NEXT = "next"
OUTDATED = "outdated"
"""Nodes whose proxy or agent is too old for what they would be offered: there is no pointer for them, and they keep
what they run until it is upgraded."""

NO_NEEDS: Mapping[str, Versions] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Target:
    """The nodes that a rollout is for: those that match and registered before it opened. `only` None: all of them.

    `only` names no group: what a group means may change while the rollout is under way.
    """

    opened_at: datetime
    only: Selector | None = None

    def includes(self, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the rollout is for this node."""
        return registered_at < self.opened_at and (self.only is None or matches(self.only, labels, {}))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        only = "" if self.only is None else text_of(self.only)
        return {"opened_at": iso_milliseconds(self.opened_at), "only": only}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Target:
        """The target that `to_json` gave. Raises KeyError, TypeError, ValueError or `Refused` for anything else."""
        return cls(parse_iso(data["opened_at"]), read_selector(data["only"]) if data["only"] else None)


@dataclass(frozen=True, slots=True)
class PinnedNodes:
    """The nodes that a pin keeps on a digest: those that match, or whose ids it names. `chosen` names no group."""

    name: str
    digest: str
    chosen: Selector | None = None
    ids: tuple[str, ...] = ()

    @property
    def cohort(self) -> str:
        """Named by the digest: pins of the same one share a pointer."""
        return f"pin-{self.digest.removeprefix('sha256:')[:12]}"

    def keeps(self, node_id: str, labels: Mapping[str, str]) -> bool:
        """Whether this node is kept, whenever it registered."""
        return node_id in self.ids or (self.chosen is not None and matches(self.chosen, labels, {}))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        chosen = "" if self.chosen is None else text_of(self.chosen)
        return {"name": self.name, "digest": self.digest, "chosen": chosen, "ids": list(self.ids)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PinnedNodes:
        """The pin that `to_json` gave. Raises KeyError, TypeError, ValueError or `Refused` for anything else."""
        chosen = read_selector(data["chosen"]) if data["chosen"] else None
        return cls(data["name"], data["digest"], chosen, tuple(data["ids"]))


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """A rollout that still decides what nodes run, as far as cohorts depend on it.

    `reaches` are the highest ranks that are moved so far, by failure domain; `spread` is the label that tells domains
    apart, or "". `already` are the rollouts of the same digest that this one took over from, as far as they had come:
    what they had moved stays moved, whomever this one is for. `apart` were pinned when it opened: its steps leave them
    out, also when their pin has ended meanwhile. `slots` are the domains of a blue-green rollout, instead of those of a
    label.
    """

    name: str
    target: Target
    reaches: Reaches = field(default_factory=lambda: MappingProxyType({OTHERS: NO_REACH}))
    spread: str = ""
    already: tuple[OpenRollout, ...] = ()
    apart: tuple[PinnedNodes, ...] = ()
    slots: Slots | None = None

    def domain(self, node_id: str, labels: Mapping[str, str]) -> str:
        """The failure domain, or the slot, that a node is in."""
        if self.slots is not None:
            return self.slots.slot_of(node_id, labels)
        return domain_of(labels, self.spread)

    def is_for(self, node_id: str, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the rollout brings its digest to this node, sooner or later."""
        meant = self.target.includes(labels, registered_at)
        if not meant and not (self.already and self.has(node_id, labels, registered_at)):
            return False
        return not self.apart or not any(pin.keeps(node_id, labels) for pin in self.apart)

    def concerns(self, node_id: str, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether one of the steps moves this node."""
        if self.already and self.has(node_id, labels, registered_at):
            return False
        return self.is_for(node_id, labels, registered_at)

    def has(self, node_id: str, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the node was moved before the first step."""
        return any(one.takes(node_id, labels, registered_at) for one in self.already)

    def takes(self, node_id: str, labels: Mapping[str, str], registered_at: datetime) -> bool:
        """Whether the rollout has reached this node."""
        if not self.is_for(node_id, labels, registered_at):
            return False
        reach = reach_in(self.reaches, self.domain(node_id, labels))
        if rank(self.name, node_id) <= reach:
            return True
        return bool(self.already) and self.has(node_id, labels, registered_at)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "name": self.name,
            "target": self.target.to_json(),
            "reaches": dict(self.reaches),
            "spread": self.spread,
            "already": [one.to_json() for one in self.already],
            "apart": [pin.to_json() for pin in self.apart],
            "slots": _slots_to_json(self.slots),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OpenRollout:
        """The rollout that `to_json` gave. Raises KeyError, TypeError, ValueError or `Refused` for anything else."""
        return cls(
            data["name"],
            Target.from_json(data["target"]),
            dict(data["reaches"]),
            data["spread"],
            tuple(cls.from_json(one) for one in data["already"]),
            tuple(PinnedNodes.from_json(pin) for pin in data["apart"]),
            _slots_from_json(data["slots"]),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """What decides on the cohorts of an environment's nodes. The default: every node is `base`.

    Of two pins that mean the same node the first one counts. `slots` are there while one of the two has the traffic.
    `needs` is by cohort the oldest proxy and agent that run what the cohort is offered; under `next` those of what the
    open rollout brings, also where that goes to a slot.
    """

    rollout: OpenRollout | None = None
    pins: tuple[PinnedNodes, ...] = ()
    slots: Slots | None = None
    needs: Mapping[str, Versions] = field(default_factory=lambda: NO_NEEDS)

    def outdated(self, cohort: str, versions: Versions) -> bool:
        """Whether a node with these is too old for what a cohort is offered."""
        return bool(self.needs) and bool(too_old(versions, self.needs.get(cohort, UNKNOWN)))

    def pin_of(self, node_id: str, labels: Mapping[str, str]) -> PinnedNodes | None:
        """The pin that keeps this node, or None."""
        if not self.pins:
            return None
        return next((pin for pin in self.pins if pin.keeps(node_id, labels)), None)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "rollout": None if self.rollout is None else self.rollout.to_json(),
            "pins": [pin.to_json() for pin in self.pins],
            "slots": _slots_to_json(self.slots),
            "needs": {cohort: needs._asdict() for cohort, needs in sorted(self.needs.items())},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Assignment:
        """The assignment that `to_json` gave; of an empty object the default.

        Raises KeyError, TypeError, ValueError or `Refused` for anything else.
        """
        rollout = data.get("rollout")
        pins = tuple(PinnedNodes.from_json(pin) for pin in data.get("pins", ()))
        slots = _slots_from_json(data.get("slots"))
        needs = {cohort: Versions(**found) for cohort, found in data.get("needs", {}).items()}
        return cls(None if rollout is None else OpenRollout.from_json(rollout), pins, slots, needs)

    def moved(
        self,
        node_id: str,
        labels: Mapping[str, str],
        registered_at: datetime,
        versions: Versions = UNKNOWN,
    ) -> bool:
        """Whether the open rollout has brought its digest to this node: no pin keeps another one there, and it is not
        too old."""
        rollout = self.rollout
        if rollout is None or not rollout.takes(node_id, labels, registered_at):
            return False
        if self.outdated(NEXT, versions):
            return False
        return self.pin_of(node_id, labels) is None


def _slots_to_json(slots: Slots | None) -> dict[str, Any] | None:
    return None if slots is None else slots.to_json()


def _slots_from_json(data: Mapping[str, Any] | None) -> Slots | None:
    return None if data is None else Slots.from_json(data)


EVERYBODY = Assignment()


def cohort_of(
    node_id: str,
    labels: Mapping[str, str],
    registered_at: datetime,
    assignment: Assignment,
    versions: Versions = UNKNOWN,
) -> str:
    """The pin's cohort for a node that is pinned, `next` for one that the rollout has reached, `base` for all others.
    Where there are slots, a node's slot is its cohort, whatever has reached it.

    A node that registered after the opening is `base`: it gets what the last completed rollout brought. One that
    is too old for what the rollout brings stays in `base`, and is `outdated` where it is too old for that too.
    """
    cohort = _meant(node_id, labels, registered_at, assignment)
    if not assignment.outdated(cohort, versions):
        return cohort
    return BASE if cohort == NEXT and not assignment.outdated(BASE, versions) else OUTDATED


def _meant(node_id: str, labels: Mapping[str, str], registered_at: datetime, assignment: Assignment) -> str:
    """The cohort as if every node were new enough."""
    pin = assignment.pin_of(node_id, labels)
    if pin is not None:
        return pin.cohort
    rollout = assignment.rollout
    if assignment.slots is not None:
        if rollout is not None and not rollout.is_for(node_id, labels, registered_at):
            return BASE
        return assignment.slots.slot_of(node_id, labels) or BASE
    return NEXT if rollout is not None and rollout.takes(node_id, labels, registered_at) else BASE
