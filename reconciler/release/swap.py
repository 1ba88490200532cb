"""What a blue-green rollout keeps in its plan and in the ledger: slots, weights, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.fleet.slots import Slots, other

Weights = Mapping[str, int]
"""By slot the weight that its nodes publish, 0 to 100. Never are both 0."""

FULL = 100
"""What a node's weight is when nothing says otherwise."""

RESTORE = "restore"
DRAIN = "drain"
PHASES = (RESTORE, DRAIN)

FAILED = "failed"
REPLACED = "replaced"
CAUSES = (FAILED, REPLACED)


@dataclass(frozen=True, slots=True)
class Swap:
    """The part of a plan that other strategies have not. `standby` is the slot that the release goes to first.

    `balancer`, `within` and `samples` are those of the policy.
    """

    slots: Slots
    standby: str
    balancer: str
    within: int
    samples: int

    @property
    def former(self) -> str:
        """The slot that has the traffic until it is shifted."""
        return other(self.standby)


@dataclass(frozen=True, slots=True)
class Serving:
    """Which of two slots has the traffic while nothing is being shifted."""

    slots: Slots
    active: str

    @property
    def weights(self) -> Weights:
        return all_to(self.active)


@dataclass(frozen=True, slots=True)
class Returning:
    """The traffic goes back before the nodes do. First, where nodes of the slot that it goes back to have left the good
    bundle, they get it back (`restore`); then that slot gets everything (`drain`).

    `cause` says how the rollout ends then: it failed, or another bundle is wished. `since` and `sequence` are those of
    the phase.
    """

    phase: str
    cause: str
    since: datetime
    sequence: int
    because: str


def all_to(slot: str) -> Weights:
    """The weights that give everything to one slot."""
    return {slot: FULL, other(slot): 0}
