"""Resources over HTTP: what is read, what is asked of a worker, and what is refused before a worker hears of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from reconciler.config.edits import blob_id
from reconciler.config.kinds import KINDS
from reconciler.db import accounts, api_keys, asking, resources
from reconciler.db.audit import AuditRow
from reconciler.db.changes import Change
from reconciler.db.models import Work
from reconciler.db.resources import Found
from reconciler.db.session import reading, writing
from tests.unit.pages.sample_project import NOW
from web.api import asked
from web.api.asked import RULING
from web.api.resources import OTHERS

BASE = "/api/v1/projects/shop"
FORM = {"target": [{"address": "10.0.0.1:80"}]}
WORDS = 'upstream "orders" {\n    target "10.0.0.1:80"\n}'
PEM = "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END " + "PRIVATE KEY-----"


def keep(*names: str, project: str = "shop") -> None:
    found = [
        Found("upstream", name, "upstreams.kdl", "b" * 40, blob_id(WORDS.encode()), {"name": name}, WORDS)
        for name in names
    ]
    with writing():
        resources.keep("acme", project, "c" * 40, found)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says how a worker ends each change."""

    def end(**values: Any) -> None:
        def at_once(row: Change) -> Change:
            asking.finish(row, now=NOW, **values)
            return asking.one(str(row.organization), str(row.project), str(row.id)) or row

        monkeypatch.setattr(asked, "_waited_for", at_once)

    end(state="committed", commit="d" * 40, message="done", result={"etag": "e" * 40, "path": "x.kdl"})
    return end


def only() -> Change:
    with reading():
        [row] = Change.select()
    found: Change = row
    return found


def test_lists_are_paged_by_name_and_stay_in_their_project(client: FlaskClient) -> None:
    keep("a", "b_c", "bxc", "d")
    keep("elsewhere", project="blog")
    first = client.get(f"{BASE}/resources/upstream?limit=3").json
    assert [item["name"] for item in first["items"]] == ["a", "b_c", "bxc"]
    assert set(first["items"][0]) == {"kind", "name", "path", "blob", "etag", "commit"}
    rest = client.get(f"{BASE}/resources/upstream?limit=3&after={first['next']}").json
    assert ([item["name"] for item in rest["items"]], rest["next"]) == (["d"], None)
    # What a pattern means to the database is a character here.
    assert [item["name"] for item in client.get(f"{BASE}/resources/upstream?q=b_").json["items"]] == ["b_c"]
    assert client.get(f"{BASE}/resources/listener").json == {"items": [], "next": None}
    assert client.get(f"{BASE}/resources/upstream/elsewhere").status_code == 404
    found = client.get(f"{BASE}/resources/upstream/a")
    assert found.headers["ETag"] == f'"{blob_id(WORDS.encode())}"'
    assert (found.json["kdl"], found.json["form"]) == (WORDS, {"name": "a"})
    again = client.get(f"{BASE}/resources/upstream/a", headers={"If-None-Match": found.headers["ETag"]})
    assert again.status_code == 304


def test_every_kind_has_its_place_and_says_its_form(client: FlaskClient) -> None:
    kinds = {kind["name"]: kind["below"] for kind in client.get("/api/v1/kinds").json["items"]}
    assert kinds == dict.fromkeys(OTHERS, "resources") | dict.fromkeys(RULING, "policies")
    assert set(kinds) == set(KINDS)
    for kind, below in kinds.items():
        assert client.get(f"{BASE}/{below}/{kind}").status_code == 200
        other = "policies" if below == "resources" else "resources"
        assert client.get(f"{BASE}/{other}/{kind}").status_code == 404
    found = client.get("/api/v1/kinds/upstream").json
    assert found["schema"]["properties"]["kind"] == {"const": "upstream"}
    assert client.get("/api/v1/kinds/nonsense").status_code == 404


def test_a_write_is_asked_of_a_worker_and_its_content_is_not_kept(
    client: FlaskClient, ends: Callable[..., None]
) -> None:
    found = client.put(
        f"{BASE}/resources/upstream/orders?why=more&allow_deletions=2&path=a/b.kdl",
        json=FORM,
        headers={"If-Match": f'"{"a" * 40}"', "Idempotency-Key": "k"},
    )
    assert (found.status_code, found.json["commit"]) == (201, "d" * 40)
    assert found.headers["ETag"] == f'"{"e" * 40}"'
    assert client.get(found.headers["Location"]).json == found.json
    row = only()
    assert (row.operation, row.environment, row.content) == ("resource.put", "", "")
    sha = row.body.pop("sha256")
    assert len(sha) == 64
    assert row.body == {
        "kind": "upstream", "name": "orders", "why": "more", "allow_deletions": 2, "path": "a/b.kdl", "match": "a" * 40,
    }  # fmt: skip
    with reading():
        [work] = Work.select().where(Work.kind == "edit")
        [audited] = AuditRow.select().where(AuditRow.action == "change.asked")
    assert work.subject == row.id
    assert audited.details["name"] == "orders"
    assert "10.0.0.1" not in json.dumps(audited.details)
    # The same name with other words is another request.
    other = client.put(
        f"{BASE}/resources/upstream/orders", json={"target": []}, headers={"Idempotency-Key": "k"}
    )
    assert (other.status_code, other.json["code"]) == (422, "E-API-006")


