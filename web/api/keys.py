"""`/api/v1/api-keys`: keys that programs sign in with. One sees one's own; an admin those of the place as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from reconciler.clock import iso_milliseconds
from reconciler.db.accounts import person_of_id
from reconciler.db.once import Repeated
from reconciler.db.people import ApiKey, Person
from reconciler.errors import Refused
from web.api.bodies import moment, read_object, strings
from web.api.changes import HEEDS
from web.api.described import describes
from web.api.told_once import repeated, telling_once
from web.auth import gate, minting
from web.auth.actions import needs
from web.pages.rendering import now
from web.problems import answer, of_refusal

blueprint = Blueprint("keys", __name__, url_prefix="/api/v1/api-keys")

FIELDS = {"name": str, "organization": str, "project": str, "scopes": list, "expires_at": str}
REQUIRED = frozenset({"name", "organization", "scopes", "expires_at"})


@blueprint.get("")
@describes("ApiKey", many=True)
@needs("api_keys:admin")
def listed() -> ResponseReturnValue:
    """The keys that may be seen, the newest first, revoked and expired ones included."""
    found = minting.seen_keys(gate.caller(), gate.catalogue())
    return {"items": [form(row, owner) for row, owner in found], "next": None}


@blueprint.post("")
@describes("MadeApiKey", body="NewApiKey", heeds=HEEDS, status=201, otherwise=(409, 413, 422))
@needs("api_keys:admin")
def create() -> ResponseReturnValue:
    """Make a key; `key` in the answer is what a program sends, and is told this once."""
    try:
        body = read_object(FIELDS, required=REQUIRED)
        wanted = minting.NewKey(
            body["name"],
            body["organization"],
            body.get("project", ""),
            strings(body["scopes"], "scopes"),
            moment(body["expires_at"], "expires_at"),
        )
        with telling_once(body) as made:
            row, token = minting.mint(gate.caller(), wanted, gate.catalogue(), now=now())
            place = f"/api/v1/api-keys/{row.id}"
            made(place)
    except Repeated as again:
        return repeated(again, body)
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return {**form(row, person_of_id(row.person)), "key": token}, 201, {"Location": place}


@blueprint.get("/<identifier>")
@describes("ApiKey")
@needs("api_keys:admin")
def one(identifier: str) -> ResponseReturnValue:
    """One key."""
    return form(*_find(identifier))


@blueprint.post("/<identifier>/revoke")
@describes("ApiKey")
@needs("api_keys:admin")
def revoke(identifier: str) -> ResponseReturnValue:
    """Let a key in no more. Twice is harmless."""
    minting.revoke(gate.caller(), *_find(identifier), now=now())
    return form(*_find(identifier))


def _find(identifier: str) -> tuple[ApiKey, Person]:
    found = minting.seen_key(gate.caller(), identifier, gate.catalogue())
    if found is None:
        abort(404)
    return found


def form(row: ApiKey, owner: Person) -> dict[str, Any]:
    """A key as JSON: never the key itself."""
    return {
        "id": row.id,
        "name": row.name,
        "hint": row.hint,
        "organization": row.organization,
        "project": row.project or None,
        "person": owner.email,
        "scopes": row.scopes,
        "created_at": iso_milliseconds(row.created_at),
        "expires_at": iso_milliseconds(row.expires_at),
        "used_at": iso_milliseconds(row.used_at) if row.used_at else None,
        "used_from": row.used_from or None,
        "revoked_at": iso_milliseconds(row.revoked_at) if row.revoked_at else None,
    }
