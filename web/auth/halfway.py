"""What a browser keeps while a sign-in is under way: in Flask's signed cookie, for ten minutes, until it is used.

It lets nobody in. Another site's answer is looked at only where it carries the state that is kept here, and who has
shown a password is asked for the second factor and for nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import session

from reconciler.db.people import Person
from web.auth import csrf

LASTS = timedelta(minutes=10)
_NAME = "halfway"


@dataclass(frozen=True, slots=True)
class Halfway:
    """`way` is what was begun, and `next` where to go in the end. `state` and `kept` are for the way back from another
    site; `person` is who was recognised at `at`, whose password was then from `password_at`, and `passed` the factors
    that were shown since."""

    way: str
    next: str
    at: str
    state: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    person: str = ""
    password_at: str = ""
    passed: tuple[str, ...] = ()


def put(halfway: Halfway) -> None:
    """Have the browser keep it, in place of what it kept before."""
    csrf.load_secret()
    session[_NAME] = asdict(halfway)


def take(now: datetime) -> Halfway | None:
    """What the browser kept, which it then keeps no longer; None when there is nothing or it is too old."""
    kept: Any = session.pop(_NAME, None)
    if kept is None:
        return None
    found = Halfway(**{**kept, "passed": tuple(kept["passed"])})
    return found if timedelta() <= now - datetime.fromisoformat(found.at) <= LASTS else None


def peek(now: datetime) -> Halfway | None:
    """What the browser keeps, and goes on to keep."""
    found = take(now)
    if found is not None:
        put(found)
    return found


def is_answer(halfway: Halfway, way: str, state: str) -> bool:
    """Whether another site's answer is the one to what this browser began there."""
    return (
        halfway.way == way
        and not halfway.person
        and bool(halfway.state)
        and hmac.compare_digest(halfway.state.encode(), state.encode("utf-8", "surrogatepass"))
    )


def begun(way: str, path: str, person: Person, now: datetime) -> Halfway:
    """What is kept of somebody who was recognised."""
    return Halfway(way, path, now.isoformat(), person=str(person.id), password_at=_password_at(person))


def is_as_it_was(halfway: Halfway, person: Person) -> bool:
    """Whether the account is what it was when its person was recognised."""
    return person.disabled_at is None and halfway.password_at == _password_at(person)


def _password_at(person: Person) -> str:
    return person.password_at.isoformat() if person.password_at is not None else ""
