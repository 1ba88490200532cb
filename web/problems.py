"""Answers that are not what was asked for: a page for people, `application/problem+json` (RFC 9457) for programs.

An absent object and one of somebody else get the same answer, byte for byte: it never repeats what was asked for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, render_template, request
from peewee import PeeweeException
from werkzeug.exceptions import HTTPException, InternalServerError

from reconciler.errors import ReconcilerError, Refused, Transient

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, in words for the reader. `retry_after` is in seconds; `more` are members for programs."""

    status: int
    code: str
    title: str
    detail: str
    retry_after: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


NOT_FOUND = Problem(
    404,
    "E-WEB-004",
    "There is nothing here",
    "It does not exist, it was removed, or the address is mistyped.",
)
NOT_ALLOWED = Problem(
    405, "E-WEB-005", "This cannot be done here",
    "The header `Allow` names what can. Changes are commits: the pages show the command that makes each one.",
)  # fmt: skip
INTERNAL = Problem(
    500, "E-WEB-008", "This page failed", "The fault is ours, and it was logged. Nothing else is affected."
)
UNAVAILABLE = Problem(
    503,
    "E-WEB-009",
    "The database cannot be read now",
    "Nodes and rollouts do not depend on this page.",
    retry_after=5,
)


def answer(problem: Problem) -> Response:
    """The response for a problem, in the form that the path asks for."""
    if wants_json():
        body = json.dumps(
            {
                "type": "about:blank",
                "title": problem.title,
                "status": problem.status,
                "detail": problem.detail,
                "code": problem.code,
                **problem.more,
            }
        )
        response = Response(body, status=problem.status, content_type="application/problem+json")
    else:
        response = Response(
            render_template("problem.html", problem=problem), status=problem.status, mimetype="text/html"
        )
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def of_refusal(error: Refused) -> Problem:
    """A request that we refuse, with the words of the refusal."""
    detail = f"{error.message}. {error.cure}." if error.cure else f"{error.message}."
    return Problem(400, error.code, "This request cannot be answered", detail)


def wants_json() -> bool:
    """Whether the path of this request is one that programs ask for."""
    path = request.path
    return path.startswith("/api/") or path in ("/health", "/ready", "/metrics") or path.endswith("/live")


def install(app: Flask) -> None:
    """Give every error of the app a problem answer; a traceback goes to the log, never to a reader."""

    def http(error: HTTPException) -> Response:
        if error.code == 404:
            return answer(NOT_FOUND)
        if error.code == 405:
            response = answer(NOT_ALLOWED)
            allowed = getattr(error, "valid_methods", None) or ("GET", "HEAD")
            response.headers["Allow"] = ", ".join(sorted(allowed))
            return response
        if error.code is not None and error.code < 400:
            return Response(status=error.code, headers=dict(error.get_headers()))
        if isinstance(error, InternalServerError):
            return answer(INTERNAL)
        return answer(Problem(error.code or 500, "E-WEB-006", error.name, error.description or error.name))

    def ours(error: ReconcilerError) -> Response:
        if isinstance(error, Refused):
            return answer(of_refusal(error))
        log.warning("page-unavailable: %s", error)
        return answer(UNAVAILABLE if isinstance(error, Transient) else INTERNAL)

    def driver(error: PeeweeException) -> Response:
        log.warning("page-database-failed: %s", type(error).__name__)
        return answer(UNAVAILABLE)

    app.register_error_handler(HTTPException, http)
    app.register_error_handler(PeeweeException, driver)
    app.register_error_handler(ReconcilerError, ours)
