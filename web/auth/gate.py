"""The gate that every request passes: whether it may come here at all, who asks, and whether they may."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from reconciler.db.audit import Act, audited
from reconciler.settings import Settings
from web.auth import csrf
from web.auth.actions import ACTIONS, Action, action_of
from web.auth.authorise import NOBODY, Answer, Caller, Place, authorise
from web.auth.callers import find_caller
from web.auth.recording import actor_of
from web.catalogue import Catalogue, CatalogueSource, ProjectEntry
from web.loopback import host_of, is_loopback_name
from web.problems import NOT_FOUND, Problem, answer, wants_json

MISDIRECTED = Problem(
    421, "E-WEB-003", "This is another name's",
    "The status pages answer under the name in PAGES_PUBLIC_URL and, on this machine, to localhost.",
)  # fmt: skip
FROM_ELSEWHERE = Problem(
    403, "E-WEB-010", "This machine only",
    "With PAGES_ACCESS=loopback the status pages answer this machine only.",
)  # fmt: skip
OTHER_SITE = Problem(
    403, "E-WEB-011", "Not from another site", "Another web site asked for this in your browser."
)
UNREADABLE = Problem(
    400,
    "E-WEB-006",
    "This address cannot be read",
    "It holds the character NUL, which nothing here has in its name.",
)
WHO = Problem(
    401, "E-AUT-001", "Say who you are",
    "Send an API key as `Authorization: Bearer sck_…`, or sign in.",
)  # fmt: skip
BAD_KEY = Problem(
    401, "E-AUT-002", "This key lets nobody in",
    "It is unknown, expired or revoked, or its person's account is disabled.",
)  # fmt: skip
NO_FORM = Problem(
    400, "E-AUT-004", "This form is too old",
    "Open the page again and send the form from there: its token is missing or expired.",
)  # fmt: skip

REFUSALS_TOLD = RateLimitItemPerMinute(20)
"""Of each caller: nobody fills the audit log by being refused."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MACHINES_ASK = frozenset({"health.health", "health.ready"})
"""What load balancers ask for by address, so that no name can be demanded of them."""


def install(app: Flask, settings: Settings) -> None:
    """Put the gate in front of every route of the app."""
    csrf.install(app, settings)
    app.extensions["sentinel.refusals"] = SlidingWindowCounterRateLimiter(MemoryStorage())
    app.url_value_preprocessor(_take)
    app.before_request(check)


def ensure_complete(app: Flask) -> None:
    """Raise RuntimeError when a route does not say what it needs. Called when all routes are there."""
    for rule in app.url_map.iter_rules():
        action_of(app, rule.endpoint)


def caller() -> Caller:
    """Who asks this."""
    found: Caller = g.get("caller", NOBODY)
    return found


def may(action: str, place: Place | None) -> bool:
    """Whether who asks this may do an action at a place."""
    return authorise(caller(), ACTIONS[action], place, catalogue().members) is Answer.ALLOWED


def catalogue() -> Catalogue:
    """All organizations and projects, as the server configuration has them now."""
    source: CatalogueSource = current_app.extensions["sentinel.catalogue"]
    return source.catalogue()


def seen_projects(action: str) -> list[ProjectEntry]:
    """The projects in which who asks this may do an action, in the order of the server configuration."""
    return [p for p in catalogue().projects if may(action, Place(p.organization, p.slug))]


def _take(endpoint: str | None, values: dict[str, Any] | None) -> None:
    values = values if values is not None else {}
    g.asked = (values.pop("organization", None), values.pop("project", None))


