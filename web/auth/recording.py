"""Who asks, as the audit log names them, and which organizations an act on an account concerns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from reconciler.db.audit import Act, Actor
from reconciler.db.people import Person
from web.auth.authorise import Caller
from web.catalogue import Catalogue


def actor_of(caller: Caller) -> Actor:
    """The caller, and where from."""
    name = f"{caller.email} by {caller.key}" if caller.kind == "key" else caller.email or caller.name
    return Actor(caller.kind, name, request.remote_addr or "")


def actor_named(email: str) -> Actor:
    """Somebody who says who they are, and has not shown it."""
    return Actor("nobody", email, request.remote_addr or "")


def of_account(
    action: str, person: Person, catalogue: Catalogue, *, outcome: str = "done", details: Mapping[str, Any]
) -> list[Act]:
    """The acts that tell of something done to an account: one in each organization that it has a role in.

    An account without any role concerns the installation, which has the slug "".
    """
    found = {
        organization
        for (organization, _), roles in catalogue.members.items()
        if person.everywhere or person.email in roles
    }
    return [
        Act(action, organization, subject=str(person.email), outcome=outcome, details=details)
        for organization in sorted(found or {""})
    ]
