"""What one node should run: the cohort it is in and the digest that this cohort is offered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler.db.models import Environment, Node
from reconciler.fleet.cohorts import OUTDATED, Assignment, cohort_of
from reconciler.fleet.versions import UNKNOWN, too_old, versions_of
from web.pages.node_status import Offer

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Desired:
    """`digest` is empty while the environment has nothing for the node. `pin` is what the view tells of the pin that
    keeps the node, None when none does. `needs` is, by "proxy" and "agent", the version that a node of the cohort
    `outdated` would need of what is too old."""

    cohort: str
    digest: str
    pin: Mapping[str, Any] | None = None
    needs: Mapping[str, str] = field(default_factory=lambda: NOTHING)


def desired(node: Node, offer: Offer, environment: Environment | None) -> Desired:
    """The cohort is the one that the node API tells the node."""
    document = environment.assignment if environment is not None else {}
    assignment = Assignment.from_json(document)
    versions = versions_of(node.versions)
    cohort = cohort_of(node.id, node.labels, node.registered_at, assignment, versions)
    needs = NOTHING
    if cohort == OUTDATED:
        meant = cohort_of(node.id, node.labels, node.registered_at, assignment)
        wanted = assignment.needs.get(meant, UNKNOWN)
        needs = {part: getattr(wanted, part) for part in too_old(versions, wanted)}
    return Desired(cohort, offer.digest(cohort), _pin(node, environment, assignment), needs)


def _pin(node: Node, environment: Environment | None, assignment: Assignment) -> Mapping[str, Any] | None:
    pinned = assignment.pin_of(node.id, node.labels)
    if pinned is None or environment is None:
        return None
    told: list[Mapping[str, Any]] = (environment.view or {}).get("pins") or []
    return next((pin for pin in told if pin.get("name") == pinned.name), {"name": pinned.name})
