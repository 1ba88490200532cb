"""`/api/v1/organizations/<organization>/members`: who is a member, as `control-plane.kdl` says, and their accounts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from reconciler.clock import iso_milliseconds
from reconciler.db import accounts
from reconciler.db.people import Person
from web.api.described import describes
from web.auth import gate
from web.auth.actions import needs

blueprint = Blueprint("members", __name__, url_prefix="/api/v1/organizations/<organization>")


@blueprint.get("/members")
@describes("Member", many=True)
@needs("members:read")
def of_organization() -> ResponseReturnValue:
    """Who is a member: of the organization, then of each project whose roles differ, by address."""
    people = {str(person.email): person for person in accounts.people()}
    items = [
        form(email, project, role, people.get(email))
        for (organization, project), roles in sorted(gate.catalogue().members.items())
        if organization == g.place.organization
        for email, role in sorted(roles.items())
    ]
    return {"items": items, "next": None}


def form(email: str, project: str, role: str, person: Person | None) -> dict[str, Any]:
    """A member as JSON; what is of the account is null where there is none."""
    return {
        "email": email,
        "project": project or None,
        "role": role,
        "name": person.name if person is not None else None,
        "disabled": person.disabled_at is not None if person is not None else None,
        "signed_in_at": iso_milliseconds(person.signed_in_at)
        if person is not None and person.signed_in_at is not None
        else None,
    }
