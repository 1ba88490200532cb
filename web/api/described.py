"""What an operation of the JSON interface takes and gives, said at its view: the interface's description is made of it.

A query parameter that an operation does not name is refused, so a mistyped filter never looks like an empty answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request

from web.problems import Problem, answer

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Described:
    """An operation. `gives` and `body` name schemas of `web.api.schemas`; `many` wraps it in a page of a list. With
    another `media` than JSON the answer is a file. `otherwise` are statuses beyond those that every operation has, and
    `heeds` headers that mean something to it. `cost` is how many requests it counts as."""

    gives: str
    many: bool
    takes: tuple[str, ...]
    body: str
    status: int
    media: str
    otherwise: tuple[int, ...]
    heeds: tuple[str, ...]
    cost: int


def describes(
    gives: str,
    *,
    many: bool = False,
    takes: tuple[str, ...] = (),
    body: str = "",
    status: int = 200,
    media: str = JSON,
    otherwise: tuple[int, ...] = (),
    heeds: tuple[str, ...] = (),
    cost: int = 1,
) -> Callable[[View], View]:
    """Say what a view takes and gives."""
    found = Described(gives, many, takes, body, status, media, otherwise, heeds, cost)

    def mark(view: View) -> View:
        view.__dict__["described"] = found
        return view

    return mark


def of_endpoint(app: Flask, endpoint: str | None) -> Described | None:
    """What the view of an endpoint says, or None when it is no operation of the interface."""
    found = getattr(app.view_functions.get(endpoint or ""), "described", None)
    return found if isinstance(found, Described) else None


def check_query() -> Response | None:
    """Refuse a query parameter that the operation does not take, or one that stands twice."""
    operation = of_endpoint(current_app, request.endpoint)
    if operation is None:
        return None
    for name, given in request.args.lists():
        if name not in operation.takes:
            known = ", ".join(operation.takes) or "none"
            return answer(_refusal(f"There is no parameter '{name[:60]}' here. Known are: {known}."))
        if len(given) > 1:
            return answer(_refusal(f"The parameter '{name}' stands twice."))
    return None


def finish(response: Response) -> Response:
    """Give an answer that was read a tag by which it is asked for again at no cost while it is the same."""
    operation = of_endpoint(current_app, request.endpoint)
    if operation is None or request.method not in ("GET", "HEAD") or response.status_code != 200:
        return response
    response.headers["Cache-Control"] = "private, no-cache"
    if not response.is_streamed:
        response.add_etag()
    response.make_conditional(request)
    return response


def _refusal(detail: str) -> Problem:
    return Problem(400, "E-API-002", "A parameter that is not taken", detail)
