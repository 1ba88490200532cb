"""What an environment waits for when nothing happens in a play."""

from __future__ import annotations

from datetime import datetime

from reconciler.release.rules import OF_NODES, thaw
from reconciler.simulator.virtual.environment import Environment


def is_due(environment: Environment, now: int) -> bool:
    """Whether it is to be looked at, at this millisecond."""
    return environment.due_at is not None and environment.due_at <= now


def waits_for_nodes(environment: Environment) -> bool:
    """Whether it waits for nodes to register or to be labelled."""
    waiting = environment.last.waiting if environment.last is not None else ()
    return any(reason.code in OF_NODES for reason in waiting)


def thaws_for(environment: Environment, now: datetime) -> datetime | None:
    """When the freeze ends in which a rollout waits for its nodes; None when there is none.

    It is looked at again and again meanwhile. When its nodes have been as they are for long, the next thing that
    happens is that time counts again.
    """
    policy, rollout = environment.policy, environment.ledger.open_rollout
    return thaw(policy, now) if policy is not None and rollout is not None else None
