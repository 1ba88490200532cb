"""`…/drift`: nodes that run something else than git wants, for longer than they may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort, g, request, stream_with_context
from flask.typing import ResponseReturnValue

from reconciler.db import drifting
from reconciler.db.audit import Act, audited
from reconciler.db.gating import Drift
from reconciler.db.owed import ask
from reconciler.errors import Refused
from web.api import forms
from web.api.described import describes
from web.auth import gate
from web.auth.actions import needs
from web.auth.recording import actor_of
from web.pages import cursors
from web.pages.rendering import now

blueprint = Blueprint("drift", __name__, url_prefix="/api/v1/projects/<project>/drift")

USUAL = 50
MOST = 200
MOST_EXPORTED = 10_000
STATES = ("lasting", "resolved")


@blueprint.get("")
@describes("Drift", many=True, takes=("environment", "drift", "before", "limit"))
@needs("nodes:read")
def listed() -> ResponseReturnValue:
    """What drifts and what has drifted, the newest first; `environment` and `drift` narrow."""
    before = cursors.number(request.args.get("before"), "before")
    limit = cursors.limit(request.args.get("limit"), default=USUAL, most=MOST)
    found = drifting.before(*_place(), **_narrowed(), position=before, limit=limit + 1)
    shown = found[:limit]
    return {
        "items": [forms.form(row, forms.DRIFT) for row in shown],
        "next": str(shown[-1].id) if len(found) > limit else None,
    }


@blueprint.get("/stats")
@describes("DriftStats")
@needs("nodes:read")
def stats() -> ResponseReturnValue:
    """How much lasts and how much is over, in each environment."""
    return {"environments": drifting.tallies(*_place())}


@blueprint.get("/export")
@describes("JSON lines, one drift each.", takes=("environment", "drift"), media="application/x-ndjson")
@needs("nodes:read")
def export() -> Response:
    """All of it as JSON lines, the newest first."""
    found = drifting.before(*_place(), **_narrowed(), position=None, limit=MOST_EXPORTED)

    def lines() -> Iterator[str]:
        for row in found:
            yield json.dumps(forms.form(row, forms.DRIFT), sort_keys=True) + "\n"

    return Response(stream_with_context(lines()), content_type="application/x-ndjson")


@blueprint.get("/<int:number>")
@describes("Drift")
@needs("nodes:read")
def one(number: int) -> ResponseReturnValue:
    """One drift: a pair of digests while nodes have it."""
    return forms.form(_row(number), forms.DRIFT)


@blueprint.post("/<int:number>/resolve")
@describes("Drift", status=202)
@needs("nodes:write")
def resolve(number: int) -> ResponseReturnValue:
    """Have the nodes looked at again now: a drift ends when they run what git wants, and nobody's word makes it so."""
    row = _row(number)
    with audited(actor_of(gate.caller()), now=now()) as note:
        note(Act("drift.looked-at", *_place(), str(row.id), details={"environment": row.environment}))
        ask(*_place(), "drift", str(row.environment), now=now())
    return forms.form(row, forms.DRIFT), 202


def _place() -> tuple[str, str]:
    return g.place.organization, g.place.project


def _row(number: int) -> Drift:
    row = drifting.one(*_place(), number) if number < 2**31 else None
    if row is None:
        abort(404)
    return row


def _narrowed() -> dict[str, Any]:
    state = request.args.get("drift")
    if state is not None and state not in STATES:
        raise Refused("E-API-005", "'drift' is neither lasting nor resolved", cure="Send one of the two")
    return {
        "environment": request.args.get("environment"),
        "resolved": None if state is None else state == "resolved",
    }
