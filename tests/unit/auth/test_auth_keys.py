"""API keys: made by who may, never for more than that, shown once, and gone when revoked."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from reconciler.db.people import ApiKey
from reconciler.db.session import reading
from reconciler.settings import Settings
from tests.unit.auth.people import NOW, bearer, form_token, key_of, signed_in

BODY: dict[str, Any] = {
    "name": "CI",
    "organization": "acme",
    "project": "shop",
    "scopes": ["bundles:read"],
    "expires_at": "2026-12-24T00:00:00Z",
}
COMMITS = "/api/v1/projects/shop/commits"


def test_a_key_is_made_used_and_revoked(app: Flask, settings: Settings) -> None:
    client, admin = app.test_client(), bearer(key_of("admin@acme.example", "api_keys:admin", "bundles:read"))
    made = client.post("/api/v1/api-keys", json=BODY, headers=admin)
    assert made.status_code == 201
    token, identifier = made.json["key"], made.json["id"]
    assert made.headers["Location"] == f"/api/v1/api-keys/{identifier}"
    assert token.startswith("sck_")
    assert made.json["hint"] == token[:10]
    assert client.get(COMMITS, headers=bearer(token)).status_code == 200
    shown = client.get(f"/api/v1/api-keys/{identifier}", headers=admin).json
    assert "key" not in shown
    assert (shown["used_at"], shown["used_from"]) == ("2026-11-24T22:00:00.000Z", "127.0.0.1")
    assert shown["person"] == "admin@acme.example"
    content = b"".join(path.read_bytes() for path in settings.home.glob("control-plane.db*"))
    assert token.encode() not in content
    for _ in range(2):
        revoked = client.post(f"/api/v1/api-keys/{identifier}/revoke", headers=admin)
        assert revoked.json["revoked_at"] == "2026-11-24T22:00:00.000Z"
    answer = client.get(COMMITS, headers=bearer(token))
    assert answer.status_code == 401
    assert answer.json["code"] == "E-AUT-002"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scopes": []}, "E-AUT-031"),
        ({"scopes": ["nodes:*"]}, "E-AUT-031"),
        ({"scopes": ["bundles:read", 7]}, "E-API-001"),
        ({"scopes": "bundles:read"}, "E-API-001"),
        ({"expires_at": "never"}, "E-API-001"),
        ({"expires_at": "2026-12-24"}, "E-API-001"),
        ({"expires_at": "2026-11-24T21:59:59Z"}, "E-AUT-030"),
        ({"expires_at": "2036-12-24T00:00:00Z"}, "E-AUT-033"),
        ({"name": ""}, "E-AUT-030"),
        ({"organization": "rival", "project": ""}, "E-AUT-032"),
        ({"organization": "rival", "project": "mail"}, "E-AUT-032"),
        ({"organization": "rival"}, "E-AUT-032"),
        ({"project": "nope"}, "E-AUT-032"),
        ({"scopes": ["bundles:write"]}, "E-AUT-033"),
        ({"expires_at": "2026-12-25T00:00:01Z"}, "E-AUT-033"),
        ({"role": "admin"}, "E-API-001"),
        ({"name": None}, "E-API-001"),
    ],
)
def test_what_may_not_be_had(app: Flask, change: dict[str, Any], code: str) -> None:
    maker = bearer(key_of("admin@acme.example", "api_keys:admin", "bundles:read"))
    answer = app.test_client().post("/api/v1/api-keys", json=BODY | change, headers=maker)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    with reading():
        assert ApiKey.select().count() == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 100_000])
def test_a_body_that_is_no_object(app: Flask, body: bytes) -> None:
    maker = bearer(key_of("admin@acme.example", "api_keys:admin"))
    answer = app.test_client().post(
        "/api/v1/api-keys", data=body, headers=maker, content_type="application/json"
    )
    assert (answer.status_code, answer.json["code"]) == (422, "E-API-001")


def test_a_session_asks_for_any_scope_and_a_key_still_does_no_more_than_its_person(app: Flask) -> None:
    client = signed_in(app, "reader@acme.example")
    token = {"X-CSRFToken": form_token(client)}
    wanted = BODY | {"scopes": ["api_keys:admin", "bundles:write"], "expires_at": "2027-11-24T00:00:00Z"}
    made = client.post("/api/v1/api-keys", json=wanted, headers=token)
    assert made.status_code == 201
    none = client.post("/api/v1/api-keys", json=BODY | {"scopes": []}, headers=token)
    assert (none.status_code, none.json["code"]) == (422, "E-AUT-031")
    far = client.post("/api/v1/api-keys", json=BODY | {"expires_at": "2036-01-01T00:00:00Z"}, headers=token)
    assert (far.status_code, far.json["code"]) == (422, "E-AUT-030")


def test_a_key_that_is_asked_for_again_by_name_is_made_once(app: Flask) -> None:
    maker = bearer(key_of("admin@acme.example", "api_keys:admin")) | {"Idempotency-Key": "for-ci"}
    with reading():
        before = ApiKey.select().count()
    wanted = BODY | {"scopes": ["api_keys:admin"]}
    made = app.test_client().post("/api/v1/api-keys", json=wanted, headers=maker)
    assert made.status_code == 201
    again = app.test_client().post("/api/v1/api-keys", json=wanted, headers=maker)
    assert (again.status_code, again.json["code"]) == (409, "E-API-033")
    assert again.headers["Location"] == made.headers["Location"]
    assert made.json["key"] not in again.text
    # Where the same person could not make it, nothing is said of what was made.
    bound = bearer(key_of("admin@acme.example", "api_keys:admin", project="blog"))
    hidden = app.test_client().post(
        "/api/v1/api-keys", json=wanted, headers=bound | {"Idempotency-Key": "for-ci"}
    )
    assert (hidden.status_code, hidden.json["code"]) == (422, "E-AUT-032")
    # Another person's request of that name is another request.
    theirs = bearer(key_of("root@sentinel.example", "api_keys:admin")) | {"Idempotency-Key": "for-ci"}
    assert app.test_client().post("/api/v1/api-keys", json=wanted, headers=theirs).status_code == 201
    with reading():
        assert ApiKey.select().count() == before + 4


def test_who_sees_which_key(app: Flask) -> None:
    owners = {
        "admin@acme.example": ("acme", ""),
        "reader@acme.example": ("acme", "shop"),
        "blogger@acme.example": ("acme", "blog"),
        "admin@rival.example": ("rival", ""),
    }
    ids = {}
    for email, (organization, project) in owners.items():
        token = key_of(email, "api_keys:admin", organization=organization, project=project)
        ids[email] = f"key_{token[4:20]}"
    seen = {
        "admin@acme.example": {"admin@acme.example", "reader@acme.example", "blogger@acme.example"},
        "reader@acme.example": {"reader@acme.example"},
        "blogger@acme.example": {"blogger@acme.example"},
        "admin@rival.example": {"admin@rival.example"},
        "root@sentinel.example": set(owners),
        "narrowed@acme.example": {"admin@acme.example", "blogger@acme.example"},
    }
    for email, wanted in seen.items():
        client = signed_in(app, email)
        items = client.get("/api/v1/api-keys").json["items"]
        assert {item["person"] for item in items} == wanted, email
        token = {"X-CSRFToken": form_token(client)}
        for owner, identifier in ids.items():
            status = 200 if owner in wanted else 404
            assert client.get(f"/api/v1/api-keys/{identifier}").status_code == status
            if status == 404:
                path = f"/api/v1/api-keys/{identifier}/revoke"
                assert client.post(path, headers=token).status_code == 404
    with reading():
        assert ApiKey.select().where(ApiKey.revoked_at.is_null(False)).count() == 0


def test_a_key_of_a_project_sees_no_key_beyond_it(app: Flask) -> None:
    for project in ("", "blog", "shop"):
        key_of("admin@acme.example", "nodes:read", project=project)
    bound = bearer(key_of("admin@acme.example", "api_keys:admin", project="shop"))
    items = app.test_client().get("/api/v1/api-keys", headers=bound).json["items"]
    assert {item["project"] for item in items} == {"shop"}
    wider = app.test_client().post("/api/v1/api-keys", json=BODY | {"project": ""}, headers=bound)
    assert (wider.status_code, wider.json["code"]) == (422, "E-AUT-032")


def test_the_account_page_makes_and_revokes_keys(app: Flask) -> None:
    client = signed_in(app, "guest@acme.example")
    page = client.get("/account").text
    assert 'value="acme/shop"' in page
    assert 'value="acme/"' not in page
    assert "rival" not in page
    fields = {"csrf_token": form_token(client), "name": "<b>deploy</b>", "place": "acme/shop", "days": "7"}
    made = client.post("/account/keys", data=fields | {"scope": ["nodes:read", "events:read"]})
    token = made.text.split("data-copy>", 1)[1].split("<", 1)[0]
    assert "&lt;b&gt;deploy&lt;/b&gt;" in made.text
    assert app.test_client().get("/api/v1/projects/shop/nodes", headers=bearer(token)).status_code == 200
    assert token not in client.get("/account").text
    assert (
        client.post("/account/keys", data=fields | {"place": "acme/", "scope": "nodes:read"}).status_code
        == 422
    )
    with reading():
        [row] = ApiKey.select()
    assert (row.expires_at - NOW).days == 7
    other = signed_in(app, "root@sentinel.example")
    path = f"/account/keys/{row.id}/revoke"
    assert other.post(path, data={"csrf_token": form_token(other)}).status_code == 404
    assert client.post(path, data={"csrf_token": form_token(client)}).status_code == 200
    assert app.test_client().get("/api/v1/projects/shop/nodes", headers=bearer(token)).status_code == 401


def test_members_are_told_to_admins_of_the_organization_alone(app: Flask) -> None:
    path = "/api/v1/organizations/acme/members"
    items = signed_in(app, "admin@acme.example").get(path).json["items"]
    found = {(item["project"], item["email"]): item["role"] for item in items}
    assert found[None, "operator@acme.example"] == "operator"
    assert found["shop", "kept-out@acme.example"] == "none"
    assert found["blog", "blogger@acme.example"] == "admin"
    assert not any("rival" in email for _, email in found)
    assert {item["disabled"] for item in items} == {False}
    for email, status in (
        ("operator@acme.example", 403),
        ("admin@rival.example", 404),
        ("guest@acme.example", 404),
    ):
        assert signed_in(app, email).get(path).status_code == status
