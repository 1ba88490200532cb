"""Signing in and out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from reconciler.db import accounts, signing_in
from reconciler.db.audit import Act, Actor, audited
from reconciler.settings import Settings
from web.auth import gate
from web.auth.actions import needs
from web.auth.cookies import drop_token, put_token
from web.auth.recording import actor_named, actor_of, of_account
from web.auth.ways import WAYS
from web.auth.ways.way import Asked, Turned, Way
from web.pages.rendering import now

blueprint = Blueprint("session", __name__)

WRONG = "No account has this address and this password."


@blueprint.get("/sign-in")
@needs("public")
def form() -> ResponseReturnValue:
    """The form of every way to sign in."""
    return _page(None, 200)


@blueprint.post("/sign-in")
@needs("public")
def enter() -> ResponseReturnValue:
    """Begin a session for whom one of the ways recognises."""
    way = next((way for way in WAYS if way.name == request.form.get("way")), WAYS[0])
    found = way.recognise(Asked(request.form.to_dict(), request.remote_addr or "", now()))
    if isinstance(found, Turned):
        _record_refusal(way, found)
        if found.wait is None:
            return _page(WRONG, 401)
        seconds = int(found.wait.total_seconds()) + 1
        page = _page(f"There were too many attempts. Try again in {seconds} seconds.", 429)
        page.headers["Retry-After"] = str(seconds)
        return page
    agent, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    with audited(Actor("person", found.email, address), now=now()) as note:
        token = signing_in.begin(found, way=way.name, address=address, agent=agent, now=now())
        for act in of_account(
            "session.started", found, gate.catalogue(), details={"way": way.name, "agent": agent}
        ):
            note(act)
    # Whoever was signed in before in this browser is not any more.
    _end_present()
    response = _to(own_path(request.form.get("next", "")))
    put_token(response, token, _settings())
    return response


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
    plain = text.isprintable() and text.isascii() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


def _end_present() -> None:
    caller = gate.caller()
    if caller.session is None:
        return
    with audited(actor_of(caller), now=now()) as note:
        signing_in.end(caller.person, caller.session, now=now())
        person = accounts.person_of_id(caller.person)
        for act in of_account("session.ended", person, gate.catalogue(), details={"sessions": 1}):
            note(act)


def _record_refusal(way: Way, found: Turned) -> None:
    """Tell of it where the account has a role; what was typed as an address of nobody is not repeated: it may be a
    password. Attempts while somebody has to wait are not told of, or anybody could fill the log."""
    if found.wait is not None:
        return
    details = {"way": way.name}
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


def _page(problem: str | None, status: int) -> Response:
    text = render_template(
        "sign_in.html",
        ways=WAYS,
        problem=problem,
        next=own_path(request.values.get("next", "")),
        email=request.form.get("email", "")[:200],
    )
    return Response(text, status=status, mimetype="text/html")


def _settings() -> Settings:
    found: Settings = current_app.extensions["sentinel.settings"]
    return found
