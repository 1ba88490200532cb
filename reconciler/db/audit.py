"""The table of the audit log, and writing to it. `models` lists it among all tables.

A row is written in the transaction of the change that it tells of. Its number, link and seal come later, from a worker
that holds the key: nobody waits for the end of the chain, and no process that people reach has the key.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from peewee import AutoField, BigIntegerField, CharField, TextField

from reconciler.bundle.auditrow import AuditEntry
from reconciler.db.session import reading, writing
from reconciler.db.table import DocumentField, InstantField, Table

LONGEST = 300
"""Characters of what people and browsers choose freely."""


class AuditRow(Table):
    """Something that somebody did, or was refused.

    `actor_kind` is `person`, `key`, `machine` (a command on the control plane's machine, or a node), `git` (whoever a
    commit names), `system` (found by the control plane itself) or `nobody`. `outcome` is `done` or `refused`. `number`,
    `link` and `mac` are empty until it is sealed: see `reconciler.bundle.auditrow`. An organization of "" is the
    installation, whose rows are not sealed.
    """

    id = AutoField()
    organization = CharField(63)
    project = CharField(63, default="")
    number = BigIntegerField(null=True)
    at = InstantField()
    actor_kind = CharField(15)
    actor = TextField()
    action = CharField(63)
    subject = CharField(127, default="")
    outcome = CharField(15, default="done")
    details = DocumentField(default=dict)
    address = CharField(63, default="")
    source = CharField(127)
    link = CharField(64, default="")
    mac = CharField(64, default="")

    class Meta:
        indexes = (
            (("organization", "number"), True),
            (("organization", "source"), True),
            (("organization", "at"), False),
        )

    def entry(self) -> AuditEntry:
        """The row as what is hashed."""
        at: Any = AuditRow.at.db_value(self.at)
        return AuditEntry(
            str(self.organization), str(self.project), at, str(self.actor_kind), str(self.actor), str(self.action),
            str(self.subject), str(self.outcome), str(self.address), str(self.source), self.details,
        )  # fmt: skip


class AuditLost(Table):
    """A number that was given to a row which the database does not have: it was restored, or made anew.

    A row with this hash that is derived again takes its number back.
    """

    id = AutoField()
    organization = CharField(63)
    number = BigIntegerField()
    row_sha256 = CharField(64)
    link = CharField(64)
    noticed_at = InstantField()

    class Meta:
        indexes = ((("organization", "number"), True), (("organization", "row_sha256"), False))


AUDIT: tuple[type[Table], ...] = (AuditRow, AuditLost)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and from where."""

    kind: str
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What was done, or refused, and where; `source` when the row is derived from something that has a name."""

    action: str
    organization: str
    project: str = ""
    subject: str = ""
    outcome: str = "done"
    details: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def record(actor: Actor, act: Act, *, now: datetime) -> None:
    """Write a row, inside the transaction of what it tells of. One that is derived is written once."""
    AuditRow.insert(row_of(actor, act, now=now)).on_conflict_ignore().execute()


def row_of(actor: Actor, act: Act, *, now: datetime) -> dict[str, Any]:
    """The columns of a row before it has a number."""
    return {
        "organization": act.organization,
        "project": act.project,
        "at": now,
        "actor_kind": actor.kind,
        "actor": actor.name[:LONGEST],
        "action": act.action,
        "subject": act.subject[:127],
        "outcome": act.outcome,
        "details": {name: _plain(value) for name, value in act.details.items()},
        "address": actor.address[:63],
        "source": act.source or f"row:{secrets.token_hex(16)}",
    }


@contextmanager
def audited(actor: Actor, *, now: datetime) -> Iterator[Callable[[Act], None]]:
    """A transaction around a change, with the rows of the acts that are named in it: both are there, or neither."""
    acts: list[Act] = []
    with writing():
        yield acts.append
        for act in acts:
            record(actor, act, now=now)


def record_commit(
    organization: str,
    project: str,
    branch: str,
    sha: str,
    *,
    author: str,
    subject: str,
    trailers: Mapping[str, str],
    at: datetime,
) -> None:
    """Write the row of a commit that was seen on a branch, whoever made it; the same row each time that it is seen."""
    told = commit_row(
        organization, project, branch, sha, author=author, subject=subject, trailers=trailers, at=at
    )
    AuditRow.insert(told).on_conflict_ignore().execute()


def commit_row(
    organization: str,
    project: str,
    branch: str,
    sha: str,
    *,
    author: str,
    subject: str,
    trailers: Mapping[str, str],
    at: datetime,
) -> dict[str, Any]:
    """The columns of what `record_commit` writes."""
    details = {"branch": branch, "subject": subject, **({"trailers": dict(trailers)} if trailers else {})}
    action = "trunk.commit" if not branch.startswith("env/") else "environment.commit"
    act = Act(
        action,
        organization,
        project,
        subject=sha,
        details=details,
        source=f"commit:{project}:{branch}:{sha}"[:127],
    )
    return row_of(Actor("git", author), act, now=at)


@dataclass(frozen=True, slots=True)
class Search:
    """Which rows of an organization: each field that is given narrows. `action` may be the beginning of one, `actor`
    any part of a name; `project` None means all, the organization's own rows included. `since` counts, `until` not.
    """

    organization: str
    project: str | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def rows_before(search: Search, before: int | None, *, limit: int) -> list[AuditRow]:
    """Rows as they were written, the newest first; `before` is the id of one that was seen. Call inside `reading`."""
    query = _found(search)
    if before is not None:
        query = query.where(AuditRow.id < before)
    return list(query.order_by(AuditRow.id.desc()).limit(limit))


def rows_after(search: Search, after: int, *, limit: int = 1000) -> list[AuditRow]:
    """Rows as they were written, the oldest first. Call inside `reading`."""
    return list(_found(search).where(AuditRow.id > after).order_by(AuditRow.id).limit(limit))


def _found(search: Search) -> Any:
    query = AuditRow.select().where(AuditRow.organization == search.organization)
    for column, value in (
        (AuditRow.project, search.project),
        (AuditRow.subject, search.subject),
        (AuditRow.outcome, search.outcome),
    ):
        if value is not None:
            query = query.where(column == value)
    if search.action is not None:
        query = query.where(AuditRow.action.startswith(search.action))
    if search.actor is not None:
        query = query.where(AuditRow.actor.contains(search.actor))
    if search.since is not None:
        query = query.where(AuditRow.at >= search.since)
    if search.until is not None:
        query = query.where(AuditRow.at < search.until)
    return query


def has_unsealed(organization: str) -> bool:
    """Whether the organization has rows that have no number yet. Asked often, and answered by an index."""
    with reading():
        rows = AuditRow.select(AuditRow.id).where(
            AuditRow.organization == organization, AuditRow.number.is_null()
        )
        return bool(rows.exists())


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, Mapping):
        return {str(name)[:LONGEST]: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
