"""`/api/v1/projects`: where to begin."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from web.api.described import describes
from web.auth import gate
from web.auth.actions import needs
from web.auth.authorise import Place, role_in

blueprint = Blueprint("projects", __name__, url_prefix="/api/v1")


@blueprint.get("/projects")
@describes("Project", many=True)
@needs("rollouts:read")
def listed() -> ResponseReturnValue:
    """The projects that you see, and your role in each."""
    items = [
        {
            "organization": entry.organization,
            "slug": entry.slug,
            "name": entry.name,
            "repository": entry.repository,
            "trunk": entry.trunk,
            "role": role_in(gate.caller(), Place(entry.organization, entry.slug), gate.catalogue().members),
        }
        for entry in gate.seen_projects("rollouts:read")
    ]
    return {"items": items, "next": None}
