"""Looks at an environment as its flow does, and changes nothing: what would be decided now, and why."""

from __future__ import annotations

from reconciler.flows import environment, envrow
from reconciler.flows.context import Context
from reconciler.flows.environment import Look
from reconciler.flows.facts import read_policies


def explain(context: Context, name: str) -> Look:
    """The look with its decision. Raises `Stalled` and `Transient` as the flow does."""
    look = Look(context, name, context.now())
    environment.fetch(look)
    look.trunk = read_policies(context)
    look.policy = look.trunk.of(name)
    row = envrow.find_row(context, name)
    look.known = row.head if row is not None else ""
    for step in (environment.read_branch, environment.gather, environment.make_decision):
        step(look)
    return look
