"""What can be ended of a node: its registration, and its tokens. Its labels are its own to say, and its token's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from flask import Blueprint, abort, g, request
from flask.typing import ResponseReturnValue

from reconciler.db import enrolled
from reconciler.db.audit import Act, audited
from reconciler.db.models import Node
from reconciler.errors import Refused
from web.api import asked
from web.api.bodies import read_object
from web.api.described import describes
from web.auth import gate
from web.auth.actions import needs
from web.auth.recording import actor_of
from web.pages.rendering import now
from web.problems import answer, of_refusal

blueprint = Blueprint("node_acts", __name__, url_prefix="/api/v1/projects/<project>/nodes/<identifier>")


@blueprint.delete("")
@describes("Ended", otherwise=(422,), takes=("why",))
@needs("nodes:write")
def retire(identifier: str) -> ResponseReturnValue:
    """End a node's registration: its key and tokens open nothing any more. What it runs goes on running."""
    try:
        why = asked.words("why", request.args.get("why", "retired over the interface"))
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return _ended(identifier, "node.retired", why, partial(_retired, because=why))


@blueprint.post("/revoke-tokens")
@describes("Ended", body="Why", otherwise=(413, 422))
@needs("nodes:write")
def revoke_tokens(identifier: str) -> ResponseReturnValue:
    """Make a node's tokens worthless. Its key still gets it a new one."""
    try:
        body = read_object({"why": str}, required=frozenset({"why"}))
        why = asked.words("why", body["why"])
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return _ended(identifier, "node.tokens-revoked", why, enrolled.revoke_tokens)


def _ended(identifier: str, action: str, why: str, act: Callable[..., object]) -> ResponseReturnValue:
    place = (g.place.organization, g.place.project)
    moment: datetime = now()
    with audited(actor_of(gate.caller()), now=moment) as note:
        node = enrolled.find_node(*place, identifier)
        if node is None:
            abort(404)
        act(node, now=moment)
        note(Act(action, *place, str(node.id), details={"name": node.name, "why": why}))
    return {"id": node.id, "name": node.name, "environment": node.environment, "ended": action}


def _retired(node: Node, *, now: datetime, because: str) -> None:
    enrolled.retire(node, because, now=now)
