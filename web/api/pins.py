"""`…/environments/<name>/pins`: nodes that are kept on a bundle of their own. Each change is a commit by who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from reconciler.clock import iso
from reconciler.db.models import Environment
from reconciler.errors import Refused
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import text_of
from reconciler.release.paths import pin_path
from reconciler.release.pins import MOST_NODES, NODE_ID
from web.api import asked
from web.api.bodies import moment, read_object, strings
from web.api.changes import changes
from web.api.described import describes
from web.auth.actions import needs
from web.pages import reads
from web.pages.entrance import scope
from web.problems import answer, of_refusal

blueprint = Blueprint("pins", __name__, url_prefix="/api/v1/projects/<project>/environments/<name>/pins")

FIELDS = {"digest": str, "reason": str, "nodes": str, "node": list, "until": str}
REQUIRED = frozenset({"digest", "reason"})


@blueprint.get("")
@describes("Pin", many=True)
@needs("nodes:read")
def listed(name: str) -> ResponseReturnValue:
    """The pins of an environment; `stands` says whether the control plane has admitted one as it is written."""
    return {"items": list((_environment(name).view or {}).get("pins") or ()), "next": None}


@blueprint.put("/<pin>")
@changes("NewPin")
@needs("nodes:write")
def put(name: str, pin: str) -> ResponseReturnValue:
    """Keep the nodes that a selector means (`nodes`), or some by their ids (`node`), on a bundle."""
    _environment(name)
    try:
        body = _read(read_object(FIELDS, required=REQUIRED))
        wanted = asked.wanted(name, "pin", {"pin": _name(pin), **body})
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


@blueprint.delete("/<pin>")
@changes("")
@needs("nodes:write")
def delete(name: str, pin: str) -> ResponseReturnValue:
    """Remove a pin: its nodes run what all others run."""
    _environment(name)
    try:
        wanted = asked.wanted(name, "unpin", {"pin": _name(pin)})
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


def _environment(name: str) -> Environment:
    row = reads.environment(scope(), name)
    if row is None:
        abort(404)
    return row


def _name(pin: str) -> str:
    try:
        pin_path(pin)
    except ValueError as error:
        raise Refused("E-API-005", str(error), cure="Correct it") from None
    return pin


def _read(body: dict[str, Any]) -> dict[str, Any]:
    """The body as it is kept. Raises `Refused` for a value that cannot be used."""
    for field in ("reason", "nodes"):
        if field in body:
            asked.words(field, body[field])
    if ("nodes" in body) == ("node" in body):
        raise Refused("E-API-005", "there is not exactly one of 'nodes' and 'node'", cure="Send one")
    if "node" in body:
        ids = sorted(set(strings(body["node"], "node")))
        if not 1 <= len(ids) <= MOST_NODES or not all(NODE_ID.fullmatch(one) for one in ids):
            raise Refused("E-API-005", f"'node' is no list of 1 to {MOST_NODES} ids", cure="Or send 'nodes'")
        body["node"] = ids
    if "nodes" in body:
        body["nodes"] = text_of(read_selector(body["nodes"]))
    if "until" in body:
        body["until"] = iso(moment(body["until"], "until"))
    if reads.bundle(scope(), body["digest"]) is None:
        raise Refused("E-API-005", "the project has no bundle of that digest", cure="Send a whole digest")
    return body
