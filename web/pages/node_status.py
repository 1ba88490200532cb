"""What a node's last words and the time make of it: its status, here in Python and as SQL.

A node that was not heard for longer than its environment allows is silent, whatever it said last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import Case

from reconciler.db.models import Environment, Node, Pointer
from reconciler.fleet.staleness import is_fresh

DEFAULT_STALE_SECONDS = 60
"""Where an environment's policy is not known, as after it was removed from trunk."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an environment offers its nodes: cohort → digest, and after how long a node is silent."""

    cohorts: tuple[tuple[str, str], ...]
    stale_after_seconds: int

    def fresh(self, reported_at: datetime | None, *, now: datetime) -> bool:
        """Whether what a node said last still counts."""
        return is_fresh(reported_at, now=now, stale_after_seconds=self.stale_after_seconds)

    @property
    def digests(self) -> tuple[str, ...]:
        """The offered digests, each once."""
        return tuple(sorted({digest for _, digest in self.cohorts if digest}))

    def digest(self, cohort: str) -> str:
        """What that cohort is offered, or an empty string."""
        return dict(self.cohorts).get(cohort, "")


def offer_of(environment: Environment | None, pointers: list[Pointer]) -> Offer:
    """The offer of one environment from its row and its cohorts' pointers."""
    policy = (environment.view or {}).get("policy") or {} if environment is not None else {}
    seconds = policy.get("stale_after_seconds")
    stale = seconds if isinstance(seconds, int) and seconds > 0 else DEFAULT_STALE_SECONDS
    name = environment.name if environment is not None else None
    return Offer(
        tuple((p.cohort, p.digest) for p in pointers if name is None or p.environment == name),
        stale,
    )


def status(node: Node, offer: Offer, *, now: datetime) -> str:
    """The first status that fits: `silent`, `refusing`, `unhealthy`, `idle`, `ok`, `lagging`."""
    if not offer.fresh(node.reported_at, now=now):
        return "silent"
    if node.refusal is not None:
        return "refusing"
    if node.health == "unhealthy":
        return "unhealthy"
    if not offer.digests:
        return "idle"
    return "ok" if node.running in offer.digests else "lagging"


def status_case(offer: Offer, *, now: datetime) -> Any:
    """The same as `status`, as an SQL expression, for counting and filtering."""
    heard_since = now - timedelta(seconds=offer.stale_after_seconds)
    settled = (
        ((Node.running.in_(offer.digests), "ok"),) if offer.digests else ((Node.id.is_null(False), "idle"),)
    )
    return Case(
        None,
        (
            (Node.reported_at.is_null() | (Node.reported_at < heard_since), "silent"),
            (Node.refusal.is_null(False), "refusing"),
            (Node.health == "unhealthy", "unhealthy"),
            *settled,
        ),
        "lagging",
    )
