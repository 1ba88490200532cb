"""What all operations that become commits have in common: asked for once, waited for, told with what became of them."""

from __future__ import annotations

from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from reconciler.clock import iso_milliseconds
from reconciler.db import asking
from reconciler.db.asking import Wanted
from reconciler.db.changes import Change
from reconciler.errors import Refused
from web.auth import gate
from web.auth.recording import actor_of
from web.pages.rendering import now
from web.problems import Problem, answer

WAIT_SECONDS = 5.0
"""How long an answer waits for its commit: a thread of this process is taken meanwhile."""

MOST_WAITS = 4
"""Threads of a process that wait at once, of sixteen: whoever comes then is told where to ask (202)."""

MOST_WAITING = 200
"""Changes of one project that nobody has made yet. Each may hold a MiB, and a worker that is away makes none."""

LOOK_SECONDS = 0.15
LONGEST = 500
LONGEST_NAME = 100

RULING = ("project", "environment", "team", "freeze-window", "validation-rule")
"""Kinds that say under which rules everything else is released."""

PINNING = ("pin", "unpin")

OTHERWISE = (200, 202, 409, 413, 422)

SAME_NAME = Problem(
    422, "E-API-006", "This Idempotency-Key was another request's",
    "You sent it before with another operation or another body. Give each request a name of its own.",
)  # fmt: skip

CROWDED = Problem(
    429, "E-API-032", "Too many changes wait",
    "Nobody has made the last ones of this project yet. See whether its workers run.",
    retry_after=30,
)  # fmt: skip
_WAITS = BoundedSemaphore(MOST_WAITS)

REFUSALS: dict[str, tuple[int, str]] = {
    "E-API-020": (422, "Trunk would be refused"),
    "E-API-021": (412, "It is not as your If-Match says"),
    "E-API-022": (409, "Somebody else changed it at the same time"),
    "E-API-023": (409, "It exists already"),
    "E-API-024": (404, "There is no such resource"),
}
"""Status and title of what a worker refused; of every other code 409."""


def wanted(
    environment: str, operation: str, body: dict[str, Any], *, content: str = "", work: str = "change"
) -> Wanted:
    """A change as who asks this asks for it. Raises `Refused` for an Idempotency-Key that is none."""
    caller = gate.caller()
    return Wanted(
        g.place.organization, g.place.project, environment, operation, body,
        caller.person, caller.name, caller.email, idempotency(), content, work,
    )  # fmt: skip


def answered(change: Wanted) -> ResponseReturnValue:
    """Ask for a change and say what became of it."""
    if asking.waiting(change.organization, change.project) >= MOST_WAITING:
        return answer(CROWDED)
    row = asking.ask_for(change, actor_of(gate.caller()), now=now())
    if not is_same(row, change):
        return answer(SAME_NAME)
    return told(_waited_for(row))


def is_same(row: Change, change: Wanted) -> bool:
    """Whether a change is what is asked for, and not something else that was given the same name."""
    same = ("organization", "project", "environment", "operation", "body")
    return all(getattr(row, name) == getattr(change, name) for name in same)


def told(row: Change) -> ResponseReturnValue:
    """A change as an answer: its status says what became of it."""
    if row.state == "refused":
        status, title = REFUSALS.get(str(row.code), (409, "This cannot be done now"))
        return answer(Problem(status, str(row.code), title, str(row.message), more=row.result))
    status = {"committed": 201, "unchanged": 200}.get(str(row.state), 202)
    headers = {"Location": f"/api/v1/projects/{row.project}/{folder_of(row)}/{row.id}"}
    if status == 202:
        headers["Retry-After"] = "2"
    if "etag" in row.result:
        headers["ETag"] = f'"{row.result["etag"]}"'
    return form(row), status, headers


def folder_of(row: Change) -> str:
    """Where a change is told of: each kind of them is read by those who may read what it changes."""
    if row.operation in PINNING:
        return "pin-changes"
    if row.environment:
        return "changes"
    if not str(row.operation).startswith("resource."):
        return "builds"
    return "policy-edits" if row.body["kind"] in RULING else "edits"


def form(row: Change) -> dict[str, Any]:
    """A change as JSON."""
    return {
        "id": row.id,
        "environment": row.environment or None,
        "operation": row.operation,
        "body": row.body,
        "author": f"{row.author_name} <{row.author_email}>",
        "state": row.state,
        "commit": row.commit or None,
        "code": row.code or None,
        "message": row.message,
        "result": row.result,
        "asked_at": iso_milliseconds(row.asked_at),
        "ended_at": iso_milliseconds(row.ended_at) if row.ended_at else None,
    }


def words(name: str, text: str) -> str:
    """A text that goes into a commit's message. Raises `Refused` E-API-005."""
    if not 1 <= len(text) <= LONGEST or not text.isprintable():
        raise Refused(
            "E-API-005",
            f"'{name}' is empty, too long or not printable",
            cure=f"Send 1 to {LONGEST} characters",
        )
    return text


def idempotency() -> str | None:
    """What the caller calls this request, or None. Raises `Refused` E-API-005."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise Refused(
            "E-API-005", "the Idempotency-Key is empty, too long or not printable", cure="Send a UUID"
        )
    return text


def _waited_for(row: Change) -> Change:
    if not _WAITS.acquire(blocking=False):
        return row
    try:
        until = monotonic() + WAIT_SECONDS
        while row.state == "asked" and monotonic() < until:
            sleep(LOOK_SECONDS)
            row = asking.one(str(row.organization), str(row.project), str(row.id)) or row
    finally:
        _WAITS.release()
    return row
