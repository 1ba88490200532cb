"""Join tokens: what lets a machine register as a node of one environment. Only the SHA-256 of a token is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from reconciler.db.models import JoinToken
from reconciler.db.session import writing

PREFIX = "sjt_"
"""Lets people and scanners recognise a leaked token."""


def token_hash(token: str) -> str:
    """What the table keeps of a token: SHA-256 in hex. A token has 256 random bits, so no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def create_join_token(
    organization: str,
    project: str,
    environment: str,
    *,
    now: datetime,
    note: str = "",
    uses: int | None = None,
    expires_at: datetime | None = None,
    labels: Mapping[str, str] = MappingProxyType({}),
    replaces: bool = False,
) -> str:
    """Make a token and return it: this is the only time that anybody sees it.

    `uses` None: as often as wanted; `expires_at` None: until it is revoked. `labels` are had by every node that
    registers with it, whatever it says itself; `replaces`: it takes the place of a silent node of its name. Opens a
    writing transaction.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    with writing():
        JoinToken.create(
            organization=organization,
            project=project,
            environment=environment,
            token_sha256=token_hash(token),
            note=note,
            created_at=now,
            expires_at=expires_at,
            uses_left=uses,
            labels=dict(labels),
            replaces=replaces,
        )
    return token


def revoke_join_token(organization: str, project: str, number: int, *, now: datetime) -> bool:
    """Revoke a token by its number in the list; False when the project has no such token. Twice is harmless."""
    with writing():
        token = find_join_token(organization, project, number)
        if token is None:
            return False
        if token.revoked_at is None:
            JoinToken.update(revoked_at=now).where(JoinToken.id == number).execute()
        return True


def list_join_tokens(
    organization: str, project: str, *, after: int = 0, limit: int | None = None
) -> list[JoinToken]:
    """The tokens of a project behind a number, the oldest first, revoked and used-up ones included."""
    rows = JoinToken.select().where(
        JoinToken.organization == organization, JoinToken.project == project, JoinToken.id > after
    )
    return list(rows.order_by(JoinToken.id).limit(limit))


def find_join_token(organization: str, project: str, number: int) -> JoinToken | None:
    """A token by its number in the list, or None."""
    found: JoinToken | None = JoinToken.get_or_none(
        JoinToken.organization == organization, JoinToken.project == project, JoinToken.id == number
    )
    return found


def number_of(token: str) -> int:
    """The number in the list of a token that was just made."""
    number: int = JoinToken.get(JoinToken.token_sha256 == token_hash(token)).id
    return number


def state_of(token: JoinToken, *, now: datetime) -> str:
    """Whether a token lets anybody in, and if not why: `valid`, `revoked`, `expired` or `used-up`."""
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return "expired"
    return "used-up" if token.uses_left == 0 else "valid"


def use_join_token(project: str, token: str, *, now: datetime) -> JoinToken | None:
    """Take one use of a token; None when it is unknown, expired, used up, revoked or of another project.

    Call inside a writing transaction. Two registrations never take the same last use, on any database.
    """
    row = JoinToken.get_or_none(JoinToken.token_sha256 == token_hash(token))
    if row is None or row.project != project or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    if row.uses_left is not None:
        taken = (
            JoinToken.update(uses_left=JoinToken.uses_left - 1)
            .where(JoinToken.id == row.id, JoinToken.uses_left > 0)
            .execute()
        )
        if taken != 1:
            return None
    return row
