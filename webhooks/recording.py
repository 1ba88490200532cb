"""Makes deliveries durable: the receipt of each, and the work that those ask for which had not come before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from reconciler.db import session
from reconciler.db.intake import Receipt
from reconciler.db.many import insert_absent
from reconciler.db.models import Event
from reconciler.db.owed import ask
from webhooks.asking import Asked, Look, Rename

KEY = ("organization", "connection", "delivery")
COLUMNS = (*KEY, "event", "repository", "place", "refs", "body_sha256", "received_at")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is kept of a delivery, under the names that `Receipt` has for it, and what it asks for."""

    organization: str
    connection: str
    delivery: str
    event: str
    repository: str
    place: str
    refs: dict[str, Any]
    body_sha256: str
    received_at: datetime
    asked: Asked


class Recorded(NamedTuple):
    """The number of a receipt, and whether this delivery made it: a second one of the same id did not."""

    receipt: int
    new: bool


def record(deliveries: Sequence[Delivery]) -> list[Recorded]:
    """Write receipts, in the order in which they came, and owed work in one transaction; what several of them ask for
    is asked for once.

    Raises `Transient` when the database is away; then nothing is written.
    """
    keys = [(delivery.organization, delivery.connection, delivery.delivery) for delivery in deliveries]
    first: dict[tuple[str, str, str], int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    rows = [
        [*key, "", *(getattr(deliveries[place], name) for name in COLUMNS[3:])]
        for key, place in first.items()
    ]
    recorded: list[Recorded] = []
    with session.writing():
        numbers = insert_absent(Receipt, (*KEY, "project", *COLUMNS[3:]), KEY, rows)
        looks: dict[Look, datetime] = {}
        for place, (key, delivery) in enumerate(zip(keys, deliveries, strict=True)):
            new = key in numbers and first[key] == place
            if new:
                looks |= dict.fromkeys(delivery.asked.looks, delivery.received_at)
                for rename in delivery.asked.renames:
                    note_rename(rename, delivery.received_at)
            recorded.append(Recorded(numbers[key] if key in numbers else number_of(key), new))
        # Always in this order: of two transactions that want the same rows, neither waits for the other's.
        for look, moment in sorted(looks.items(), key=lambda item: astuple(item[0])):
            ask(look.organization, look.project, look.kind, look.subject, now=moment)
    return recorded


def number_of(key: tuple[str, str, str]) -> int:
    """The number of the receipt that is there already."""
    number: int = Receipt.get(**dict(zip(KEY, key, strict=True))).id
    return number


def note_rename(rename: Rename, moment: datetime) -> None:
    """Tell people that a project's repository is called something else now: redirects are not followed."""
    Event.create(
        organization=rename.organization,
        project=rename.project,
        kind="repository.renamed",
        subject=rename.now[:127],
        message=f"the forge calls the repository '{rename.now}' now; correct `repository` of the project "
        f"'{rename.project}' in control-plane.kdl, for redirects are not followed",
        details={"before": rename.before, "now": rename.now},
        at=moment,
    )
