"""What a browser keeps while a sign-in is under way: in Flask's signed cookie, for ten minutes, used once.

It lets nobody in. Another site's answer is looked at only where it carries the state that is kept here, and who has
shown a password is asked for the second factor and for nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import session

from web.auth import csrf

LASTS = timedelta(minutes=10)
_NAME = "halfway"


@dataclass(frozen=True, slots=True)
class Halfway:
    """`way` is what was begun, and `next` where to go in the end. `state` and `kept` are for the way back from another
    site; `person` is who was recognised at `at`, and `passed` the factors that were shown since."""

    way: str
    next: str
    at: str
    state: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    person: str = ""
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
    return found if timedelta() <= now - moment(found) <= LASTS else None


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


def moment(halfway: Halfway) -> datetime:
    """When it began."""
    return datetime.fromisoformat(halfway.at).astimezone(UTC)
