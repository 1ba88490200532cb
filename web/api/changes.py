"""Operations on an environment: each becomes a commit on its branch, made by a worker in the name of who asks.

The answer waits a few seconds for the commit. What took longer is told at the change's own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic, sleep
from typing import Any

from flask import Blueprint, abort, g, request
from flask.typing import ResponseReturnValue

from reconciler.clock import iso_milliseconds
from reconciler.db import asking
from reconciler.db.asking import Wanted
from reconciler.db.changes import Change
from reconciler.errors import Refused
from reconciler.release.paths import hold_path
from web.api.bodies import read_object
from web.api.described import describes
from web.auth import gate
from web.auth.actions import needs
from web.auth.recording import actor_of
from web.pages import reads
from web.pages.entrance import scope
from web.pages.rendering import now
from web.problems import Problem, answer, of_refusal

blueprint = Blueprint("changes", __name__, url_prefix="/api/v1/projects/<project>")

WAIT_SECONDS = 5.0
"""How long an answer waits for its commit: a thread of this process is taken meanwhile."""

LOOK_SECONDS = 0.15
LONGEST = 500
LONGEST_NAME = 100

OTHERWISE = (200, 202, 409, 413, 422)


def _operation(
    environment: str, name: str, fields: Mapping[str, type], *, required: frozenset[str]
) -> ResponseReturnValue:
    if reads.environment(scope(), environment) is None:
        abort(404)
    try:
        body = read_object(fields, required=required)
        for field, text in body.items():
            _check(field, text)
        idempotency = _idempotency()
        if name == "promote":
            body["commit"] = _commit_of(body["digest"])
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    caller = gate.caller()
    wanted = Wanted(
        g.place.organization, g.place.project, environment, name, body,
        caller.person, caller.name, caller.email, idempotency,
    )  # fmt: skip
    row = asking.ask_for(wanted, actor_of(caller), now=now())
    if (row.organization, row.project, row.environment, row.operation, row.body) != (
        wanted.organization, wanted.project, environment, name, body,
    ):  # fmt: skip
        return answer(SAME_NAME)
    return _told(_waited_for(row))


SAME_NAME = Problem(
    422, "E-API-006", "This Idempotency-Key was another request's",
    "You sent it before with another operation or another body. Give each request a name of its own.",
)  # fmt: skip


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
    """What became of a change."""
    row = asking.one(g.place.organization, g.place.project, identifier)
    if row is None:
        abort(404)
    return form(row)


def form(row: Change) -> dict[str, Any]:
    """A change as JSON."""
    return {
        "id": row.id,
        "environment": row.environment,
        "operation": row.operation,
        "body": row.body,
        "author": f"{row.author_name} <{row.author_email}>",
        "state": row.state,
        "commit": row.commit or None,
        "code": row.code or None,
        "message": row.message,
        "asked_at": iso_milliseconds(row.asked_at),
        "ended_at": iso_milliseconds(row.ended_at) if row.ended_at else None,
    }


def _waited_for(row: Change) -> Change:
    until = monotonic() + WAIT_SECONDS
    while row.state == "asked" and monotonic() < until:
        sleep(LOOK_SECONDS)
        row = asking.one(str(row.organization), str(row.project), str(row.id)) or row
    return row


def _told(row: Change) -> ResponseReturnValue:
    if row.state == "refused":
        return answer(Problem(409, str(row.code), "This cannot be done now", str(row.message)))
    status = {"committed": 201, "unchanged": 200}.get(str(row.state), 202)
    headers = {"Location": f"/api/v1/projects/{row.project}/changes/{row.id}"}
    if status == 202:
        headers["Retry-After"] = "2"
    return form(row), status, headers


def _check(name: str, text: str) -> None:
    if not 1 <= len(text) <= LONGEST or not text.isprintable():
        raise Refused(
            "E-API-005",
            f"'{name}' is empty, too long or not printable",
            cure=f"Send 1 to {LONGEST} characters",
        )
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


def _idempotency() -> str | None:
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise Refused(
            "E-API-005", "the Idempotency-Key is empty, too long or not printable", cure="Send a UUID"
        )
    return text
