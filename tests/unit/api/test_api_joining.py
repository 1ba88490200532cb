"""Pins and join tokens over HTTP: what is asked for, what is told once, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from reconciler.clock import iso_milliseconds
from reconciler.db import accounts, api_keys, joining
from reconciler.db.audit import AuditRow
from reconciler.db.models import Environment, JoinToken
from reconciler.db.once import ToldOnce
from reconciler.db.session import reading, writing
from tests.unit.pages.sample_project import NOW, digest
from web.api import asked

BASE = "/api/v1/projects/shop"
PINS = f"{BASE}/environments/production/pins"
PIN = {"digest": digest(9), "reason": "it leaks", "nodes": "region=eu"}


def test_a_join_token_is_told_once_and_lets_a_machine_in(client: FlaskClient) -> None:
    made = client.post(
        f"{BASE}/join-tokens",
        json={"environment": "dev", "uses": 2, "note": "rack 4", "labels": {"region": "eu"}},
    )
    assert made.status_code == 201
    told = made.json
    token = told.pop("token")
    assert told["expires_at"] == iso_milliseconds(NOW + timedelta(hours=24))
    assert client.get(made.headers["Location"]).json == told
    listed = client.get(f"{BASE}/join-tokens")
    assert listed.json["items"][-1] == told
    assert token not in listed.text
    with writing():
        used = joining.use_join_token("shop", token, now=NOW)
    assert used is not None
    assert (used.environment, used.labels) == ("dev", {"region": "eu"})
    assert client.get(made.headers["Location"]).json["uses_left"] == 1
    for _ in range(2):
        revoked = client.post(f"{made.headers['Location']}/revoke")
        assert (revoked.status_code, revoked.json["state"]) == (200, "revoked")
    with writing():
        assert joining.use_join_token("shop", token, now=NOW) is None
    with reading():
        rows = list(AuditRow.select().where(AuditRow.action.startswith("join_token.")).order_by(AuditRow.id))
    assert [row.action for row in rows] == ["join_token.created", "join_token.revoked", "join_token.revoked"]
    assert token not in str([row.details for row in rows])


def test_a_join_token_that_is_asked_for_again_by_name_is_made_once(client: FlaskClient) -> None:
    wanted, name = {"environment": "dev", "note": "rack 5"}, {"Idempotency-Key": "rack-5"}
    before = len(client.get(f"{BASE}/join-tokens").json["items"])
    made = client.post(f"{BASE}/join-tokens", json=wanted, headers=name)
    assert made.status_code == 201
    again = client.post(f"{BASE}/join-tokens", json=wanted, headers=name)
    assert (again.status_code, again.json["code"]) == (409, "E-API-033")
    assert again.headers["Location"] == again.json["made"] == made.headers["Location"]
    assert made.json["token"] not in again.text
    other = client.post(f"{BASE}/join-tokens", json=wanted | {"note": "rack 6"}, headers=name)
    assert (other.status_code, other.json["code"]) == (422, "E-API-006")
    unnamed = client.post(f"{BASE}/join-tokens", json=wanted, headers={"Idempotency-Key": ""})
    assert (unnamed.status_code, unnamed.json["code"]) == (422, "E-API-005")
    assert len(client.get(f"{BASE}/join-tokens").json["items"]) == before + 1
    with reading():
        assert AuditRow.select().where(AuditRow.action == "join_token.created").count() == 1
        assert made.json["token"] not in str(list(ToldOnce.select().dicts()))


def test_join_tokens_are_paged_and_stay_in_their_project(client: FlaskClient) -> None:
    with writing():
        elsewhere = JoinToken.create(
            organization="acme", project="blog", environment="dev", token_sha256="e" * 64, created_at=NOW
        )
    ids = [
        client.post(f"{BASE}/join-tokens", json={"environment": "dev", "expires_at": "never"}).json["id"]
        for _ in range(3)
    ]
    found, after = list[int](), ""
    while after is not None:
        page = client.get(f"{BASE}/join-tokens?limit=2{after}").json
        found += [item["id"] for item in page["items"]]
        after = None if page["next"] is None else f"&after={page['next']}"
    assert [one for one in found if one in ids] == ids
    assert len(found) == len(set(found))
    for number in (elsewhere.id, 10**20):
        assert client.get(f"{BASE}/join-tokens/{number}").status_code == 404
        assert client.post(f"{BASE}/join-tokens/{number}/revoke").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "E-API-001"),
        ({"environment": "nowhere"}, "E-API-005"),
        ({"environment": "dev", "uses": 0}, "E-API-005"),
        ({"environment": "dev", "expires_at": "2020-01-01T00:00:00Z"}, "E-API-005"),
        ({"environment": "dev", "expires_at": "soon"}, "E-API-001"),
        ({"environment": "dev", "labels": {"Region!": "eu"}}, "E-API-005"),
        ({"environment": "dev", "labels": {"region": 1}}, "E-API-001"),
        ({"environment": "dev", "note": "two\nlines"}, "E-API-005"),
    ],
)
def test_a_join_token_that_cannot_be_made(client: FlaskClient, body: dict[str, Any], code: str) -> None:
    refused = client.post(f"{BASE}/join-tokens", json=body)
    assert (refused.status_code, refused.json["code"]) == (422, code)
    with reading():
        assert not AuditRow.select().where(AuditRow.action == "join_token.created").exists()


def test_a_pin_is_asked_for_and_told_to_who_may_read_nodes(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.0)
    person = accounts.create_person("pins@acme.example", "Pins", None, now=NOW, everywhere="operator")
    _, token = api_keys.make(
        person, organization="acme", project="shop", name="pins", scopes=("nodes:write",),
        expires_at=NOW + timedelta(days=1), now=NOW,
    )  # fmt: skip
    alone = {"Authorization": f"Bearer {token}"}
    body = {**PIN, "until": "2026-12-01T01:00:00+01:00"}
    found = client.put(f"{PINS}/canary", json=body, headers=alone)
    assert (found.status_code, found.json["operation"]) == (202, "pin")
    assert found.json["body"] == {
        "pin": "canary", "digest": digest(9), "reason": "it leaks", "nodes": "region=eu",
        "until": "2026-12-01T00:00:00Z",
    }  # fmt: skip
    assert "/pin-changes/" in found.headers["Location"]
    assert client.get(found.headers["Location"], headers=alone).json == found.json
    by_id = client.put(f"{PINS}/canary", json={"digest": digest(9), "reason": "x", "node": ["n-2", "n-1"]})
    assert by_id.json["body"]["node"] == ["n-1", "n-2"]
    removed = client.delete(f"{PINS}/canary", headers=alone)
    assert (removed.status_code, removed.json["operation"]) == (202, "unpin")
    assert client.put(f"{BASE}/environments/nowhere/pins/canary", json=PIN).status_code == 404


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("Canary", {}, "E-API-005"),
        ("canary", {"digest": digest(9)[:20]}, "E-API-005"),
        ("canary", {"node": ["n-1"]}, "E-API-005"),
        ("canary", {"nodes": "=="}, "E-NOD-100"),
        ("canary", {"reason": ""}, "E-API-005"),
    ],
)
def test_a_pin_that_cannot_be_used(client: FlaskClient, name: str, change: dict[str, Any], code: str) -> None:
    refused = client.put(f"{PINS}/{name}", json={**PIN, **change})
    assert (refused.status_code, refused.json["code"]) == (422, code)


def test_pins_are_listed_as_the_environment_shows_them(client: FlaskClient) -> None:
    told = {
        "name": "canary", "digest": digest(2), "nodes": "region=eu", "owner": "Ada", "reason": "it leaks",
        "until": None, "stands": True,
    }  # fmt: skip
    assert client.get(PINS).json == {"items": [], "next": None}
    with writing():
        row = Environment.get(Environment.name == "production")
        row.view = {**row.view, "pins": [told]}
        row.save()
    assert client.get(PINS).json["items"] == [told]
