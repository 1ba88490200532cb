"""What the nodes of an environment would be told, worked out for the invariants apart from what they check."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.fleet.cohorts import cohort_of
from reconciler.release.assignment import Offer
from reconciler.simulator.virtual.environment import Environment, Published

NOTHING = Offer("")


@dataclass(frozen=True, slots=True)
class Told:
    """What the nodes of an environment are told while `published` holds: by node the offer, and its digest alone, ""
    for nothing. `pinned` are those that a pin keeps, whatever is released."""

    published: Published
    nodes: list[str]
    offers: dict[str, Offer]
    digests: dict[str, str]
    pinned: set[str]


def answers(published: Published, environment: Environment) -> Told:
    """Worked out anew when what decides it has changed: the last few are kept, as what is before and after a commit is
    asked for in turn."""
    nodes = [node.id for node in environment.nodes]
    for known in environment.told:
        if known.nodes == nodes and (known.published is published or known.published == published):
            return known
    offers, pinned = {}, set()
    for node in environment.nodes:
        cohort = cohort_of(node.id, node.labels, node.registered_at, published.assignment)
        offers[node.id] = published.offers.get(cohort, NOTHING)
        if published.assignment.pins and published.assignment.pin_of(node.id, node.labels) is not None:
            pinned.add(node.id)
    digests = {node: offer.digest for node, offer in offers.items()}
    found = Told(published, nodes, offers, digests, pinned)
    environment.told = (found, *environment.told[:2])
    return found
