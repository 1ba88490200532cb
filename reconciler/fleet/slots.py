"""Slots: the two halves of a fleet that a blue-green release moves traffic between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.fleet.domains import OTHERS
from reconciler.fleet.ranks import rank

BLUE = "blue"
GREEN = "green"
SLOTS = (BLUE, GREEN)

HALF = "7" + "f" * 15
"""The highest rank of the blue half, where no label tells the slots apart."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How nodes are told apart: by the values of a label, or, when `label` is "", by half of all ranks each.

    A rank is that of the node's id alone: a node stays in its slot whatever is released, and whoever comes or goes.
    """

    label: str = ""
    blue: str = ""
    green: str = ""

    def slot_of(self, node_id: str, labels: Mapping[str, str]) -> str:
        """The slot of a node; `OTHERS` for one whose label says neither."""
        if not self.label:
            return BLUE if rank("slots", node_id) <= HALF else GREEN
        value = labels.get(self.label)
        if value is None:
            return OTHERS
        return BLUE if value == self.blue else GREEN if value == self.green else OTHERS

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Slots:
        """The slots that `to_json` gave. Raises TypeError for anything else."""
        return cls(**data)


def other(slot: str) -> str:
    """The slot that is not this one."""
    return GREEN if slot == BLUE else BLUE
