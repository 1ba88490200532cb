"""Errors as `application/problem+json` (RFC 9457), with our codes."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Response

DOCUMENT = "https://sentinel.invalid/errors#"
"""`type` is an identifier that ends in the code; nothing is served there."""


class Problem(Exception):
    """An answer that is not the one hoped for. `detail` is shown to whoever asked."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def response(self) -> Response:
        """The HTTP answer."""
        body = {
            "type": f"{DOCUMENT}{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        response = Response(json.dumps(body) + "\n", status=self.status, mimetype="application/problem+json")
        if self.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            # What was not read is not read later either.
            response.headers["Connection"] = "close"
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            response.headers["Retry-After"] = "10"
        return response


def too_large(limit: int) -> Problem:
    return Problem(413, "E-WHK-001", f"the body is larger than {limit} bytes")


def unauthenticated() -> Problem:
    """The same for an unknown connection, one without a secret, and a wrong signature."""
    return Problem(401, "E-WHK-002", "the delivery is not signed by a connection of this installation")


def odd_headers() -> Problem:
    return Problem(
        400, "E-WHK-003", "the headers that name the delivery and its event are missing or malformed"
    )


def unreadable(reason: str) -> Problem:
    return Problem(400, "E-WHK-004", reason)


def unexpected() -> Problem:
    return Problem(500, "E-WHK-005", "something unexpected happened; the log of this process says what")


def not_here(status: int) -> Problem:
    return Problem(status, "E-WHK-006", "deliveries go by POST to /webhooks/<forge>/<connection>")


def away() -> Problem:
    return Problem(
        503, "E-WHK-007", "the delivery could not be made durable; deliver it again, or wait for the sweep"
    )