def test_what_became_of_a_policy_is_told_to_who_may_read_policies(
    client: FlaskClient, ends: Callable[..., None]
) -> None:
    person = accounts.create_person("key@acme.example", "Key", None, now=NOW, everywhere="admin")

    def holder(scope: str) -> dict[str, str]:
        _, token = api_keys.make(
            person, organization="acme", project="shop", name=scope, scopes=(scope,),
            expires_at=NOW + timedelta(days=1), now=NOW,
        )  # fmt: skip
        return {"Authorization": f"Bearer {token}"}

    made = client.delete(f"{BASE}/policies/team/web", headers=holder("policies:write"))
    place = made.headers["Location"]
    assert (made.status_code, client.get(place, headers=holder("policies:write")).json) == (201, made.json)
    assert client.get(place, headers=holder("services:write")).status_code == 403
    assert client.get(place.replace("policy-edits", "edits")).status_code == 404


def test_a_name_comes_with_the_body_and_a_first_writing_can_be_demanded(
    client: FlaskClient, ends: Callable[..., None]
) -> None:
    assert client.post(f"{BASE}/resources/upstream", json={"name": "mail", **FORM}).status_code == 201
    only().delete_instance()
    first = {"If-None-Match": "*"}
    assert (
        client.put(f"{BASE}/resources/upstream/mail?propose=1", json=FORM, headers=first).status_code == 201
    )
    row = only()
    assert (row.operation, row.body["propose"]) == ("resource.create", True)


def test_what_a_worker_refuses(client: FlaskClient, ends: Callable[..., None]) -> None:
    theirs = {"text": WORDS}
    statuses = {"E-API-020": 422, "E-API-021": 412, "E-API-022": 409, "E-API-023": 409, "E-API-024": 404}
    for code, status in statuses.items():
        ends(state="refused", code=code, message="no", result={"theirs": theirs})
        found = client.delete(f"{BASE}/resources/upstream/orders")
        assert (found.status_code, found.json["code"], found.json["theirs"]) == (status, code, theirs)
        assert found.mimetype == "application/problem+json"


UNUSABLE: list[tuple[str, str, dict[str, str], str]] = [
    ("upstream/orders", "[]", {}, "E-API-001"),
    ("upstream/orders", '{"a": 1, "a": 2}', {}, "E-API-001"),
    ("upstream/orders", '{"a": NaN}', {}, "E-API-001"),
    ("upstream/orders", "[" * 100_000, {}, "E-API-001"),
    ("upstream/orders", '{"a":' * 400 + "1" + "}" * 400, {}, "E-API-001"),
    ("upstream/orders", '{"a":' + "[" * 70 + "]" * 70 + "}", {}, "E-API-001"),
    ("upstream/Not A Name", "{}", {}, "E-API-005"),
    ("upstream/orders?path=../x.kdl", "{}", {}, "E-API-005"),
    ("upstream/orders?path=.git/x.kdl", "{}", {}, "E-API-005"),
    ("upstream/orders?propose=2", "{}", {}, "E-API-005"),
    ("upstream/orders?why=a%0ATrailer: x", "{}", {}, "E-API-005"),
    ("upstream/orders", "{}", {"If-Match": 'W/"x"'}, "E-API-005"),
    ("upstream/orders", json.dumps({"kdl": PEM}), {}, "E-API-020"),
    ("upstream/orders", json.dumps({"target": [{PEM: 1}]}), {}, "E-API-020"),
]


def test_what_is_refused_at_once_and_kept_nowhere(client: FlaskClient) -> None:
    for path, body, headers, code in UNUSABLE:
        found = client.put(
            f"{BASE}/resources/{path}", data=body, headers=headers, content_type="application/json"
        )
        assert (found.status_code, found.json["code"]) == (422, code), path
        assert "MC4CAQ" not in found.text
    with reading():
        assert Change.select().count() == 0
        assert AuditRow.select().count() == 0
