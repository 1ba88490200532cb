"""Bundles, drift and nodes over HTTP: what is compared and checked here, and what is asked of a worker."""

from __future__ import annotations

import json
from datetime import timedelta
from threading import BoundedSemaphore

from flask.testing import FlaskClient

from reconciler.bundle.archive import build_tar, compress
from reconciler.db.audit import AuditRow
from reconciler.db.changes import Change
from reconciler.db.gating import Drift
from reconciler.db.models import Bundle, Node, Work
from reconciler.db.session import reading, writing
from reconciler.settings import Settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.unit.pages.sample_project import NOW, digest
from web.api import asked

BASE = "/api/v1/projects/shop"
SECRET = "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END " + "PRIVATE KEY-----"


def put(settings: Settings, number: int, files: dict[str, bytes]) -> None:
    store = open_store(settings)
    store.put(layout.bundle("acme", "shop", digest(number)), compress(build_tar(files)))


def test_two_bundles_are_compared_file_by_file(client: FlaskClient, settings: Settings) -> None:
    put(settings, 9, {"a.kdl": b"one\ntwo\n", "gone.kdl": b"x\n", "same": b"s", "blob.wasm": b"\0a"})
    put(settings, 10, {"a.kdl": b"one\n2\n", "new.kdl": b"y\n", "same": b"s", "blob.wasm": b"\0b"})
    found = client.get(f"{BASE}/bundles/{digest(9)}/diff/{digest(10)}").json["files"]
    assert {one["path"]: one["state"] for one in found} == {
        "a.kdl": "changed", "blob.wasm": "changed", "gone.kdl": "removed", "new.kdl": "added",
    }  # fmt: skip
    diffs = {one["path"]: one["diff"] for one in found}
    assert "-two\n+2\n" in diffs["a.kdl"]
    assert diffs["blob.wasm"] is None
    assert "+y" in diffs["new.kdl"]
    gone = client.get(f"{BASE}/bundles/{digest(9)}/diff/{digest(12)}")
    assert (gone.status_code, gone.json["code"]) == (409, "E-API-004")


def test_a_bundle_that_nobody_vouches_for_is_not_good(client: FlaskClient, settings: Settings) -> None:
    put(settings, 9, {"manifest.json": b"{}"})
    open_store(settings).put(layout.statement("acme", "shop", digest(9)), b'{"payload": "e30="}')
    found = client.get(f"{BASE}/bundles/{digest(9)}/verification").json
    assert found["good"] is False
    [failed] = [check for check in found["checks"] if check["outcome"] == "failed"]
    assert (failed["code"], failed["name"]) == ("E-VER-002", "Root chain")


def test_a_bundle_is_asked_for_by_commit_or_by_files(client: FlaskClient, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.0)
    found = client.post(f"{BASE}/bundles", json={"commit": "a" * 40, "why": "again"})
    assert (found.status_code, found.json["operation"]) == (202, "bundle.compile")
    assert client.get(found.headers["Location"]).json == found.json
    files = {"a/b.kdl": "upstream", "old.kdl": None}
    found = client.post(f"{BASE}/bundles", json={"files": files})
    assert (found.status_code, found.json["body"]["paths"]) == (202, ["a/b.kdl", "old.kdl"])
    with reading():
        kinds = {row.kind for row in Work.select()}
        contents = [row.content for row in Change.select().order_by(Change.asked_at, Change.operation)]
    assert {"compile", "edit"} <= kinds
    assert contents == ["", json.dumps(files, sort_keys=True)]
    for body, code in (
        ({}, "E-API-001"),
        ({"commit": "a", "files": {"a.kdl": ""}}, "E-API-001"),
        ({"files": {}}, "E-API-005"),
        ({"files": {".sentinel/x.kdl": ""}}, "E-API-005"),
        ({"files": {"a.sh": ""}}, "E-API-005"),
        ({"files": {"a.kdl": 1}}, "E-API-005"),
        ({"files": {"a.kdl": "\ud800"}}, "E-API-005"),
        ({"files": {"a.kdl": SECRET}}, "E-API-020"),
    ):
        refused = client.post(f"{BASE}/bundles", json=body)
        assert (refused.status_code, refused.json["code"]) == (422, code), body


def test_a_bundle_is_forbidden_in_every_environment_once(client: FlaskClient) -> None:
    named = {"Idempotency-Key": "k"}
    path = f"{BASE}/bundles/{digest(9)}/revoke"
    found = client.post(path, json={"why": "it leaks"}, headers=named)
    assert found.status_code == 202
    assert {one["environment"] for one in found.json["items"]} == {"dev", "staging", "production"}
    assert {one["body"]["digest"] for one in found.json["items"]} == {digest(9)}
    assert client.post(path, json={"why": "it leaks"}, headers=named).json == found.json
    assert client.post(path, json={"why": "other"}, headers=named).json["code"] == "E-API-006"
    assert client.post(path, json={}).status_code == 422
    with reading():
        assert Change.select().count() == 3


