"""Making and revoking API keys: which key somebody may make, and whose keys somebody may see and revoke."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.clock import iso
from reconciler.db import api_keys
from reconciler.db.accounts import person_of_id
from reconciler.db.audit import Act, audited
from reconciler.db.people import ApiKey, Person
from reconciler.errors import Refused
from web.auth.actions import ACTIONS, allowed_by
from web.auth.authorise import Answer, Caller, Place, authorise, role_in
from web.auth.recording import actor_of
from web.catalogue import Catalogue

ADMIN = ACTIONS["api_keys:admin"]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that somebody asks for. `project` is empty for all projects of the organization."""

    name: str
    organization: str
    project: str
    scopes: tuple[str, ...]
    expires_at: datetime


def mint(caller: Caller, wanted: NewKey, catalogue: Catalogue, *, now: datetime) -> tuple[ApiKey, str]:
    """Make a key of the caller's person. Raises `Refused` when it may not be had.

    1. The place is one that the caller sees.   2. A key makes no key that may do more or lives longer than itself.
    3. Every scope is known, and there is one.
    """
    place = Place(wanted.organization, wanted.project)
    if not _exists(place, catalogue) or not _may(caller, place, catalogue):
        raise Refused(
            "E-AUT-032",
            "there is no such organization or project",
            cure="Name one that you are a member of; a member of a project alone has to name the project",
        )
    if caller.may is not None and not allowed_by(wanted.scopes) <= caller.may:
        raise Refused(
            "E-AUT-033", "a key cannot make a key that may do more than itself", cure="Ask for fewer scopes"
        )
    if caller.ends_at is not None and wanted.expires_at > caller.ends_at:
        raise Refused("E-AUT-033", "a key cannot make a key that outlives it", cure="Choose an earlier end")
    with audited(actor_of(caller), now=now) as note:
        row, token = api_keys.make(
            person_of_id(caller.person),
            organization=wanted.organization,
            project=wanted.project,
            name=wanted.name,
            scopes=wanted.scopes,
            expires_at=wanted.expires_at,
            now=now,
        )
        details = {
            "person": caller.email,
            "name": wanted.name,
            "scopes": list(wanted.scopes),
            "expires_at": iso(wanted.expires_at),
        }
        note(Act("api_key.created", wanted.organization, wanted.project, row.id, details=details))
    return row, token


def revoke(caller: Caller, row: ApiKey, owner: Person, *, now: datetime) -> None:
    """Let a key in no more; twice is harmless. It is one of the keys that the caller sees."""
    if row.revoked_at is not None:
        return
    with audited(actor_of(caller), now=now) as note:
        api_keys.revoke(row.id, now=now)
        note(Act("api_key.revoked", row.organization, row.project, row.id, details={"person": owner.email}))


def seen_keys(caller: Caller, catalogue: Catalogue) -> list[tuple[ApiKey, Person]]:
    """The keys that a caller may see and revoke: one's own, and those in places that one is an admin of."""
    return [pair for pair in api_keys.listed() if _sees(caller, *pair, catalogue)]


def seen_key(caller: Caller, identifier: str, catalogue: Catalogue) -> tuple[ApiKey, Person] | None:
    """One of `seen_keys`, or None."""
    found = api_keys.one(identifier)
    return found if found is not None and _sees(caller, *found, catalogue) else None


def places(caller: Caller, catalogue: Catalogue) -> list[Place]:
    """Where the caller may make keys: organizations first, each followed by its projects."""
    found: dict[Place, None] = {}
    for entry in catalogue.projects:
        for place in (Place(entry.organization), Place(entry.organization, entry.slug)):
            if _may(caller, place, catalogue):
                found[place] = None
    return sorted(found, key=lambda place: (place.organization, place.project))


def _sees(caller: Caller, row: ApiKey, owner: Person, catalogue: Catalogue) -> bool:
    place = Place(row.organization, row.project)
    if caller.bound is not None and not _may(caller, place, catalogue):
        return False
    return owner.id == caller.person or (
        role_in(caller, place, catalogue.members) == "admin" and _may(caller, place, catalogue)
    )


def _may(caller: Caller, place: Place, catalogue: Catalogue) -> bool:
    return authorise(caller, ADMIN, place, catalogue.members) is Answer.ALLOWED


def _exists(place: Place, catalogue: Catalogue) -> bool:
    return any(
        entry.organization == place.organization and place.project in ("", entry.slug)
        for entry in catalogue.projects
    )
