"""Finds out who is asking: by an API key, by the cookie of a session, or as somebody on this machine."""

from __future__ import annotations

from datetime import datetime

from flask import Request

from reconciler.db import api_keys, signing_in
from reconciler.settings import Settings
from web.auth.actions import READS, allowed_by
from web.auth.authorise import NOBODY, Caller, Place
from web.auth.cookies import session_token

MACHINE = Caller("machine", name="this machine", everywhere="admin", may=READS)
"""With `PAGES_ACCESS=loopback`: somebody on this machine, who reads everything and changes nothing."""


def find_caller(request: Request, settings: Settings, *, now: datetime) -> Caller | None:
    """Who is asking; None when an API key was given that lets nobody in.

    A key that is given counts, and a session beside it does not: a program is never taken for the person who runs it.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        found = (
            api_keys.find(token.strip(), now=now, address=request.remote_addr or "")
            if scheme.lower() == "bearer"
            else None
        )
        if found is None:
            return None
        key, owner = found
        return Caller(
            "key",
            person=owner.id,
            email=owner.email,
            name=owner.name,
            everywhere=owner.everywhere,
            may=allowed_by(key.scopes),
            bound=Place(key.organization, key.project),
            key=key.id,
            ends_at=key.expires_at,
        )
    token = session_token(request, settings)
    session = signing_in.find(token, now=now) if token else None
    if session is not None:
        row, person = session
        return Caller(
            "person",
            person=person.id,
            email=person.email,
            name=person.name,
            everywhere=person.everywhere,
            session=row.id,
        )
    return MACHINE if settings.pages_access == "loopback" else NOBODY