def test_a_rollout_is_asked_for_with_nodes_and_time(client: FlaskClient, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.0)
    body = {
        "environment": "production", "digest": digest(10), "only": "region=eu", "hotfix": "INC-1",
        "not_before": "2026-11-24T20:00:00+01:00",
    }  # fmt: skip
    found = client.post(f"{BASE}/rollouts", json=body)
    assert (found.status_code, found.json["operation"]) == (202, "promote")
    assert found.json["body"]["not_before"] == "2026-11-24T19:00:00Z"
    assert found.json["body"]["only"]
    for change, code in (
        ({"environment": "nowhere"}, "E-API-005"),
        ({"only": "=="}, "E-API-005"),
        ({"hotfix": "!"}, "E-API-005"),
        ({"not_before": "tomorrow"}, "E-API-005"),
        ({"digest": "sha256:0"}, "E-API-005"),
    ):
        refused = client.post(f"{BASE}/rollouts", json=body | change)
        assert (refused.status_code, refused.json["code"]) == (422, code), change
    assert client.post(f"{BASE}/environments/production/go", json={"step": 0}).status_code == 422


def drift(environment: str, *, over: bool, project: str = "shop") -> int:
    with writing():
        row = Drift.create(
            organization="acme", project=project, environment=environment, desired=digest(9), running=digest(8),
            severity="low", nodes=3, since=NOW - timedelta(minutes=Drift.select().count()), seen_at=NOW,
            resolved_at=NOW if over else None,
        )  # fmt: skip
    return int(row.id)


def test_drift_is_listed_counted_exported_and_looked_at_again(client: FlaskClient) -> None:
    first = drift("production", over=True)
    lasting = drift("production", over=False)
    drift("dev", over=True)
    elsewhere = drift("dev", over=False, project="blog")
    path = f"{BASE}/drift"
    assert [row["environment"] for row in client.get(path).json["items"]][:2] == ["dev", "production"]
    assert [row["id"] for row in client.get(f"{path}?drift=lasting").json["items"]] == [lasting]
    page = client.get(f"{path}?environment=production&limit=1").json
    rest = client.get(f"{path}?environment=production&before={page['next']}").json
    assert [row["id"] for row in rest["items"]][:1] == [first]
    assert client.get(f"{path}?drift=both").status_code == 400
    assert client.get(f"{path}/stats").json["environments"]["production"] == {
        "lasting": 1, "nodes": 3, "resolved": 2,
    }  # fmt: skip
    lines = [json.loads(line) for line in client.get(f"{path}/export").text.splitlines()]
    assert [line["id"] for line in lines][1:3] == [lasting, first]
    assert client.get(f"{path}/{elsewhere}").status_code == 404
    assert client.get(f"{path}/{10**20}").status_code == 404
    assert client.post(f"{path}/{lasting}/resolve").status_code == 202
    with reading():
        assert Work.select().where(Work.kind == "drift", Work.subject == "production").exists()
        [audited] = AuditRow.select()
    assert (audited.action, audited.subject) == ("drift.looked-at", str(lasting))


def test_a_node_is_retired_with_its_audit_row_and_once(client: FlaskClient) -> None:
    with reading():
        node = Node.select().where(Node.project == "shop", Node.retired_at.is_null()).first()
    path = f"{BASE}/nodes/{node.id}"
    assert client.post(f"{path}/revoke-tokens", json={"why": "lost"}).json["ended"] == "node.tokens-revoked"
    found = client.delete(f"{path}?why=it+is+sold")
    assert (found.status_code, found.json["id"]) == (200, node.id)
    assert client.delete(path).status_code == 404
    assert client.get(path).json["retired_at"]
    with reading():
        rows = {row.action: row for row in AuditRow.select()}
        assert Bundle.select().exists()
    assert set(rows) == {"node.retired", "node.tokens-revoked"}
    assert (rows["node.retired"].subject, rows["node.retired"].details["why"]) == (node.id, "it is sold")


def test_what_a_worker_does_not_make_is_bounded(client: FlaskClient, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(asked, "MOST_WAITING", 2)
    path = f"{BASE}/environments/production/pause"
    answers = [client.post(path, json={"reason": "wait"}) for _ in range(3)]
    assert [found.status_code for found in answers] == [202, 202, 429]
    assert (answers[2].json["code"], answers[2].headers["Retry-After"]) == ("E-API-032", "30")


def test_a_thread_that_cannot_wait_says_where_to_ask(client: FlaskClient, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(asked, "_WAITS", BoundedSemaphore(1))
    with asked._WAITS:
        found = client.post(f"{BASE}/environments/production/pause", json={"reason": "wait"})
    assert (found.status_code, found.json["state"]) == (202, "asked")


def test_what_unpacks_bundles_costs_more_than_what_reads_a_row(client: FlaskClient) -> None:
    first = client.get(f"{BASE}/bundles/{digest(9)}").headers["RateLimit-Remaining"]
    later = client.get(f"{BASE}/bundles/{digest(9)}/diff/{digest(10)}").headers["RateLimit-Remaining"]
    assert int(first) - int(later) == 20


def test_what_is_not_done_at_an_address_names_what_is(client: FlaskClient) -> None:
    found = client.patch(f"{BASE}/resources/upstream/orders")
    assert (found.status_code, found.headers["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PUT")


def test_no_text_of_a_body_reaches_the_database_unread(client: FlaskClient) -> None:
    for text in ("\x00", "\ud800", "x" * 501):
        body = {"environment": text, "digest": digest(9)}
        assert client.post(f"{BASE}/rollouts", json=body).status_code == 422
