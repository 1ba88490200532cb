"""What pages and JSON views read of nodes. SELECT only; never the hash of a node's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import fn

from reconciler.db.models import Environment, Node
from web.pages import reads
from web.pages.node_status import Offer, offer_of, status_case
from web.pages.scope import Scope
from web.pages.words import NODES

COLUMNS = tuple(
    getattr(Node, name)
    for name in (
        "id", "organization", "project", "environment", "name", "labels", "registered_at", "retired_at", "reported_at",
        "running", "running_since", "config_id", "delivered", "sequence", "health", "health_reason", "health_since",
        "refusal", "versions", "weight", "address", "cloned_at",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """The offers of a project's environments, by name, as every question about nodes needs them."""

    environments: tuple[Environment, ...]
    offers: dict[str, Offer]

    def offer(self, environment: str) -> Offer:
        """The offer of an environment; one that is gone offers nothing."""
        return self.offers.get(environment) or offer_of(None, [])


def fleet(scope: Scope, environments: list[Environment] | None = None) -> Fleet:
    """Read what the environments offer."""
    rows = reads.environments(scope) if environments is None else environments
    pointers = reads.pointers(scope)
    return Fleet(tuple(rows), {row.name: offer_of(row, pointers) for row in rows})


def counts(scope: Scope, fleet: Fleet, *, now: datetime) -> dict[str, dict[str, int]]:
    """Environment → status → how many nodes, in promotion order, with every status present."""
    found = {}
    for row in fleet.environments:
        case = status_case(fleet.offer(row.name), now=now)
        query = (
            scope.rows(Node, case.alias("status"), fn.COUNT(Node.id))
            .where(Node.environment == row.name, Node.retired_at.is_null())
            .group_by(case)
            .tuples()
        )
        tally = {str(key): int(count) for key, count in query}
        found[row.name] = {key: tally.get(key, 0) for key in NODES}
    return found


def total(tallies: dict[str, dict[str, int]]) -> dict[str, int]:
    """The tallies of all environments added up."""
    return {key: sum(tally.get(key, 0) for tally in tallies.values()) for key in NODES}


def nodes(
    scope: Scope,
    fleet: Fleet,
    *,
    now: datetime,
    environment: str | None = None,
    status: str | None = None,
    search: str | None = None,
    narrowed: Sequence[Any] = (),
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[Node]:
    """Nodes by name; `search` is part of a name or the beginning of an id; `narrowed` are conditions of
    `node_narrowing`; `after` is the (name, id) shown last."""
    query = scope.rows(Node, *COLUMNS).where(Node.retired_at.is_null(), *narrowed)
    if environment is not None:
        query = query.where(Node.environment == environment)
    if status is not None:
        fits = None
        for row in fleet.environments:
            here = (Node.environment == row.name) & (status_case(fleet.offer(row.name), now=now) == status)
            fits = here if fits is None else fits | here
        query = query.where(fits if fits is not None else Node.id.is_null())
    if search:
        query = query.where(Node.name.contains(search) | Node.id.startswith(search))
    if after is not None:
        name, identifier = after
        query = query.where((Node.name > name) | ((Node.name == name) & (Node.id > identifier)))
    return list(query.order_by(Node.name, Node.id).limit(limit))


def node(scope: Scope, identifier: str) -> Node | None:
    """One node of the project, retired ones included, or None."""
    found: Node | None = scope.rows(Node, *COLUMNS).where(Node.id == identifier).first()
    return found
