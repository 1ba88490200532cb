"""The audit log of an organization, and of one project: searched, filtered and paged."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request

from reconciler.db.audit import rows_before
from web.api.audit import search
from web.auth.actions import needs
from web.pages import cursors

blueprint = Blueprint("audit_pages", __name__)

SHOWN = 50
FILTERS = ("actor", "action", "subject", "outcome", "project", "since", "until")


@blueprint.get("/o/<organization>/audit")
@needs("audit:read")
def of_organization() -> str:
    """Everything that was done in the organization."""
    return _page(request.args.get("project") or None)


@blueprint.get("/o/<organization>/p/<project>/audit")
@needs("audit:read")
def of_project() -> str:
    """What was done in one project."""
    return _page(g.place.project)


def _page(project: str | None) -> str:
    before = cursors.number(request.args.get("before"), "before")
    found = rows_before(search(project), before, limit=SHOWN + 1)
    chosen = {name: request.args.get(name) or None for name in FILTERS}
    return render_template(
        "audit.html",
        rows=found[:SHOWN],
        chosen=chosen,
        before=before,
        more=found[SHOWN - 1].id if len(found) > SHOWN else None,
        organization=g.place.organization,
    )
