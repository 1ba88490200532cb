"""`…/join-tokens`: what lets machines register as nodes. A token is told once; only its hash is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, g, request
from flask.typing import ResponseReturnValue

from reconciler.clock import iso, iso_milliseconds
from reconciler.db import joining
from reconciler.db.audit import Act, audited
from reconciler.db.models import JoinToken
from reconciler.db.once import Repeated
from reconciler.errors import Refused
from reconciler.labels import objection
from web.api import asked
from web.api.bodies import moment, read_object, strings
from web.api.changes import HEEDS
from web.api.described import describes
from web.api.told_once import repeated, telling_once
from web.auth import gate
from web.auth.actions import needs
from web.auth.recording import actor_of
from web.pages import cursors, reads
from web.pages.entrance import scope
from web.pages.rendering import now
from web.problems import answer, of_refusal

blueprint = Blueprint("join_tokens", __name__, url_prefix="/api/v1/projects/<project>/join-tokens")

USUAL = 50
MOST = 200
MOST_USES = 1_000_000
LIFE = timedelta(hours=24)
"""How long a token is good for of which nobody says it."""

FIELDS = {
    "environment": str, "expires_at": str, "uses": int, "note": str, "labels": dict, "replaces": bool,
}  # fmt: skip


@blueprint.get("")
@describes("JoinToken", many=True, takes=("after", "limit"))
@needs("nodes:read")
def listed() -> ResponseReturnValue:
    """The tokens, the oldest first, revoked and used-up ones included; the next page begins `after`."""
    after = cursors.number(request.args.get("after"), "after") or 0
    limit = cursors.limit(request.args.get("limit"), default=USUAL, most=MOST)
    found = joining.list_join_tokens(*_place(), after=after, limit=limit + 1)
    return {
        "items": [form(row) for row in found[:limit]],
        "next": str(found[limit - 1].id) if len(found) > limit else None,
    }


@blueprint.post("")
@describes("MadeJoinToken", body="NewJoinToken", heeds=HEEDS, status=201, otherwise=(409, 413, 422))
@needs("nodes:write")
def create() -> ResponseReturnValue:
    """Make a token; `token` in the answer is what a machine registers with, and is told this once."""
    try:
        body = read_object(FIELDS, required=frozenset({"environment"}))
        environment, expires_at = _environment(body["environment"]), _end(body.get("expires_at"))
        labels, note, uses = _labels(body.get("labels", {})), body.get("note", ""), body.get("uses")
        if note:
            asked.words("note", note)
        if uses is not None and not 1 <= uses <= MOST_USES:
            raise Refused("E-API-005", f"'uses' is not 1 to {MOST_USES}", cure="Leave it out for any number")
        details = {
            "environment": environment, "note": note, "uses": uses,
            "labels": [f"{k}={v}" for k, v in labels.items()],
            "expires": "never" if expires_at is None else iso(expires_at),
        }  # fmt: skip
        with telling_once(body) as made, audited(actor_of(gate.caller()), now=now()) as tell:
            token = joining.create_join_token(
                *_place(), environment, now=now(), note=note, uses=uses, expires_at=expires_at, labels=labels,
                replaces=body.get("replaces", False),
            )  # fmt: skip
            tell(Act("join_token.created", *_place(), environment, details=details))
            row = _find(joining.number_of(token))
            place = f"{request.path.rstrip('/')}/{row.id}"
            made(place)
    except Repeated as again:
        return repeated(again, body)
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return {**form(row), "token": token}, 201, {"Location": place}


@blueprint.get("/<int:number>")
@describes("JoinToken")
@needs("nodes:read")
def one(number: int) -> ResponseReturnValue:
    """One token."""
    return form(_find(number))


@blueprint.post("/<int:number>/revoke")
@describes("JoinToken")
@needs("nodes:write")
def revoke(number: int) -> ResponseReturnValue:
    """Let nobody register with a token any more. Nodes that have stay. Twice is harmless."""
    _find(number)
    with audited(actor_of(gate.caller()), now=now()) as tell:
        joining.revoke_join_token(*_place(), number, now=now())
        tell(Act("join_token.revoked", *_place(), str(number)))
    return form(_find(number))


def form(row: JoinToken) -> dict[str, Any]:
    """A token as JSON: never the token itself."""
    return {
        "id": row.id,
        "environment": row.environment,
        "state": joining.state_of(row, now=now()),
        "note": row.note,
        "labels": row.labels,
        "replaces": row.replaces,
        "uses_left": row.uses_left,
        "created_at": iso_milliseconds(row.created_at),
        "expires_at": iso_milliseconds(row.expires_at) if row.expires_at else None,
        "revoked_at": iso_milliseconds(row.revoked_at) if row.revoked_at else None,
    }


def _place() -> tuple[str, str]:
    return g.place.organization, g.place.project


def _find(number: int) -> JoinToken:
    row = joining.find_join_token(*_place(), number) if number < 2**31 else None
    if row is None:
        abort(404)
    return row


def _environment(name: str) -> str:
    if reads.environment(scope(), asked.words("environment", name)) is None:
        raise Refused("E-API-005", "there is no such environment", cure="Name one of the project's")
    return name


def _end(text: str | None) -> datetime | None:
    if text == "never":
        return None
    if text is None:
        return now() + LIFE
    found = moment(text, "expires_at")
    if found <= now():
        raise Refused("E-API-005", "'expires_at' is over", cure="Send a later moment, or 'never'")
    return found


def _labels(given: dict[str, Any]) -> dict[str, str]:
    strings(list(given.values()), "labels")
    wrong = objection(given)
    if wrong is not None:
        raise Refused("E-API-005", f"'labels' cannot be used: {wrong}", cure="Correct it")
    return given
