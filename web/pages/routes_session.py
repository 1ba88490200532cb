"""Signing in and out: a way says who somebody is, the factors that are wanted follow, and then there is a session."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from reconciler.db import accounts, signing_in, throttling
from reconciler.db.audit import Act, Actor, audited
from reconciler.db.people import Person
from reconciler.errors import Refused
from reconciler.settings import Settings
from web.auth import gate, halfway
from web.auth.actions import needs
from web.auth.cookies import drop_token, put_token
from web.auth.factors.factor import Factor
from web.auth.halfway import Halfway
from web.auth.recording import actor_named, actor_of, of_account
from web.auth.ways.way import Asked, Turned, Way
from web.pages.rendering import now

blueprint = Blueprint("session", __name__)

WRONG = "No account has this address and this password."
WRONG_FACTOR = "That is not right, or was used before."
TOO_LATE = "That took too long, or was begun in another browser. Sign in again."

LONGEST_PATH = 1000
"""Characters of where to go afterwards: a browser keeps no cookie of more than 4,096 bytes."""


@blueprint.get("/sign-in")
@needs("public")
def form() -> ResponseReturnValue:
    """The form of every way to sign in."""
    return _page(None, 200)


@blueprint.post("/sign-in")
@needs("public")
def enter() -> ResponseReturnValue:
    """Recognise somebody by the form of a way."""
    forms = {way.name: way for way in _ways() if way.begin is None}
    if not forms:
        abort(404)
    way = forms.get(request.form.get("way", ""), next(iter(forms.values())))
    return _recognised(way, way.recognise(_asked(request.form)), own_path(request.form.get("next", "")))


@blueprint.get("/sign-in/with/<name>")
@needs("public")
def begin(name: str) -> ResponseReturnValue:
    """Send the browser to the site at which one signs in that way."""
    way = _elsewhere(name)
    state = secrets.token_urlsafe(32)
    elsewhere = way.begin(replace(_asked(request.args), back=_back(way), state=state))  # type: ignore[misc]
    halfway.put(
        Halfway(
            way.name,
            own_path(request.args.get("next", "")),
            now().isoformat(),
            state=state,
            kept=dict(elsewhere.keep),
        )
    )
    return _to(elsewhere.url)


@blueprint.get("/sign-in/back/<name>")
@needs("public")
def back(name: str) -> ResponseReturnValue:
    """Recognise somebody by what another site says, to the browser that was sent there and to no other."""
    way = _elsewhere(name)
    begun = halfway.take(now())
    if begun is None or not halfway.is_answer(begun, way.name, request.args.get(way.state_field, "")):
        return _page(TOO_LATE, 400)
    attempt = throttling.of_answer(way.name, request.remote_addr or "")
    wait = throttling.admit(attempt, now=now())
    if wait is not None:
        return _later(_page(_wait(wait), 429), wait)
    asked = replace(_asked(request.args), back=_back(way), state=begun.state, kept=begun.kept)
    found = way.recognise(asked)
    if not isinstance(found, Turned):
        throttling.forgive(attempt)
    return _recognised(way, found, begun.next)


@blueprint.get("/sign-in/factor")
@needs("public")
def factor_form() -> ResponseReturnValue:
    """The form of the factor that is wanted next."""
    under_way = _under_way(halfway.peek(now()))
    return _to("/sign-in") if under_way is None else _factor_page(under_way[1], None, 200)


@blueprint.post("/sign-in/factor")
@needs("public")
def show_factor() -> ResponseReturnValue:
    """Look at a factor, and go on with the next one or with the session."""
    begun = halfway.peek(now())
    under_way = _under_way(begun)
    if begun is None or under_way is None:
        return _page(TOO_LATE, 400)
    person, factor = under_way
    attempt = throttling.of_factor(str(person.id), factor.name)
    wait = throttling.admit(attempt, now=now())
    if wait is not None:
        return _later(_factor_page(factor, _wait(wait), 429), wait)
    if not factor.passes(person, _asked(request.form)):
        _record_refusal(Turned(person=person), {"way": begun.way, "factor": factor.name})
        return _factor_page(factor, WRONG_FACTOR, 401)
    throttling.forgive(attempt)
    return _proceed(replace(begun, passed=(*begun.passed, factor.name)), person)


@blueprint.post("/sign-out")
@needs("account")
def leave() -> ResponseReturnValue:
    """End this session."""
    _end_present()
    response = _to("/sign-in")
    drop_token(response, _settings())
    return response


def own_path(text: str) -> str:
    """A path of ours to go to; anything else, such as another site's address, becomes `/`."""
    plain = text.isprintable() and text.isascii() and "\\" not in text and len(text) <= LONGEST_PATH
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


