"""API keys: made, found by the key that a program sends, listed and revoked. Only the SHA-256 of a key is kept."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from reconciler.db.joining import token_hash
from reconciler.db.people import ApiKey, Person
from reconciler.db.session import reading, writing
from reconciler.errors import Refused

PREFIX = "sck_"
"""Lets people and scanners recognise a leaked key."""

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "nodes:read": "read nodes and their statistics",
        "nodes:write": "change nodes: labels, pins, retirement, what lets them join",
        "bundles:read": "read commits, bundles and their risk",
        "bundles:write": "compile, propose and revoke bundles",
        "rollouts:read": "read environments, releases and rollouts",
        "rollouts:write": "promote, pause, resume, cancel, roll back",
        "approvals:write": "approve and reject releases in the name of the key's person",
        "services:read": "read the configured resources",
        "services:write": "change the configured resources, by commits",
        "policies:read": "read what rules the project: environments, teams, freeze windows, rules",
        "policies:write": "change what rules the project, by commits",
        "api_keys:admin": "make and revoke keys: one's own, and as admin those of others",
        "events:read": "read what happened",
        "audit:read": "read the audit log",
        "members:read": "read who is a member of the organization and its projects",
        "metrics:read": "read the metrics of the projects that one sees",
    }
)
"""What a key can be allowed, and what that means. `x:write` allows `x:read` as well; no scope allows nothing."""

LONGEST = timedelta(days=366)
USED_EVERY = timedelta(minutes=1)
"""How old `used_at` may be: a request does not write each time."""


def make(
    person: Person,
    *,
    organization: str,
    project: str,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key; the second value is what the program sends, and this is the only time that anybody sees it.

    Who may make which key is the caller's to check. Raises `Refused` E-AUT-030 or E-AUT-031 when a value cannot be
    used.
    """
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Refused("E-AUT-030", "a key's name has 1 to 100 printable characters", cure="Give it a name")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        what = (
            f"there is no scope '{unknown[0][:40]}'" if unknown else "a key without a scope could do nothing"
        )
        raise Refused("E-AUT-031", what, cure=f"Use some of {', '.join(SCOPES)}")
    if not now < expires_at <= now + LONGEST:
        raise Refused("E-AUT-030", f"a key lives for up to {LONGEST.days} days", cure="Choose an earlier end")
    token = PREFIX + secrets.token_urlsafe(32)
    with writing():
        row = ApiKey.create(
            id=f"key_{secrets.token_hex(8)}",
            organization=organization,
            project=project,
            person=person.id,
            name=name,
            token_sha256=token_hash(token),
            hint=token[:10],
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
    return row, token


def find(token: str, *, now: datetime, address: str) -> tuple[ApiKey, Person] | None:
    """The key and its person; None when it is unknown, expired, revoked, or the account is disabled."""
    if not token.startswith(PREFIX):
        return None
    with reading():
        row: ApiKey | None = ApiKey.get_or_none(ApiKey.token_sha256 == token_hash(token))
        if row is None or row.revoked_at is not None or row.expires_at <= now:
            return None
        person: Person | None = Person.get_or_none(Person.id == row.person, Person.disabled_at.is_null())
    if person is None:
        return None
    if row.used_at is None or now - row.used_at >= USED_EVERY:
        with writing():
            ApiKey.update(used_at=now, used_from=address[:63]).where(ApiKey.id == row.id).execute()
    return row, person


def listed(*, person: str | None = None) -> list[tuple[ApiKey, Person]]:
    """All keys, or those of one person, with their people, the newest first; revoked and expired ones included."""
    with reading():
        owners = {row.id: row for row in Person.select()}
        rows = ApiKey.select().order_by(ApiKey.created_at.desc(), ApiKey.id)
        return [
            (row, owners[row.person])
            for row in (rows if person is None else rows.where(ApiKey.person == person))
        ]


def one(identifier: str) -> tuple[ApiKey, Person] | None:
    """The key of an id with its person, or None."""
    with reading():
        row: ApiKey | None = ApiKey.get_or_none(ApiKey.id == identifier)
        return None if row is None else (row, Person.get_by_id(row.person))


def revoke(identifier: str, *, now: datetime) -> None:
    """Let a key in no more. Twice is harmless. Who may is the caller's to check."""
    with writing():
        ApiKey.update(revoked_at=now).where(ApiKey.id == identifier, ApiKey.revoked_at.is_null()).execute()
