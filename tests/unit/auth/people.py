"""People of two organizations with every role there is, their sessions and their keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from reconciler.config.installation import read_installation
from reconciler.db import accounts, api_keys, signing_in
from reconciler.db.joining import token_hash
from reconciler.db.people import ApiKey, Person
from reconciler.db.session import writing
from reconciler.settings import Settings
from web.app import create_app
from web.catalogue import CatalogueFile

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
HASHED: list[str] = []

CONFIGURATION = """\
organization "acme" {
    name "Acme"
    keys { bundle "file:k"; pointer "file:k"; commit "file:k"; }
    member "admin@acme.example" "admin"
    member "operator@acme.example" "operator"
    member "reader@acme.example" "reader"
    member "kept-out@acme.example" "operator"
    member "narrowed@acme.example" "admin"
    project "shop" {
        repository "https://git.acme.example/shop.git"
        member "kept-out@acme.example" "none"
        member "narrowed@acme.example" "reader"
        member "guest@acme.example" "operator"
    }
    project "blog" {
        repository "https://git.acme.example/blog.git"
        member "blogger@acme.example" "admin"
    }
}
organization "rival" {
    keys { bundle "file:k"; pointer "file:k"; commit "file:k"; }
    member "admin@rival.example" "admin"
    project "mail" { repository "https://git.rival.example/mail.git"; }
}
"""

ROLE_IN_SHOP: dict[str, str | None] = {
    "root@sentinel.example": "admin",
    "admin@acme.example": "admin",
    "operator@acme.example": "operator",
    "reader@acme.example": "reader",
    "kept-out@acme.example": None,
    "narrowed@acme.example": "reader",
    "guest@acme.example": "operator",
    "blogger@acme.example": None,
    "admin@rival.example": None,
    "nobody@acme.example": None,
}
"""What each may do in the project `shop` of `acme`, as a person would read the configuration above."""


ROLE_IN_ACME = ROLE_IN_SHOP | {
    "kept-out@acme.example": "operator",
    "narrowed@acme.example": "admin",
    "guest@acme.example": None,
}
"""What each may do in `acme` as a whole."""


def write_configuration(settings: Settings) -> Path:
    settings.config_file.parent.mkdir(parents=True, exist_ok=True)
    installation, findings = read_installation(CONFIGURATION.encode(), "control-plane.kdl")
    assert installation is not None, findings
    settings.config_file.write_text(CONFIGURATION)
    return settings.config_file


def make_app(settings: Settings, now: Callable[[], datetime] = lambda: NOW, **more: Any) -> Flask:
    """The application over `CONFIGURATION`, with an account for everybody in `ROLE_IN_SHOP`."""
    app = create_app(settings, catalogue=CatalogueFile(write_configuration(settings)), now=now, **more)
    for email in ROLE_IN_SHOP:
        add_person(email)
    return app


def add_person(email: str) -> Person:
    """An account with `PASSWORD`. All share one hash: hashing is slow on purpose."""
    everywhere = "admin" if email.startswith("root@") else ""
    person = accounts.create_person(email, email.split("@")[0], None, now=NOW, everywhere=everywhere)
    if not HASHED:
        HASHED.append(accounts._hash(PASSWORD))
    with writing():
        Person.update(password_hash=HASHED[0]).where(Person.id == person.id).execute()
    return accounts.person_of(email)


def signed_in(app: Flask, email: str) -> FlaskClient:
    """A client with a session of that person."""
    token = signing_in.begin(
        accounts.person_of(email), way="password", address="127.0.0.1", agent="test", now=NOW
    )
    client = app.test_client()
    client.set_cookie("sentinel-session", token, domain="localhost")
    return client


def form_token(client: FlaskClient) -> str:
    """The token of a form that the client was shown."""
    page = client.get("/sign-in").text
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def key_of(email: str, *scopes: str, organization: str = "acme", project: str = "", days: int = 30) -> str:
    """A key of a person; days below zero make one that has expired, and no scopes one that has none."""
    token = api_keys.PREFIX + token_hash(f"{email} {scopes} {organization} {project} {days}")[:43]
    with writing():
        ApiKey.create(
            id=f"key_{token[4:20]}",
            organization=organization,
            project=project,
            person=accounts.person_of(email).id,
            name="test",
            token_sha256=token_hash(token),
            hint=token[:10],
            scopes=list(scopes),
            created_at=NOW,
            expires_at=NOW + timedelta(days=days),
        )
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
