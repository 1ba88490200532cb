"""Signing in with an e-mail address and a password."""

from __future__ import annotations

from reconciler.db import accounts, throttling
from reconciler.db.people import Person
from web.auth.ways.way import Asked, Turned, Way


def recognise(asked: Asked) -> Person | Turned:
    """The person of an address and a password. Who guesses has to wait longer each time."""
    email, password = asked.fields.get("email", "")[:200], asked.fields.get("password", "")
    attempt = throttling.of_password(email, asked.address)
    wait = throttling.admit(attempt, now=asked.now)
    if wait is not None:
        return Turned(wait)
    person = accounts.recognise(email, password)
    if person is None:
        return Turned(person=accounts.known(email))
    throttling.forgive(attempt)
    return person


WAY = Way("password", "ways/password.html", recognise)
