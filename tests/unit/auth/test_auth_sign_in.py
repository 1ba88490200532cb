"""Signing in, staying signed in, and being shown the door."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.db import accounts, signing_in
from reconciler.db.people import Person, SignIn, WebSecret
from reconciler.db.session import reading
from reconciler.errors import Refused, Stalled
from reconciler.settings import Settings, read_settings
from tests.unit.auth.people import NOW, PASSWORD, add_person, form_token, make_app, signed_in
from web.app import create_app
from web.pages.routes_session import own_path
from web.serve import gunicorn_arguments

READER = "reader@acme.example"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **spans: float) -> None:
        self.now += timedelta(**spans)


def sign_in(client: FlaskClient, email: str, password: str, **more: Any) -> Any:
    fields = {"csrf_token": form_token(client), "email": email, "password": password}
    return client.post("/sign-in", data=fields | more.pop("fields", {}), **more)


def test_a_person_signs_in_goes_on_and_out(app: Flask) -> None:
    client = app.test_client()
    asked = client.get("/o/acme/p/shop/nodes?q=edge")
    assert asked.status_code == 303
    assert asked.location == "/sign-in?next=%2Fo%2Facme%2Fp%2Fshop%2Fnodes%3Fq%3Dedge"
    form = client.get(asked.location).text
    assert 'name="next" value="/o/acme/p/shop/nodes?q=edge"' in form
    answer = sign_in(client, READER.upper(), PASSWORD, fields={"next": "/o/acme/p/shop/nodes?q=edge"})
    assert (answer.status_code, answer.location) == (303, "/o/acme/p/shop/nodes?q=edge")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/o/acme/p/shop/nodes").status_code == 200
    out = client.post("/sign-out", data={"csrf_token": form_token(client)})
    assert out.location == "/sign-in"
    assert client.get("/o/acme/p/shop/nodes").status_code == 303
    with reading():
        [row] = SignIn.select()
    assert row.ended_at == NOW


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (READER, "wrong password at all"),
        ("stranger@acme.example", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
    ],
)
def test_a_wrong_address_and_a_wrong_password_read_the_same(app: Flask, email: str, password: str) -> None:
    answer = sign_in(app.test_client(), email, password)
    assert answer.status_code == 401
    assert "No account has this address and this password." in answer.text
    assert "Set-Cookie" not in answer.headers or "session" not in answer.headers["Set-Cookie"]


def test_a_disabled_account_does_not_sign_in(app: Flask) -> None:
    accounts.set_disabled(accounts.person_of(READER), True, now=NOW)
    assert sign_in(app.test_client(), READER, PASSWORD).status_code == 401


def test_an_account_without_a_password_does_not_sign_in_with_one(app: Flask) -> None:
    accounts.create_person("sso@acme.example", "Sso", None, now=NOW)
    assert sign_in(app.test_client(), "sso@acme.example", "").status_code == 401


def test_guessing_gets_slower_and_the_right_password_is_not_looked_at_meanwhile(settings: Settings) -> None:
    clock = Clock()
    app = make_app(settings, clock)
    client = app.test_client()
    for _ in range(6):
        assert sign_in(client, READER, "wrong password at all").status_code == 401
    answer = sign_in(client, READER, PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 6
    # The account of somebody else is not kept out with it, and neither is the same one from elsewhere.
    assert sign_in(client, "operator@acme.example", PASSWORD).status_code == 303
    elsewhere = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert sign_in(app.test_client(), READER, PASSWORD, **elsewhere).status_code == 303
    clock.pass_by(seconds=6)
    assert sign_in(app.test_client(), READER, "wrong password at all").status_code == 401
    assert int(sign_in(client, READER, PASSWORD).headers["Retry-After"]) == 11
    clock.pass_by(seconds=11)
    assert sign_in(client, READER, PASSWORD).status_code == 303
    for _ in range(5):
        assert sign_in(client, READER, "wrong password at all").status_code == 401


def test_many_accounts_from_one_address_are_slowed_down_too(app: Flask) -> None:
    client = app.test_client()
    statuses = [
        sign_in(client, f"a{number}@acme.example", "wrong password at all").status_code
        for number in range(33)
    ]
    assert statuses[:31] == [401] * 31
    assert statuses[31:] == [429] * 2


def test_a_session_ends_when_it_is_idle_and_when_it_is_old(settings: Settings) -> None:
    clock = Clock()
    app = make_app(settings, clock)
    idle, busy = signed_in(app, READER), signed_in(app, READER)
    for _ in range(13):
        clock.pass_by(hours=23)
        assert busy.get("/account").status_code == 200
    assert idle.get("/account").status_code == 303
    clock.pass_by(hours=23)
    clock.pass_by(hours=23)
    assert busy.get("/account").status_code == 303


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(app: Flask) -> None:
    mine, other, third = (signed_in(app, READER) for _ in range(3))
    stranger = signed_in(app, "operator@acme.example")
    assert mine.get("/account").text.count("by password, since") == 3
    with reading():
        numbers = [row.id for row in SignIn.select().order_by(SignIn.id)]
    token = {"csrf_token": form_token(stranger)}
    assert stranger.post(f"/account/sessions/{numbers[1]}/end", data=token).status_code == 404
    assert other.get("/account").status_code == 200
    token = {"csrf_token": form_token(mine)}
    assert mine.post(f"/account/sessions/{numbers[1]}/end", data=token).status_code == 200
    assert other.get("/account").status_code == 303
    assert "1 other session ended" in mine.post("/account/sessions/end-others", data=token).text
    assert third.get("/account").status_code == 303
    assert mine.get("/account").status_code == 200
    assert stranger.get("/account").status_code == 200


def test_changing_the_password_takes_the_old_one_and_ends_the_other_sessions(app: Flask) -> None:
    mine, other = signed_in(app, READER), signed_in(app, READER)
    token = {"csrf_token": form_token(mine)}
    new = "another long password"
    assert mine.post("/account/password", data=token | {"old": "wrong", "new": new}).status_code == 422
    short = mine.post("/account/password", data=token | {"old": PASSWORD, "new": "short"})
    assert (short.status_code, "12 to 128" in short.text) == (422, True)
    assert other.get("/account").status_code == 200
    assert mine.post("/account/password", data=token | {"old": PASSWORD, "new": new}).status_code == 200
    assert other.get("/account").status_code == 303
    assert mine.get("/account").status_code == 200
    assert sign_in(app.test_client(), READER, PASSWORD).status_code == 401
    assert sign_in(app.test_client(), READER, new).status_code == 303


def test_no_form_token_no_change(app: Flask) -> None:
    client = signed_in(app, READER)
    for path in ("/sign-out", "/account/sessions/end-others", "/account/password", "/account/keys"):
        for data in ({}, {"csrf_token": "x"}, {"csrf_token": form_token(app.test_client())}):
            answer = client.post(path, data=data)
            assert (path, answer.status_code) == (path, 400)
            assert "E-AUT-004" in answer.text
    body = {
        "name": "k",
        "organization": "acme",
        "scopes": ["nodes:read"],
        "expires_at": "2026-12-01T00:00:00Z",
    }
    assert client.post("/api/v1/api-keys", json=body).status_code == 400
    stranger = app.test_client()
    assert stranger.post("/sign-in", data={"email": READER, "password": PASSWORD}).status_code == 400


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [("cross-site", "navigate", 403), ("same-site", "navigate", 403), ("same-origin", "navigate", 303)],
)
def test_a_form_of_another_site_is_refused(app: Flask, site: str, mode: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert sign_in(app.test_client(), READER, PASSWORD, headers=headers).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/\t/evil",
    ],
)
def test_only_our_own_paths_are_gone_to(path: str) -> None:
    assert own_path(path) == "/"


def test_https_cookies_stay_with_their_host(settings: Settings) -> None:
    app = make_app(replace(settings, pages_public_url="https://control.acme.example"))
    client = app.test_client()
    answer = client.get("/sign-in", base_url="https://control.acme.example")
    token = answer.text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    assert answer.headers["Set-Cookie"].startswith("__Host-sentinel-form=")
    answer = client.post(
        "/sign-in",
        data={"csrf_token": token, "email": READER, "password": PASSWORD},
        base_url="https://control.acme.example",
    )
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sentinel=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("host", "status"),
    [("control.acme.example", 303), ("localhost", 303), ("127.0.0.1:8000", 303), ("evil.example", 421)],
)
def test_only_the_public_name_and_this_machines_are_answered(
    settings: Settings, host: str, status: int
) -> None:
    app = create_app(replace(settings, pages_public_url="https://control.acme.example"), now=lambda: NOW)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answer = app.test_client().get("/", headers={"Host": host}, environ_base=elsewhere)
    assert answer.status_code == status
    assert app.test_client().get("/health", headers={"Host": "10.0.0.7"}).status_code == 200


def test_a_proxy_is_believed_only_where_there_is_one(settings: Settings) -> None:
    for proxies, address in ((0, "192.0.2.7"), (1, "203.0.113.5")):
        app = create_app(replace(settings, pages_proxies=proxies), now=lambda: NOW)
        email = f"p{proxies}@acme.example"
        add_person(email)
        sign_in(
            app.test_client(),
            email,
            PASSWORD,
            environ_base={"REMOTE_ADDR": "192.0.2.7"},
            headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.5"},
        )
        [row] = signing_in.of_person(accounts.person_of(email).id, now=NOW)
        assert row.address == address


def test_processes_share_the_secret_of_forms(app: Flask, settings: Settings) -> None:
    client = app.test_client()
    fields = {"csrf_token": form_token(client), "email": READER, "password": PASSWORD}
    other = create_app(settings, now=lambda: NOW)
    cookie = client.get_cookie("sentinel-form")
    assert cookie is not None
    second = other.test_client()
    second.set_cookie("sentinel-form", cookie.value, domain="localhost")
    assert second.post("/sign-in", data=fields).status_code == 303
    with reading():
        assert WebSecret.select().count() == 1


def test_passwords_and_tokens_are_not_in_the_database(app: Flask, settings: Settings) -> None:
    client = app.test_client()
    answer = sign_in(client, READER, PASSWORD)
    token = answer.headers["Set-Cookie"].split("=", 1)[1].split(";", 1)[0]
    content = b"".join(path.read_bytes() for path in settings.home.glob("control-plane.db*"))
    assert READER.encode() in content
    assert b"$argon2id$" in content
    assert token.encode() not in content
    assert PASSWORD.encode() not in content


def test_accounts_are_one_for_each_address(app: Flask) -> None:
    with pytest.raises(Stalled, match="E-AUT-021"):
        accounts.create_person("Reader@ACME.example", "Again", PASSWORD, now=NOW)
    with pytest.raises(Refused, match="E-AUT-020"):
        accounts.create_person("not an address", "Nobody", PASSWORD, now=NOW)
    with pytest.raises(Refused, match="E-AUT-020"):
        accounts.create_person("new@acme.example", "", PASSWORD, now=NOW)
    for password in ("short", "x" * 129, "eleven char\x00"):
        with pytest.raises(Refused, match="E-AUT-023"):
            accounts.create_person("new@acme.example", "New", password, now=NOW)
    with pytest.raises(Stalled, match="E-AUT-022"):
        accounts.person_of("new@acme.example")


def test_a_hash_of_older_parameters_is_made_anew(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    before = accounts.person_of(READER).password_hash
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=2, memory_cost=2048))
    assert accounts.recognise(READER, PASSWORD) is not None
    with reading():
        after = Person.get(Person.email == READER).password_hash
    assert before != after
    assert "m=2048,t=2" in str(after)
    assert accounts.recognise(READER, PASSWORD) is not None


def test_passwords_do_not_travel_in_the_clear() -> None:
    found = read_settings({"PAGES_PUBLIC_URL": "http://control.acme.example"})
    with pytest.raises(Stalled, match="E-WEB-013"):
        gunicorn_arguments("0.0.0.0:8000", found, workers=1, threads=4)
    secure = read_settings({"PAGES_PUBLIC_URL": "https://control.acme.example"})
    assert "0.0.0.0:8000" in gunicorn_arguments("0.0.0.0:8000", secure, workers=1, threads=4)
