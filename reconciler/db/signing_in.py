"""Sessions of people: begun, found by the token in a cookie, listed and ended. Only the SHA-256 of a token is kept."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from peewee import IntegrityError

from reconciler.db.joining import token_hash
from reconciler.db.people import Person, SignIn, WebSecret
from reconciler.db.session import reading, writing
from reconciler.errors import Refused

LONGEST = timedelta(days=14)
IDLE = timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=5)
"""How old `seen_at` may be: a page that is read does not write each time."""


def begin(person: Person, *, way: str, address: str, agent: str, now: datetime) -> str:
    """Begin a session and return its token: this is the only time that anybody but the browser sees it.

    Raises `Refused` (E-AUT-024) when the account was disabled, or its password changed, since `person` was read.
    """
    token = secrets.token_urlsafe(32)
    with writing():
        same = (
            Person.password_at.is_null()
            if person.password_at is None
            else Person.password_at == person.password_at
        )
        if not (
            Person.update(signed_in_at=now)
            .where(Person.id == person.id, Person.disabled_at.is_null(), same)
            .execute()
        ):
            raise Refused("E-AUT-024", "the account has changed meanwhile", cure="Sign in again")
        SignIn.create(
            token_sha256=token_hash(token),
            person=person.id,
            way=way,
            address=address[:63],
            agent=agent[:200],
            begun_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
        )
    return token


def find(token: str, *, now: datetime) -> tuple[SignIn, Person] | None:
    """The session of a token and its person; None when it ended, was idle too long, or the account is disabled."""
    with reading():
        row: SignIn | None = SignIn.get_or_none(SignIn.token_sha256 == token_hash(token))
        if row is None or not _lives(row, now):
            return None
        person: Person | None = Person.get_or_none(Person.id == row.person, Person.disabled_at.is_null())
    if person is None:
        return None
    if now - row.seen_at >= SEEN_EVERY:
        with writing():
            SignIn.update(seen_at=now).where(SignIn.id == row.id, SignIn.seen_at < now).execute()
    return row, person


def of_person(person: str, *, now: datetime) -> list[SignIn]:
    """The sessions of a person that live, the newest first."""
    with reading():
        rows = SignIn.select().where(SignIn.person == person, SignIn.ended_at.is_null())
        return [row for row in rows.order_by(SignIn.id.desc()) if _lives(row, now)]


def end(person: str, number: int | None, *, now: datetime, keep: int | None = None) -> int:
    """End one session of a person, or with None all but `keep`; how many were ended."""
    rows = SignIn.update(ended_at=now).where(SignIn.person == person, SignIn.ended_at.is_null())
    if number is not None:
        rows = rows.where(SignIn.id == number)
    if keep is not None:
        rows = rows.where(SignIn.id != keep)
    with writing():
        return int(rows.execute())


def shared_secret(name: str) -> str:
    """A random value that all web processes share; made by whoever asks first."""
    with reading():
        row: WebSecret | None = WebSecret.get_or_none(WebSecret.name == name)
    if row is not None:
        return str(row.value)
    try:
        with writing():
            return str(WebSecret.create(name=name, value=secrets.token_hex(32)).value)
    except IntegrityError:
        with reading():
            return str(WebSecret.get(WebSecret.name == name).value)


def _lives(row: SignIn, now: datetime) -> bool:
    return row.ended_at is None and now < row.ends_at and now - row.seen_at < IDLE
