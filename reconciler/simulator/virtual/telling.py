"""What each node of an environment is told, worked out from what is published."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.fleet.cohorts import cohort_of
from reconciler.release.assignment import Offer
from reconciler.simulator.virtual.environment import Environment, Published

NOTHING = Offer("")


@dataclass(frozen=True, slots=True)
class Told:
    """What the nodes of an environment are told while `published` holds, by node."""

    published: Published
    nodes: list[str]
    offers: dict[str, Offer]
    digests: dict[str, str]
    pinned: frozenset[str]


def pinned(published: Published, environment: Environment) -> frozenset[str]:
    """The nodes that a pin keeps, whatever is released."""
    return _told(published, environment).pinned


def told_by(published: Published, environment: Environment) -> dict[str, str]:
    """What each node is told to run, "" for nothing."""
    return _told(published, environment).digests


def offered_by(published: Published, environment: Environment) -> dict[str, Offer]:
    """What each node is told, no digest for nothing."""
    return _told(published, environment).offers


def _told(published: Published, environment: Environment) -> Told:
    """Worked out anew when what decides it has changed. The last few are kept, as what is before and what is after a
    commit is asked for in turn."""
    nodes = [node.id for node in environment.nodes]
    for known in environment.told:
        if known.nodes == nodes and (known.published is published or known.published == published):
            return known
    assignment = published.assignment
    offers = {
        node.id: published.offers.get(
            cohort_of(node.id, node.labels, node.registered_at, assignment), NOTHING
        )
        for node in environment.nodes
    }
    kept = (
        node.id
        for node in environment.nodes
        if assignment.pins and assignment.pin_of(node.id, node.labels) is not None
    )
    digests = {node: offer.digest for node, offer in offers.items()}
    found = Told(published, nodes, offers, digests, frozenset(kept))
    environment.told = (found, *environment.told[:2])
    return found
