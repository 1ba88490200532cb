"""Asks a worker for a change of an environment, and says what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import IntegrityError

from reconciler.db.audit import Act, Actor, audited
from reconciler.db.changes import Change
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. `content` is what is to be written, of which `body` says the digest; `work` is the kind
    of work that makes the change."""

    organization: str
    project: str
    environment: str
    operation: str
    body: Mapping[str, Any]
    person: str
    author_name: str
    author_email: str
    idempotency: str | None
    content: str = ""
    work: str = "change"


def ask_for(wanted: Wanted, actor: Actor, *, now: datetime) -> Change:
    """Write a change down, with its row of the audit log, and have a worker make it.

    With a name for the request that the person gave before, it is the change of that time, whatever it was.
    """
    known = _named(wanted)
    if known is not None:
        return known
    identifier = f"c_{secrets.token_hex(8)}"
    values = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__ if name != "work"}
    details = {"operation": wanted.operation, "environment": wanted.environment, **wanted.body}
    try:
        with audited(actor, now=now) as note:
            row = Change.create(id=identifier, **{**values, "body": dict(wanted.body)}, asked_at=now)
            note(Act("change.asked", wanted.organization, wanted.project, identifier, details=details))
            ask(wanted.organization, wanted.project, wanted.work, identifier, now=now)
    except IntegrityError:
        # The same request came twice at once, and the other one was first.
        known = _named(wanted)
        if known is None:
            raise
        return known
    return row


def one(organization: str, project: str, identifier: str) -> Change | None:
    """A change of a project, or None."""
    with reading():
        found: Change | None = Change.get_or_none(
            Change.organization == organization, Change.project == project, Change.id == identifier
        )
    return found


def waiting(organization: str, project: str) -> int:
    """How many changes of a project nobody has made yet."""
    with reading():
        return int(
            Change.select()
            .where(Change.organization == organization, Change.project == project, Change.state == "asked")
            .count()
        )


def trying(row: Change, commit: str) -> None:
    """Write down that `commit` is about to be pushed for a change, beside all that were before."""
    with writing():
        Change.update(tried=Change.tried.concat(f"{commit} ")).where(Change.id == row.id).execute()


def tried(row: Change) -> frozenset[str]:
    """The commits that were about to be pushed for a change, by whatever worker. Some of them may be on the branch."""
    with reading():
        found = Change.select(Change.tried).where(Change.id == row.id).get()
    return frozenset(found.tried.split())


def finish(
    row: Change,
    state: str,
    *,
    now: datetime,
    commit: str = "",
    code: str = "",
    message: str = "",
    result: Mapping[str, Any] | None = None,
) -> None:
    """Write down what became of a change, once."""
    values = {
        "state": state,
        "commit": commit,
        "code": code,
        "message": message,
        "result": dict(result or {}),
    }
    with writing():
        Change.update(**values, content="", ended_at=now).where(
            Change.id == row.id, Change.state == "asked"
        ).execute()


def _named(wanted: Wanted) -> Change | None:
    if wanted.idempotency is None:
        return None
    with reading():
        found: Change | None = Change.get_or_none(
            Change.person == wanted.person, Change.idempotency == wanted.idempotency
        )
    return found
