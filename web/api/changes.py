"""Operations on an environment: each becomes a commit on its branch, made by a worker in the name of who asks.

The answer waits a few seconds for the commit. What took longer is told at the change's own address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from flask import Blueprint, abort, g
from flask.typing import ResponseReturnValue

from reconciler.clock import iso
from reconciler.db import asking
from reconciler.db.models import Environment
from reconciler.errors import Refused
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import text_of
from reconciler.release.branch import LABEL
from reconciler.release.paths import hold_path
from web.api import asked
from web.api.asked import OTHERWISE
from web.api.bodies import moment, read_object
from web.api.described import describes
from web.auth.actions import needs
from web.pages import reads
from web.pages.entrance import scope
from web.problems import answer, of_refusal

blueprint = Blueprint("changes", __name__, url_prefix="/api/v1/projects/<project>")

View = TypeVar("View", bound=Callable[..., Any])
MOST_STEPS = 10_000


PROMOTION = {"digest": str, "why": str, "only": str, "not_before": str, "hotfix": str}
HEEDS = ("Idempotency-Key",)


def _operation(
    environment: str, name: str, fields: Mapping[str, type], *, required: frozenset[str]
) -> ResponseReturnValue:
    row = reads.environment(scope(), environment)
    if row is None:
        abort(404)
    try:
        body = _checked(read_object(fields, required=required))
        wanted = asked.wanted(environment, name, body, content=_shown(row) if name == "approve" else "")
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


def changes(body: str) -> Callable[[View], View]:
    """Say of a view that it makes a change."""
    return describes("Change", body=body, heeds=HEEDS, status=201, otherwise=OTHERWISE)


@blueprint.post("/environments/<name>/promote")
@changes("Promotion")
@needs("rollouts:write")
def promote(name: str) -> ResponseReturnValue:
    """Ask an environment to run a bundle. It is judged like every other wish: a rollout opens, or it waits."""
    return _operation(name, "promote", PROMOTION, required=frozenset({"digest"}))


@blueprint.post("/rollouts")
@changes("NewRollout")
@needs("rollouts:write")
def create() -> ResponseReturnValue:
    """The same, with the environment in the body."""
    try:
        body = read_object({**PROMOTION, "environment": str}, required=frozenset({"digest", "environment"}))
        environment = asked.words("environment", body.pop("environment"))
        if reads.environment(scope(), environment) is None:
            raise Refused("E-API-005", "there is no such environment", cure="Name one of the project's")
        wanted = asked.wanted(environment, "promote", _checked(body))
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


@blueprint.post("/environments/<name>/rollback")
@changes("Reason")
@needs("rollouts:write")
def rollback(name: str) -> ResponseReturnValue:
    """Ask an environment to run the bundle again that it completed before."""
    return _operation(name, "rollback", {"why": str}, required=frozenset())


@blueprint.post("/environments/<name>/cancel")
@changes("Why")
@needs("rollouts:write")
def cancel(name: str) -> ResponseReturnValue:
    """End the open rollout, or withdraw the release that waits; `why` is needed."""
    return _operation(name, "cancel", {"why": str}, required=frozenset({"why"}))


@blueprint.post("/environments/<name>/pause")
@changes("Pause")
@needs("rollouts:write")
def pause(name: str) -> ResponseReturnValue:
    """Pause the rollout of an environment: nodes keep what they run."""
    return _operation(name, "pause", {"reason": str}, required=frozenset({"reason"}))


@blueprint.post("/environments/<name>/resume")
@changes("Resumption")
@needs("rollouts:write")
def resume(name: str) -> ResponseReturnValue:
    """Lift the hold of that name, or all holds of an environment."""
    return _operation(name, "resume", {"hold": str}, required=frozenset())


@blueprint.post("/environments/<name>/go")
@changes("Go")
@needs("approvals:write")
def go(name: str) -> ResponseReturnValue:
    """Say go for a step of the open rollout whose policy has a manual gate."""
    return _operation(name, "go", {"step": int, "why": str}, required=frozenset({"step"}))


@blueprint.post("/environments/<name>/approve")
@changes("Reason")
@needs("approvals:write")
def approve(name: str) -> ResponseReturnValue:
    """Approve the release that an environment waits with, in your name; the policy says whether your word counts."""
    return _operation(name, "approve", {"why": str}, required=frozenset())


@blueprint.post("/environments/<name>/reject")
@changes("Why")
@needs("approvals:write")
def reject(name: str) -> ResponseReturnValue:
    """Stop the release that an environment waits with or rolls out, until you approve it."""
    return _operation(name, "reject", {"why": str}, required=frozenset({"why"}))


@blueprint.get("/changes/<identifier>")
@describes("Change")
@needs("rollouts:read")
def one(identifier: str) -> ResponseReturnValue:
    """What became of a change of an environment."""
    return _told(identifier, "changes")


@blueprint.get("/pin-changes/<identifier>")
@describes("Change")
@needs("nodes:read")
def pin_change(identifier: str) -> ResponseReturnValue:
    """What became of a change of pins."""
    return _told(identifier, "pin-changes")


@blueprint.get("/edits/<identifier>")
@describes("Change")
@needs("services:read")
def edit(identifier: str) -> ResponseReturnValue:
    """What became of a change of a resource."""
    return _told(identifier, "edits")


@blueprint.get("/policy-edits/<identifier>")
@describes("Change")
@needs("policies:read")
def policy_edit(identifier: str) -> ResponseReturnValue:
    """What became of a change of what rules the project."""
    return _told(identifier, "policy-edits")


@blueprint.get("/builds/<identifier>")
@describes("Change")
@needs("bundles:read")
def build(identifier: str) -> ResponseReturnValue:
    """What became of a bundle that was asked for, or of files that were proposed."""
    return _told(identifier, "builds")


def _shown(row: Environment) -> str:
    """The wish that the environment shows now, which is what somebody approves."""
    view = row.view or {}
    return json.dumps({"digest": (view.get("release") or {}).get("digest"), "plan": view.get("plan")})


def _told(identifier: str, folder: str) -> ResponseReturnValue:
    row = asking.one(g.place.organization, g.place.project, identifier)
    if row is None or asked.folder_of(row) != folder:
        abort(404)
    return asked.form(row)


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """The body as it is kept. Raises `Refused` E-API-005 for a value that cannot be used."""
    for name, value in body.items():
        if isinstance(value, str):
            asked.words(name, value)
    try:
        if "hold" in body:
            hold_path(body["hold"])
        if "only" in body:
            body["only"] = text_of(read_selector(body["only"]))
        if "not_before" in body:
            body["not_before"] = iso(moment(body["not_before"], "not_before"))
    except (ValueError, Refused) as error:
        words = error.message if isinstance(error, Refused) else f"'hold' is not the name of a hold: {error}"
        raise Refused("E-API-005", words, cure="Correct it") from None
    if "hotfix" in body and LABEL.fullmatch(body["hotfix"]) is None:
        raise Refused("E-API-005", "'hotfix' is no label", cure="Use one such as INC-123")
    if not 1 <= body.get("step", 1) <= MOST_STEPS:
        raise Refused("E-API-005", "'step' is no number of a step", cure="Count from 1")
    if "digest" in body:
        row = reads.bundle(scope(), body["digest"])
        if row is None:
            raise Refused("E-API-005", "the project has no bundle of that digest", cure="Send a whole digest")
        body["commit"] = str(row.commit)
    return body
