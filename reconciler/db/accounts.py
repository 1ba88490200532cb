"""Accounts of people: made, disabled, and held against a password. Passwords are hashed with Argon2id (RFC 9106)."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from peewee import IntegrityError

from reconciler.config.installation_schema import EMAIL
from reconciler.config.report import Problem
from reconciler.db.people import ApiKey, Person, SignIn
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled

SHORTEST, LONGEST = 12, 128
"""Characters of a password. The upper bound keeps the work of hashing bounded."""

_HASHER = PasswordHasher()
_AT_ONCE = threading.BoundedSemaphore(2)
"""Hashing takes 64 MiB and a core each time: many attempts at once wait instead of using up the machine."""


@cache
def _nobody() -> str:
    """What the password of an unknown address is held against, so that it takes as long as that of a known one."""
    return _HASHER.hash(secrets.token_hex(16))


def create_person(
    email: str, name: str, password: str | None, *, now: datetime, everywhere: str = ""
) -> Person:
    """Make an account; None as password for one that signs in in another way alone.

    Raises `Refused` when a value cannot be used and `Stalled` E-AUT-021 when the address has an account already.
    """
    email = read_email(email)
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Refused("E-AUT-020", "the name is empty, too long or not printable", cure="Give a name")
    hashed = None if password is None else _hash(password)
    try:
        with writing():
            return Person.create(
                id=f"p_{secrets.token_hex(8)}",
                email=email,
                name=name,
                password_hash=hashed,
                everywhere=everywhere,
                created_at=now,
                password_at=now if hashed else None,
            )
    except IntegrityError:
        raise Stalled(
            "E-AUT-021",
            f"'{email}' has an account already",
            cure="`sentinelctl person password` gives it another password",
        ) from None


def read_email(text: str) -> str:
    """An e-mail address in the one form that accounts and `control-plane.kdl` have. Raises `Refused` E-AUT-020."""
    found = EMAIL.read(text.strip().lower())
    if isinstance(found, Problem):
        raise Refused("E-AUT-020", f"'{text[:80]}' is not an e-mail address", cure="Write ada@example.com")
    return str(found)


def person_of(email: str) -> Person:
    """The account of an address. Raises `Stalled` E-AUT-022 when there is none."""
    with reading():
        found: Person | None = Person.get_or_none(Person.email == read_email(email))
    if found is None:
        raise Stalled("E-AUT-022", f"'{email}' has no account", cure="See `sentinelctl person list`")
    return found


def person_of_id(identifier: str) -> Person:
    """The account of an id. Accounts are never removed, so there is one for every id that was handed out."""
    with reading():
        found: Person = Person.get_by_id(identifier)
    return found


def people() -> list[Person]:
    """All accounts, by address."""
    with reading():
        return list(Person.select().order_by(Person.email))


def known(email: str) -> Person | None:
    """The account of an address, whatever it may do; None for everything that is no address of one."""
    try:
        with reading():
            found: Person | None = Person.get_or_none(Person.email == read_email(email))
    except Refused:
        return None
    return found


def recognise(email: str, password: str) -> Person | None:
    """The person whose address and password these are; None for everything else, after the same time."""
    person = known(email)
    hashed = person.password_hash if person is not None and person.disabled_at is None else None
    right = _verify(hashed if hashed is not None else _nobody(), password)
    if person is None or hashed is None or not right:
        return None
    if _HASHER.check_needs_rehash(hashed):
        with writing():
            Person.update(password_hash=_hash(password)).where(
                Person.id == person.id, Person.password_hash == hashed
            ).execute()
    return person


def set_password(person: Person, password: str, *, now: datetime, keep: int | None = None) -> None:
    """Give a person another password and end all sessions but `keep`. Raises `Refused` E-AUT-023."""
    hashed = _hash(password)
    with writing():
        Person.update(password_hash=hashed, password_at=now).where(Person.id == person.id).execute()
        ended = SignIn.update(ended_at=now).where(SignIn.person == person.id, SignIn.ended_at.is_null())
        (ended if keep is None else ended.where(SignIn.id != keep)).execute()


def set_disabled(person: Person, disabled: bool, *, now: datetime) -> None:
    """Let a person in no more, or again. Disabling ends all sessions and revokes all API keys."""
    with writing():
        Person.update(disabled_at=now if disabled else None).where(Person.id == person.id).execute()
        if disabled:
            SignIn.update(ended_at=now).where(SignIn.person == person.id, SignIn.ended_at.is_null()).execute()
            ApiKey.update(revoked_at=now).where(
                ApiKey.person == person.id, ApiKey.revoked_at.is_null()
            ).execute()


def _hash(password: str) -> str:
    text = unicodedata.normalize("NFKC", password)
    if not SHORTEST <= len(text) <= LONGEST or "\x00" in text:
        raise Refused(
            "E-AUT-023",
            f"a password has {SHORTEST} to {LONGEST} characters",
            cure="Several words are easier to remember than one with odd characters",
        )
    with _AT_ONCE:
        return _HASHER.hash(text)


def _verify(hashed: str, password: str) -> bool:
    text = unicodedata.normalize("NFKC", password)
    if len(text) > LONGEST:
        return False
    with _AT_ONCE:
        try:
            return _HASHER.verify(hashed, text)
        except (VerificationError, InvalidHashError):
            return False
