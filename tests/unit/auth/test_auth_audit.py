"""What people do over the web is in the audit log: with the change or not at all, and never with a secret."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from reconciler.db import signing_in
from reconciler.db.audit import AuditRow
from reconciler.db.people import SignIn
from reconciler.db.session import reading
from tests.unit.auth.people import NOW, PASSWORD, bearer, form_token, key_of, signed_in
from tests.unit.auth.test_auth_sign_in import sign_in


def rows(**chosen: str) -> list[AuditRow]:
    with reading():
        return [
            r
            for r in AuditRow.select().order_by(AuditRow.id)
            if all(getattr(r, k) == v for k, v in chosen.items())
        ]


def test_a_session_is_told_of_where_the_person_has_a_role(app: Flask) -> None:
    client = app.test_client()
    sign_in(client, "reader@acme.example", PASSWORD, headers={"User-Agent": "Firefox"})
    [began] = rows()
    assert (began.organization, began.project) == ("acme", "")
    assert (began.actor_kind, began.actor, began.address) == ("person", "reader@acme.example", "127.0.0.1")
    assert (began.action, began.outcome, began.subject) == ("session.started", "done", "reader@acme.example")
    assert began.details == {"way": "password", "agent": "Firefox"}
    assert (began.at, began.number) == (NOW, None)
    client.post("/sign-out", data={"csrf_token": form_token(client)})
    assert [row.action for row in rows()] == ["session.started", "session.ended"]
    sign_in(app.test_client(), "root@sentinel.example", PASSWORD)
    assert {r.organization for r in rows(actor="root@sentinel.example")} == {"acme", "rival"}
    sign_in(app.test_client(), "nobody@acme.example", PASSWORD)
    assert {r.organization for r in rows(actor="nobody@acme.example")} == {""}


def test_refusals_are_told_of_and_what_was_typed_is_not(app: Flask) -> None:
    client = app.test_client()
    for _ in range(7):
        sign_in(client, "reader@acme.example", "a wrong password")
    sign_in(client, "my-secret-passphrase", "a wrong password")
    refused = rows(action="session.refused", organization="acme")
    # The seventh had to wait and was not looked at.
    assert [row.details for row in refused] == [{"way": "password"}] * 6
    assert {(row.outcome, row.actor_kind, row.actor) for row in refused} == {
        ("refused", "nobody", "reader@acme.example")
    }
    [unknown] = rows(organization="")
    assert unknown.actor == "an unknown address"
    with reading():
        everything = str(list(AuditRow.select().dicts()))
    assert "wrong password" not in everything
    assert "my-secret" not in everything


def test_keys_are_told_of_by_their_names_alone(app: Flask) -> None:
    admin = bearer(key_of("admin@acme.example", "api_keys:admin", "nodes:read"))
    body = {
        "name": "CI", "organization": "acme", "project": "shop", "scopes": ["nodes:read"],
        "expires_at": "2026-12-24T00:00:00Z",
    }  # fmt: skip
    made = app.test_client().post("/api/v1/api-keys", json=body, headers=admin).json
    path = f"/api/v1/api-keys/{made['id']}/revoke"
    for _ in range(2):
        app.test_client().post(path, headers=admin)
    created, revoked = rows()
    assert (created.action, revoked.action) == ("api_key.created", "api_key.revoked")
    assert (created.organization, created.project, created.subject) == ("acme", "shop", made["id"])
    assert created.actor.startswith("admin@acme.example by key_")
    assert created.details["scopes"] == ["nodes:read"]
    with reading():
        assert made["key"] not in str(list(AuditRow.select().dicts()))


def test_changing_the_account_is_told_of(app: Flask) -> None:
    client = signed_in(app, "reader@acme.example")
    token = {"csrf_token": form_token(client)}
    client.post("/account/password", data=token | {"old": PASSWORD, "new": "short"})
    assert rows() == []
    client.post("/account/password", data=token | {"old": PASSWORD, "new": "another long password"})
    client.post("/account/sessions/end-others", data=token)
    client.post("/account/sessions/999/end", data=token)
    assert [row.action for row in rows()] == ["person.password-changed", "session.ended"]


@pytest.mark.parametrize("broken", ["record", "change"])
def test_a_change_and_its_row_are_both_there_or_neither(
    app: Flask, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    from reconciler.db import audit

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power failed")

    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = True
    client = app.test_client()
    token = form_token(client)
    if broken == "record":
        monkeypatch.setattr(audit, "record", fail)
    else:
        monkeypatch.setattr(signing_in.Person, "update", fail)
    fields = {"csrf_token": token, "email": "reader@acme.example", "password": PASSWORD}
    with pytest.raises(RuntimeError, match="power"):
        client.post("/sign-in", data=fields)
    with reading():
        assert SignIn.select().count() == 0
    assert rows() == []


def test_trying_what_one_may_not_is_told_of_and_looking_is_not(app: Flask) -> None:
    client = signed_in(app, "reader@acme.example")
    assert client.get("/o/acme/p/shop/audit").status_code == 403
    assert client.get("/o/rival/p/mail/").status_code == 404
    assert rows() == []
    weak = bearer(key_of("admin@acme.example", "rollouts:read"))
    path = "/api/v1/projects/shop/environments/dev/pause"
    for _ in range(25):
        assert app.test_client().post(path, json={"reason": "x"}, headers=weak).status_code == 403
    assert app.test_client().post(path.replace("shop", "mail"), json={}, headers=weak).status_code == 404
    told = rows()
    # The minute slides by weight, so a few more may be told when it turns.
    assert 20 <= len(told) < 25
    assert (told[0].action, told[0].outcome, told[0].project) == ("request.refused", "refused", "shop")
    assert told[0].details == {"action": "rollouts:write", "method": "POST", "path": path}


def test_rows_are_searched_filtered_and_paged(app: Flask) -> None:
    for email in ("operator@acme.example", "admin@acme.example"):
        for _ in range(3):
            sign_in(app.test_client(), email, PASSWORD)
    key_of("reader@acme.example", "nodes:read")
    client = signed_in(app, "operator@acme.example")
    everything = client.get("/api/v1/organizations/acme/audit").json
    assert (len(everything["items"]), everything["next"]) == (6, None)
    mine = client.get("/api/v1/organizations/acme/audit?actor=operator").json["items"]
    assert {item["actor"]["name"] for item in mine} == {"operator@acme.example"}
    seen: list[int] = []
    before = ""
    while before is not None:
        page = client.get(f"/api/v1/organizations/acme/audit?limit=4&before={before}").json
        seen += [item["id"] for item in page["items"]]
        before = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 6
    for query, count in (
        ("action=session", 6),
        ("action=session.e", 0),
        ("outcome=refused", 0),
        ("since=2026-11-24", 6),
        ("since=2026-11-25", 0),
        ("until=2026-11-24T22:00:00Z", 0),
        ("project=shop", 0),
        ("subject=admin@acme.example", 3),
    ):
        assert len(client.get(f"/api/v1/organizations/acme/audit?{query}").json["items"]) == count, query
    assert client.get("/api/v1/projects/shop/audit").json["items"] == []
    for query in ("since=yesterday", "before=x", "limit=0", f"actor={'x' * 161}", "actor=%00"):
        answer = client.get(f"/api/v1/organizations/acme/audit?{query}")
        assert (query, answer.status_code) == (query, 400)
    page = client.get("/o/acme/audit?actor=<b>")
    assert page.status_code == 200
    assert 'value="&lt;b&gt;"' in page.text
    assert "No row fits." in page.text
    assert client.get("/o/acme/audit").text.count("session.started") == 6
    assert client.get("/o/nope/audit").data == client.get("/o/rival/audit").data
    assert ">Audit</a>" in client.get("/").text
    assert ">Audit</a>" not in signed_in(app, "reader@acme.example").get("/").text