def _recognised(way: Way, found: Person | Turned, path: str) -> Response:
    if isinstance(found, Turned):
        _record_refusal(found, {"way": way.name})
        if found.wait is None:
            return _page(found.told or WRONG, 401)
        return _later(_page(_wait(found.wait), 429), found.wait)
    if found.disabled_at is not None:
        # Another site may know somebody whom we let in no more.
        _record_refusal(Turned(person=found), {"way": way.name})
        return _page(WRONG, 401)
    return _proceed(halfway.begun(way.name, path, found, now()), found)


def _proceed(begun: Halfway, person: Person) -> Response:
    """Ask for the factor that is wanted next; begin the session when there is none."""
    if _wanted(begun, person) is not None:
        halfway.put(begun)
        return _to(url_for("session.factor_form"))
    halfway.take(now())
    agent, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    details: dict[str, Any] = {"way": begun.way, "agent": agent}
    if begun.passed:
        details["factors"] = list(begun.passed)
    try:
        with audited(Actor("person", person.email, address), now=now()) as note:
            token = signing_in.begin(person, way=begun.way, address=address, agent=agent, now=now())
            for act in of_account("session.started", person, gate.catalogue(), details=details):
                note(act)
    except Refused:
        return _page(TOO_LATE, 400)
    # Whoever was signed in before in this browser is not any more.
    _end_present()
    response = _to(begun.next)
    put_token(response, token, _settings())
    return response


def _under_way(begun: Halfway | None) -> tuple[Person, Factor] | None:
    """Who was recognised, and the factor that is wanted of them; None where nobody was, or is not let in since."""
    if begun is None or not begun.person:
        return None
    person = accounts.person_of_id(begun.person)
    if not halfway.is_as_it_was(begun, person):
        return None
    factor = _wanted(begun, person)
    return None if factor is None else (person, factor)


def _wanted(begun: Halfway, person: Person) -> Factor | None:
    factors: tuple[Factor, ...] = current_app.extensions["sentinel.factors"]
    wanted = (
        factor for factor in factors if factor.name not in begun.passed and factor.wanted(person, begun.way)
    )
    return next(wanted, None)


def _ways() -> tuple[Way, ...]:
    found: tuple[Way, ...] = current_app.extensions["sentinel.ways"]
    return found


def _elsewhere(name: str) -> Way:
    """The way of this name that leads to another site; there is no page where there is none."""
    found = next((way for way in _ways() if way.name == name and way.begin is not None), None)
    return found if found is not None else abort(404)


def _back(way: Way) -> str:
    return _settings().pages_public_url.rstrip("/") + url_for("session.back", name=way.name)


def _asked(fields: Mapping[str, str]) -> Asked:
    return Asked(dict(fields.items()), request.remote_addr or "", now())


def _end_present() -> None:
    caller = gate.caller()
    if caller.session is None:
        return
    with audited(actor_of(caller), now=now()) as note:
        signing_in.end(caller.person, caller.session, now=now())
        person = accounts.person_of_id(caller.person)
        for act in of_account("session.ended", person, gate.catalogue(), details={"sessions": 1}):
            note(act)


def _record_refusal(found: Turned, details: Mapping[str, Any]) -> None:
    """Tell of it where the account has a role; what was typed as an address of nobody is not repeated: it may be a
    password. Attempts while somebody has to wait are not told of, or anybody could fill the log."""
    if found.wait is not None:
        return
    if found.person is None:
        with audited(actor_named("an unknown address"), now=now()) as note:
            note(Act("session.refused", "", outcome="refused", details=details))
        return
    with audited(actor_named(found.person.email), now=now()) as note:
        for act in of_account(
            "session.refused", found.person, gate.catalogue(), outcome="refused", details=details
        ):
            note(act)


def _to(path: str) -> Response:
    found: Any = redirect(path, 303)
    response: Response = current_app.make_response(found)
    return response


def _wait(wait: timedelta) -> str:
    return f"There were too many attempts. Try again in {int(wait.total_seconds()) + 1} seconds."


def _later(page: Response, wait: timedelta) -> Response:
    page.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return page


def _page(problem: str | None, status: int) -> Response:
    text = render_template(
        "sign_in.html",
        ways=_ways(),
        problem=problem,
        next=own_path(request.values.get("next", "")),
        email=request.form.get("email", "")[:200],
    )
    return Response(text, status=status, mimetype="text/html")


def _factor_page(factor: Factor, problem: str | None, status: int) -> Response:
    text = render_template("sign_in_factor.html", factor=factor, problem=problem)
    return Response(text, status=status, mimetype="text/html")


def _settings() -> Settings:
    found: Settings = current_app.extensions["sentinel.settings"]
    return found
