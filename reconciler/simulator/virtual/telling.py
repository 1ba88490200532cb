"""What each node of an environment is told, worked out from what is published."""

from __future__ import annotations

from reconciler.fleet.cohorts import cohort_of
from reconciler.release.assignment import Offer
from reconciler.simulator.virtual.environment import Environment, Published

NOTHING = Offer("")


def pinned(published: Published, environment: Environment) -> set[str]:
    """The nodes that a pin keeps, whatever is released."""
    pin_of = published.assignment.pin_of
    return {node.id for node in environment.nodes if pin_of(node.id, node.labels) is not None}


def told_by(published: Published, environment: Environment) -> dict[str, str]:
    """What each node is told to run, "" for nothing."""
    return {node: offer.digest for node, offer in offered_by(published, environment).items()}


def offered_by(published: Published, environment: Environment) -> dict[str, Offer]:
    """What each node is told, no digest for nothing. Worked out anew when what decides it has changed."""
    key = (published, [node.id for node in environment.nodes])
    if environment.told is None or environment.told[0] != key:
        found = {}
        for node in environment.nodes:
            cohort = cohort_of(node.id, node.labels, node.registered_at, published.assignment)
            found[node.id] = published.offers.get(cohort, NOTHING)
        environment.told = (key, found)
    return environment.told[1]
