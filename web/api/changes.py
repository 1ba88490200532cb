"""Operations on an environment: each becomes a commit on its branch, made by a worker in the name of who asks.

The answer waits a few seconds for the commit. What took longer is told at the change's own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, abort, g
from flask.typing import ResponseReturnValue

from reconciler.db import asking
from reconciler.errors import Refused
from reconciler.release.paths import hold_path
from web.api import asked
from web.api.asked import OTHERWISE
from web.api.bodies import read_object
from web.api.described import describes
from web.auth.actions import needs
from web.pages import reads
from web.pages.entrance import scope
from web.problems import answer, of_refusal

blueprint = Blueprint("changes", __name__, url_prefix="/api/v1/projects/<project>")


def _operation(
    environment: str, name: str, fields: Mapping[str, type], *, required: frozenset[str]
) -> ResponseReturnValue:
    if reads.environment(scope(), environment) is None:
        abort(404)
    try:
        body = read_object(fields, required=required)
        for field, text in body.items():
            _check(field, text)
        if name == "promote":
            body["commit"] = _commit_of(body["digest"])
        wanted = asked.wanted(environment, name, body)
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


@blueprint.post("/environments/<name>/promote")
@describes("Change", body="Promotion", status=201, otherwise=OTHERWISE)
@needs("rollouts:write")
def promote(name: str) -> ResponseReturnValue:
    """Ask an environment to run a bundle. It is judged like every other wish: a rollout opens, or it waits."""
    return _operation(name, "promote", {"digest": str, "why": str}, required=frozenset({"digest"}))


@blueprint.post("/environments/<name>/rollback")
@describes("Change", body="Reason", status=201, otherwise=OTHERWISE)
@needs("rollouts:write")
def rollback(name: str) -> ResponseReturnValue:
    """Ask an environment to run the bundle again that it completed before."""
    return _operation(name, "rollback", {"why": str}, required=frozenset())


@blueprint.post("/environments/<name>/cancel")
@describes("Change", body="Reason", status=201, otherwise=OTHERWISE)
@needs("rollouts:write")
def cancel(name: str) -> ResponseReturnValue:
    """End the open rollout, or withdraw the release that waits; `why` is needed."""
    return _operation(name, "cancel", {"why": str}, required=frozenset({"why"}))


@blueprint.post("/environments/<name>/pause")
@describes("Change", body="Pause", status=201, otherwise=OTHERWISE)
@needs("rollouts:write")
def pause(name: str) -> ResponseReturnValue:
    """Pause the rollout of an environment: nodes keep what they run."""
    return _operation(name, "pause", {"reason": str}, required=frozenset({"reason"}))


@blueprint.post("/environments/<name>/resume")
@describes("Change", body="Resumption", status=201, otherwise=OTHERWISE)
@needs("rollouts:write")
def resume(name: str) -> ResponseReturnValue:
    """Lift the hold of that name, or all holds of an environment."""
    return _operation(name, "resume", {"hold": str}, required=frozenset())


@blueprint.get("/changes/<identifier>")
@describes("Change")
@needs("rollouts:read")
def one(identifier: str) -> ResponseReturnValue:
    """What became of a change of an environment."""
    row = asking.one(g.place.organization, g.place.project, identifier)
    if row is None or not row.environment:
        abort(404)
    return asked.form(row)


@blueprint.get("/edits/<identifier>")
@describes("Change")
@needs("services:read")
def edit(identifier: str) -> ResponseReturnValue:
    """What became of a change of trunk."""
    row = asking.one(g.place.organization, g.place.project, identifier)
    if row is None or row.environment:
        abort(404)
    return asked.form(row)


def _check(name: str, text: str) -> None:
    asked.words(name, text)
    if name == "hold":
        try:
            hold_path(text)
        except ValueError as error:
            raise Refused(
                "E-API-005", f"'hold' is not the name of a hold: {error}", cure="Name one"
            ) from None


def _commit_of(digest: str) -> str:
    row = reads.bundle(scope(), digest)
    if row is None:
        raise Refused("E-API-005", "the project has no bundle of that digest", cure="Send a whole digest")
    return str(row.commit)
