"""Which cohort a node is in while a rollout is open. The node API asks this for every poll."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.fleet.ranks import LAST_REACH, NO_REACH, rank

BASE = "base"
NEXT = "next"


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """A rollout that is open or paused, as far as cohorts depend on it.

    `reach` is 16 hex digits, the highest rank that is moved so far, or "" when no step has begun.
    """

    name: str
    opened_at: datetime
    reach: str


def cohort_of(node_id: str, registered_at: datetime, rollout: OpenRollout | None) -> str:
    """`next` for a node that the rollout has reached, `base` for every other one.

    A node that registered after the opening is `base`: it gets what the last completed rollout brought. `rollout` None
    means that none is open.
    """
    if rollout is None or registered_at > rollout.opened_at:
        return BASE
    return NEXT if rank(rollout.name, node_id) <= rollout.reach else BASE


def open_rollout(name: str, state: str, opened_at: datetime, view: Mapping[str, Any]) -> OpenRollout | None:
    """The open rollout that a `Rollout` row with this name, state, opening and view stands for.

    None when it has ended: then every node is `base`. A step counts as begun unless its state is `waiting`.
    """
    if state not in ("open", "paused"):
        return None
    begun = [str(step["reach"]) for step in view.get("steps", ()) if step["state"] != "waiting"]
    return OpenRollout(name, opened_at, max(begun, default=NO_REACH))


__all__ = ["BASE", "LAST_REACH", "NEXT", "OpenRollout", "cohort_of", "open_rollout"]
