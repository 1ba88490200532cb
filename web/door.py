"""What every request passes: who may come in while there is no access control, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

from web.loopback import host_of, is_loopback_name
from web.problems import Problem, answer

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "font-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

MISDIRECTED = Problem(
    421, "E-WEB-003", "This name is not this machine's",
    "The status pages answer to localhost and to loopback addresses only, for as long as there is no access control.",
)  # fmt: skip
FROM_ELSEWHERE = Problem(
    403,
    "E-WEB-010",
    "This machine only",
    "The status pages answer this machine only, while there is no access control.",
)
OTHER_SITE = Problem(
    403, "E-WEB-011", "Not from another site", "Another web site asked for this in your browser."
)


def check() -> Response | None:
    """None when the request may come in.

    1. The peer is this machine.   2. The Host header names it (another name is DNS rebinding).
    3. A browser did not ask on behalf of another site, unless a person followed a link.
    """
    if not is_loopback_name(request.remote_addr or ""):
        return answer(FROM_ELSEWHERE)
    host = host_of(request.headers.get("Host", ""))
    if host is None or not is_loopback_name(host):
        return answer(MISDIRECTED)
    site, mode = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Sec-Fetch-Mode", "")
    if site not in ("none", "same-origin") and mode != "navigate":
        return answer(OTHER_SITE)
    return None


def finish(response: Response) -> Response:
    """Add the headers that every answer carries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)
    return response


def install(app: Flask, *, gate: Callable[[], Response | None] = check) -> None:
    """Put the door in front of every route of the app. Access control will be another `gate`."""
    app.before_request(gate)
    app.after_request(finish)
