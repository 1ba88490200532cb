"""Whether a node runs something else than it should, for longer than it may take."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.fleet.observations import Observation


def drifts(
    node: Observation, desired: str, *, desired_since: datetime, now: datetime, grace_seconds: int
) -> bool:
    """Whether `node` runs another digest than `desired` although that stands for longer than the grace.

    `desired` "" means that nothing is wanted of it, which nobody can drift from.
    """
    if not desired or node.running == desired:
        return False
    since = max(desired_since, node.registered_at)
    return now - since > timedelta(seconds=grace_seconds)
