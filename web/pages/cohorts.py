"""What one node should run: the cohort it is in and the digest that this cohort is offered. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.db.models import Environment, Node
from reconciler.fleet.cohorts import Assignment, cohort_of
from web.pages.node_status import Offer


@dataclass(frozen=True, slots=True)
class Desired:
    """`digest` is empty while the environment has nothing for the node."""

    cohort: str
    digest: str


def desired(node: Node, offer: Offer, environment: Environment | None) -> Desired:
    """The cohort is the one that the node API tells the node."""
    document = environment.assignment if environment is not None else {}
    cohort = cohort_of(node.id, node.labels, node.registered_at, Assignment.from_json(document))
    return Desired(cohort, offer.digest(cohort))
