"""The one function that says who may do what. Pure: everything it knows is given to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from web.auth.actions import Action, at_least
from web.catalogue import Members


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is done: a project, or with an empty `project` the organization itself."""

    organization: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. `kind`: `person` (a session), `key` (an API key), `machine` (somebody on this machine, where
    that is enough to read), `nobody`.

    `everywhere` is a role that holds in all organizations. `may` names the actions that there is a scope for; None: as
    much as the role allows. `bound` is where a key's reach ends, with an empty project for all of the organization, and
    `ends_at` when it expires.
    """

    kind: str
    person: str = ""
    email: str = ""
    name: str = ""
    everywhere: str = ""
    may: frozenset[str] | None = None
    bound: Place | None = None
    session: int | None = None
    key: str = ""
    ends_at: datetime | None = None


NOBODY = Caller("nobody")


class Answer(Enum):
    """`UNKNOWN`: say who you are. `HIDDEN`: as if it were not there. `FORBIDDEN`: you see the place, and may not."""

    ALLOWED = "allowed"
    UNKNOWN = "unknown"
    HIDDEN = "hidden"
    FORBIDDEN = "forbidden"


def authorise(caller: Caller, action: Action, place: Place | None, members: Members) -> Answer:
    """Whether the caller may do the action there. Without a place it is the installation, of which everybody who is
    known sees their own part.

    1. Public things are for everybody.           2. Everything else is for those who are known.
    3. Nobody sees a place without a role there.  4. A key sees nothing outside of where it is bound.
    5. The role suffices.                         6. A key has a scope for it, and no scope means nothing.
    """
    if action.public:
        return Answer.ALLOWED
    if caller.kind == "nobody":
        return Answer.UNKNOWN
    if place is not None:
        role = role_in(caller, place, members)
        if role is None or not _reaches(caller, place):
            return Answer.HIDDEN
        if not at_least(role, action.role):
            return Answer.FORBIDDEN
    if caller.kind == "machine" and action.name == "account":
        return Answer.UNKNOWN
    if caller.may is not None and action.name not in caller.may:
        return Answer.FORBIDDEN
    return Answer.ALLOWED


def role_in(caller: Caller, place: Place, members: Members) -> str | None:
    """The role of a caller's person in a place, or None: what a project says comes before its organization."""
    if caller.everywhere:
        return caller.everywhere
    if not caller.email:
        return None
    wide = members.get((place.organization, ""), {}).get(caller.email)
    here = members.get((place.organization, place.project), {}).get(caller.email) if place.project else None
    role = here or wide
    return None if role == "none" else role


def _reaches(caller: Caller, place: Place) -> bool:
    bound = caller.bound
    return bound is None or (
        bound.organization == place.organization and bound.project in ("", place.project)
    )
