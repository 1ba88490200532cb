"""What one node should run: the cohort it is in and the digest that this cohort is offered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.db.models import Environment, Node
from reconciler.fleet.cohorts import OUTDATED, Assignment, cohort_of
from web.pages.node_status import Offer


@dataclass(frozen=True, slots=True)
class Desired:
    """`digest` is empty while the environment has nothing for the node. `pin` is what the view tells of the pin that
    keeps the node, None when none does. `needs` is the proxy that a node of the cohort `outdated` would need, else
    empty."""

    cohort: str
    digest: str
    pin: Mapping[str, Any] | None = None
    needs: str = ""


def desired(node: Node, offer: Offer, environment: Environment | None) -> Desired:
    """The cohort is the one that the node API tells the node."""
    document = environment.assignment if environment is not None else {}
    assignment = Assignment.from_json(document)
    proxy = str((node.versions or {}).get("proxy") or "")
    cohort = cohort_of(node.id, node.labels, node.registered_at, assignment, proxy)
    needs = ""
    if cohort == OUTDATED:
        meant = cohort_of(node.id, node.labels, node.registered_at, assignment)
        needs = assignment.needs.get(meant, "")
    return Desired(cohort, offer.digest(cohort), _pin(node, environment, assignment), needs)


def _pin(node: Node, environment: Environment | None, assignment: Assignment) -> Mapping[str, Any] | None:
    pinned = assignment.pin_of(node.id, node.labels)
    if pinned is None or environment is None:
        return None
    told: list[Mapping[str, Any]] = (environment.view or {}).get("pins") or []
    return next((pin for pin in told if pin.get("name") == pinned.name), {"name": pinned.name})
