"""Gives rows of the audit log their numbers, links and seals, and enters them in the organization's log.

A number is taken in the object store first, for one row and for good; then the row is entered in the log, and then
the database is told. Whoever dies in between, or does it at the same time, ends at the same numbers. A number that
belongs to a row which the database does not have is remembered: the row was lost, and takes its number back should it
be derived again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.bundle.auditrow import FIRST_LINK, link_after, row_hash, seal
from reconciler.bundle.leaves import AuditLeaf
from reconciler.db.audit import AuditLost, AuditRow
from reconciler.db.session import reading, writing
from reconciler.errors import Stalled
from reconciler.flows.context import Context
from reconciler.flows.log.appending import append
from reconciler.flows.log.signing import newest, open_log
from reconciler.flows.outcome import Outcome
from reconciler.keys.uri import load_secret
from reconciler.store import layout
from reconciler.store.port import Missing, Taken

AT_ONCE = 200
"""Rows of one run."""

NUMBER_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in the chain."""

    number: int
    link: str


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Seal what is not sealed yet, the oldest first, and sign the log with it."""
    organization = context.organization.slug
    with reading():
        rows = list(
            AuditRow.select()
            .where(AuditRow.organization == organization, AuditRow.number.is_null())
            .order_by(AuditRow.id)
            .limit(AT_ONCE)
        )
    if not rows:
        return Outcome("unchanged", "every row of the audit log is sealed")
    key = audit_keys(context)[:1]
    files, end = open_log(context), _end(context)
    placed: list[tuple[AuditRow, str, Place]] = []
    for row in rows:
        hashed = row_hash(row.entry())
        place = _its_own(organization, hashed)
        if place is None:
            end = place = _take(context, end, hashed)
        placed.append((row, hashed, place))
        renew()
    append(files, [AuditLeaf(organization, place.number, hashed) for _, hashed, place in placed])
    renew()
    newest(context)
    _tell(placed, key)
    again = context.now() + timedelta(seconds=1) if len(rows) == AT_ONCE else None
    return Outcome("changed", f"{len(rows)} rows of the audit log are sealed", again)


def audit_keys(context: Context) -> list[bytes]:
    """The secret that rows are sealed with, and then those of older rows; empty when none is named."""
    keys = context.organization.keys
    uris = [*([keys.audit] if keys.audit else []), *keys.audit_retired]
    if keys.audit is None and uris:
        raise Stalled(
            "E-AUD-001",
            "the audit log has retired secrets and none to seal with",
            cure='Name one in control-plane.kdl: keys { audit "file:…" }',
        )
    return [load_secret(uri, folder=context.folder, environ=context.environ) for uri in uris]


def taken(context: Context, number: int) -> tuple[str, str] | None:
    """The hash of the row that has a number, and its link; None when nobody has it. Raises `Stalled` E-AUD-002."""
    key = layout.audit_number(context.organization.slug, number)
    try:
        found = json.loads(context.store.get(key, limit=NUMBER_LIMIT))
        return str(found["row"]), str(found["link"])
    except Missing:
        return None
    except (ValueError, KeyError, TypeError):
        raise Stalled(
            "E-AUD-002", f"the object '{key}' is not one of ours", cure="Restore it from a copy"
        ) from None


def _end(context: Context) -> Place:
    """The end of the chain as far as the database knows it."""
    organization = context.organization.slug
    with reading():
        row = (
            AuditRow.select(AuditRow.number, AuditRow.link)
            .where(AuditRow.organization == organization, AuditRow.number.is_null(False))
            .order_by(AuditRow.number.desc())
            .first()
        )
        lost = (
            AuditLost.select()
            .where(AuditLost.organization == organization)
            .order_by(AuditLost.number.desc())
            .first()
        )
    found = [Place(int(one.number), str(one.link)) for one in (row, lost) if one is not None]
    return max(found, key=lambda place: place.number, default=Place(0, FIRST_LINK))


def _its_own(organization: str, hashed: str) -> Place | None:
    """The number that a row had before the database lost it, or None."""
    with reading():
        lost = AuditLost.get_or_none(AuditLost.organization == organization, AuditLost.row_sha256 == hashed)
    return None if lost is None else Place(int(lost.number), str(lost.link))


def _take(context: Context, end: Place, hashed: str) -> Place:
    """Take the next number for a row; numbers of rows that the database does not have are passed and remembered."""
    while True:
        number = end.number + 1
        place = Place(number, link_after(end.link, number, hashed))
        content = json.dumps({"link": place.link, "row": hashed}, sort_keys=True).encode()
        try:
            context.store.put(layout.audit_number(context.organization.slug, number), content)
        except Taken:
            other = taken(context, number)
            if other is None:
                continue
            with writing():
                AuditLost.insert(
                    organization=context.organization.slug,
                    number=number,
                    row_sha256=other[0],
                    link=other[1],
                    noticed_at=context.now(),
                ).on_conflict_ignore().execute()
            end = Place(number, other[1])
            again = _its_own(context.organization.slug, hashed)
            if again is not None:
                return again
        else:
            return place


def _tell(placed: Sequence[tuple[AuditRow, str, Place]], key: Sequence[bytes]) -> None:
    with writing():
        for row, _, place in placed:
            mac = seal(key[0], place.link) if key else ""
            AuditRow.update(number=place.number, link=place.link, mac=mac).where(
                AuditRow.id == row.id, AuditRow.number.is_null()
            ).execute()
            AuditLost.delete().where(
                AuditLost.organization == row.organization, AuditLost.number == place.number
            ).execute()
