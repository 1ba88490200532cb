"""One's own account: the sessions that are open, the password, and API keys. The only page that changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from reconciler.db import accounts, api_keys, signing_in
from reconciler.db.audit import audited
from reconciler.errors import Refused
from web.auth import gate, minting
from web.auth.actions import needs
from web.auth.recording import actor_of, of_account
from web.auth.ways import password as password_way
from web.auth.ways.way import Asked, Turned
from web.pages.rendering import now

blueprint = Blueprint("account", __name__, url_prefix="/account")

LIVES = (7, 30, 90, 365)
"""Days that a key may live, as the form offers them."""


@blueprint.get("")
@needs("account")
def index() -> ResponseReturnValue:
    """Sessions, password and keys."""
    return _page()


@blueprint.post("/sessions/<int:number>/end")
@needs("account")
def end(number: int) -> ResponseReturnValue:
    """End one of one's sessions."""
    with _audited("session.ended", {"sessions": 1}):
        if not signing_in.end(gate.caller().person, number, now=now()):
            abort(404)
    return _page(done="The session is ended.")


@blueprint.post("/sessions/end-others")
@needs("account")
def end_others() -> ResponseReturnValue:
    """End all of one's sessions but this."""
    with _audited("session.ended", {"sessions": "all others"}):
        count = signing_in.end(gate.caller().person, None, now=now(), keep=gate.caller().session)
    return _page(done=f"{count} other session{'s' if count != 1 else ''} ended.")


@blueprint.post("/password")
@needs("account")
def password() -> ResponseReturnValue:
    """Change one's password, which ends all other sessions. The old one has to be known, and is throttled as well."""
    caller = gate.caller()
    fields = {"email": caller.email, "password": request.form.get("old", "")}
    found = password_way.recognise(Asked(fields, request.remote_addr or "", now()))
    if isinstance(found, Turned):
        return _page(problem="The present password is another one.", status=422)
    try:
        with _audited("person.password-changed", {}):
            accounts.set_password(found, request.form.get("new", ""), now=now(), keep=caller.session)
    except Refused as refusal:
        return _page(problem=f"{refusal.message}. {refusal.cure}.", status=422)
    return _page(done="The password is changed, and every other session is ended.")


@blueprint.post("/keys")
@needs("account")
def make_key() -> ResponseReturnValue:
    """Make an API key. It is shown this once."""
    organization, _, project = request.form.get("place", "").partition("/")
    days = request.form.get("days", type=int)
    wanted = minting.NewKey(
        request.form.get("name", ""),
        organization,
        project,
        tuple(request.form.getlist("scope")),
        now() + timedelta(days=days if days in LIVES else 30),
    )
    try:
        row, token = minting.mint(gate.caller(), wanted, gate.catalogue(), now=now())
    except Refused as refusal:
        return _page(problem=f"{refusal.message}. {refusal.cure}.", status=422)
    return _page(made=(row, token))


@blueprint.post("/keys/<identifier>/revoke")
@needs("account")
def revoke_key(identifier: str) -> ResponseReturnValue:
    """Revoke one of one's keys."""
    found = minting.seen_key(gate.caller(), identifier, gate.catalogue())
    if found is None or found[1].id != gate.caller().person:
        abort(404)
    minting.revoke(gate.caller(), *found, now=now())
    return _page(done="The key is revoked.")


@contextmanager
def _audited(action: str, details: Mapping[str, Any]) -> Iterator[None]:
    """A transaction around a change of one's own account, with the rows that tell of it."""
    person = accounts.person_of_id(gate.caller().person)
    with audited(actor_of(gate.caller()), now=now()) as note:
        yield
        for act in of_account(action, person, gate.catalogue(), details=details):
            note(act)


def _page(
    *,
    done: str | None = None,
    problem: str | None = None,
    made: tuple[object, str] | None = None,
    status: int = 200,
) -> Response:
    caller = gate.caller()
    text = render_template(
        "account.html",
        person=accounts.person_of_id(caller.person),
        sessions=signing_in.of_person(caller.person, now=now()),
        this=caller.session,
        keys=[row for row, _ in api_keys.listed(person=caller.person)],
        places=minting.places(caller, gate.catalogue()),
        scopes=api_keys.SCOPES,
        lives=LIVES,
        done=done,
        problem=problem,
        made=made,
    )
    return Response(text, status=status, mimetype="text/html")
