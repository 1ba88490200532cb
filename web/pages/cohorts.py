"""What one node should run: the cohort it is in and the digest that this cohort is offered. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.db.models import Node, Rollout
from reconciler.fleet.cohorts import NEXT, cohort_of, open_rollout
from web.pages.node_status import Offer


@dataclass(frozen=True, slots=True)
class Desired:
    """`digest` is empty while the environment has nothing for the node."""

    cohort: str
    digest: str


def desired(node: Node, offer: Offer, under_way: Rollout | None) -> Desired:
    """While a rollout is under way the nodes within its reach are cohort `next`, all others `base`."""
    current = None
    if under_way is not None:
        current = open_rollout(under_way.name, under_way.state, under_way.opened_at, under_way.view or {})
    cohort = cohort_of(node.id, node.registered_at, current)
    if cohort == NEXT and under_way is not None:
        return Desired(cohort, offer.digest(cohort) or under_way.digest)
    return Desired(cohort, offer.digest(cohort))
