"""`/api/v1/organizations/<organization>/audit` and `…/projects/<slug>/audit`: who did what, searched and paged."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from reconciler.clock import iso_milliseconds
from reconciler.db.audit import AuditRow, Search, rows_before
from reconciler.errors import Refused
from web.api.bodies import moment
from web.api.described import describes
from web.auth.actions import needs
from web.pages import cursors

blueprint = Blueprint("audit", __name__, url_prefix="/api/v1")

USUAL = 50
MOST = 200
LONGEST = 160


@blueprint.get("/organizations/<organization>/audit")
@describes(
    "AuditRow",
    many=True,
    takes=("project", "actor", "action", "subject", "outcome", "since", "until", "before", "limit"),
)
@needs("audit:read")
def of_organization() -> ResponseReturnValue:
    """The rows of an organization and of all its projects, the newest first; `project` and others narrow."""
    return _answer(search(_text("project")))


@blueprint.get("/projects/<project>/audit")
@describes(
    "AuditRow",
    many=True,
    takes=("actor", "action", "subject", "outcome", "since", "until", "before", "limit"),
)
@needs("audit:read")
def of_project() -> ResponseReturnValue:
    """The rows of one project, the newest first."""
    return _answer(search(g.place.project))


def search(project: str | None) -> Search:
    """What the request asks for, in the organization that the gate found. Raises `Refused` for what cannot be read."""
    return Search(
        g.place.organization,
        project=project,
        actor=_text("actor"),
        action=_text("action"),
        subject=_text("subject"),
        outcome=_text("outcome"),
        since=_moment("since"),
        until=_moment("until"),
    )


def _answer(wanted: Search) -> ResponseReturnValue:
    before = cursors.number(request.args.get("before"), "before")
    limit = cursors.limit(request.args.get("limit"), default=USUAL, most=MOST)
    found = rows_before(wanted, before, limit=limit + 1)
    shown = found[:limit]
    return {
        "items": [form(row) for row in shown],
        "next": str(shown[-1].id) if len(found) > limit else None,
    }


def form(row: AuditRow) -> dict[str, Any]:
    """A row as JSON. `number`, `link` and `mac` are null until it is sealed."""
    return {
        "id": row.id,
        "number": row.number,
        "at": iso_milliseconds(row.at),
        "project": row.project or None,
        "actor": {"kind": row.actor_kind, "name": row.actor, "address": row.address or None},
        "action": row.action,
        "subject": row.subject,
        "outcome": row.outcome,
        "details": row.details,
        "link": row.link or None,
        "mac": row.mac or None,
    }


def _text(name: str) -> str | None:
    text = (request.args.get(name) or "").strip()
    if len(text) > LONGEST or "\x00" in text:
        raise Refused("E-WEB-006", f"'{name}' is too long or holds what no row has", cure="Shorten it")
    return text or None


def _moment(name: str) -> datetime | None:
    text = _text(name)
    if text is None:
        return None
    # A date alone, as a form sends it, is its beginning in UTC.
    return moment(f"{text}T00:00:00Z" if len(text) == 10 else text, name)