def check() -> Response | None:
    """None when the request may go on to its view, which then finds its project in `g.entry` and
    its place in `g.place`.

    1. The Host header names us (another name is DNS rebinding), and where no one signs in, the peer is this machine.
    2. A browser did not ask on behalf of another site, unless a person followed a link.
    3. Who asks.   4. Which place: what is not there and what may not be seen is the same.   5. May they?
    6. What a cookie lets somebody change comes from a form of ours.
    """
    settings: Settings = current_app.extensions["sentinel.settings"]
    refusal = _named(settings) or _same_site() or _readable()
    if refusal is not None:
        return answer(refusal)
    if request.endpoint is None:
        # There is no such route: the answer is the same for everybody.
        return None
    action = action_of(current_app, request.endpoint)
    if action.public and request.method in SAFE:
        if request.endpoint not in ("static", *MACHINES_ASK):
            # It shows who is signed in, when somebody is.
            g.caller = _find(settings) or NOBODY
        return None
    found = _find(settings)
    if found is None:
        return _unknown(BAD_KEY)
    g.caller = found
    place, entry = _place()
    if place is None and g.asked != (None, None):
        # An unknown place is hidden, and to strangers that looks like every other.
        return _unknown(WHO) if found.kind == "nobody" else answer(NOT_FOUND)
    verdict = authorise(found, action, place, catalogue().members)
    if verdict is Answer.UNKNOWN:
        return _unknown(WHO)
    if verdict is Answer.HIDDEN:
        return answer(NOT_FOUND)
    if verdict is Answer.FORBIDDEN:
        if place is not None and request.method not in SAFE:
            _record_refusal(found, action, place)
        return answer(_forbidden(found, action.role, action.scope))
    g.entry, g.place = entry, place
    if request.method not in SAFE and found.kind != "key" and not csrf.from_our_form():
        return answer(NO_FORM)
    return None


def _find(settings: Settings) -> Caller | None:
    return find_caller(request, settings, now=current_app.extensions["sentinel.now"]())


def _record_refusal(found: Caller, action: Action, place: Place) -> None:
    """Who sees a place and tries to change what they may not is worth knowing; looking is not, nor try after try."""
    limiter: SlidingWindowCounterRateLimiter = current_app.extensions["sentinel.refusals"]
    if not limiter.hit(REFUSALS_TOLD, found.key or found.person or found.name):
        return
    now = current_app.extensions["sentinel.now"]()
    details = {"action": action.name, "method": request.method, "path": request.path}
    with audited(actor_of(found), now=now) as note:
        note(Act("request.refused", place.organization, place.project, outcome="refused", details=details))


def _place() -> tuple[Place | None, ProjectEntry | None]:
    organization, project = g.asked
    if project is not None:
        entry = (
            catalogue().by_slug(project)
            if organization is None
            else catalogue().project(organization, project)
        )
        return (Place(entry.organization, entry.slug), entry) if entry is not None else (None, None)
    known = any(entry.organization == organization for entry in catalogue().projects)
    return (Place(organization) if known else None), None


def _named(settings: Settings) -> Problem | None:
    open_to_all = settings.pages_access != "loopback"
    if not open_to_all and not is_loopback_name(request.remote_addr or ""):
        return FROM_ELSEWHERE
    if open_to_all and request.endpoint in MACHINES_ASK:
        return None
    host = host_of(request.headers.get("Host", ""))
    ours = host is not None and (
        is_loopback_name(host) or (open_to_all and host == urlsplit(settings.pages_public_url).hostname)
    )
    return None if ours else MISDIRECTED


def _same_site() -> Problem | None:
    site, mode = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Sec-Fetch-Mode", "")
    followed = mode == "navigate" and request.method in SAFE
    return None if site in ("none", "same-origin") or followed else OTHER_SITE


def _readable() -> Problem | None:
    # No row holds it, and PostgreSQL refuses a query that does.
    return UNREADABLE if "\x00" in request.path or b"%00" in request.query_string else None


def _unknown(problem: Problem) -> Response:
    if problem is BAD_KEY or wants_json() or request.method not in SAFE:
        response = answer(problem)
        response.headers["WWW-Authenticate"] = 'Bearer realm="sentinel"'
        return response
    asked = request.full_path.removesuffix("?")
    return Response(status=303, headers={"Location": f"/sign-in?next={quote(asked, safe='')}"})


def _forbidden(found: Caller, role: str, scope: str) -> Problem:
    if found.kind == "key":
        detail = f"The key would need the scope '{scope}'." if scope else "No API key may."
    elif found.kind == "machine":
        detail = "Sign in, or send an API key: without that this machine only reads."
    else:
        detail = f"It takes the role '{role}'."
    return Problem(403, "E-AUT-003", "You may not do this here", detail)
