"""Operations over HTTP: what is asked for, what is answered, and what is refused before a worker hears of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from reconciler.db import asking, session
from reconciler.db.audit import AuditRow
from reconciler.db.changes import Change
from reconciler.db.models import Environment, Work
from reconciler.db.session import reading, writing
from tests.unit.pages.sample_project import NOW, digest
from web.api import asked

BASE = "/api/v1/projects/shop/environments/production"


@pytest.fixture
def worker(client: FlaskClient) -> Iterator[list[dict[str, Any]]]:
    """Ends each change as the first element of the list says, as a worker does in its own time."""
    ends: list[dict[str, Any]] = [{"state": "committed", "commit": "c" * 40, "message": "done"}]
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            with reading():
                asked = list(Change.select().where(Change.state == "asked"))
            for row in asked:
                asking.finish(row, now=NOW, **ends[0])
        session.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield ends
    stop.set()
    thread.join()


def test_the_answer_has_the_commit(client: FlaskClient, worker: list[dict[str, Any]]) -> None:
    found = client.post(f"{BASE}/pause", json={"reason": "the database moves"})
    assert found.status_code == 201
    change = found.json
    assert (change["state"], change["commit"]) == ("committed", "c" * 40)
    assert change["author"] == "Root <root@acme.example>"
    assert found.headers["Location"] == f"/api/v1/projects/shop/changes/{change['id']}"
    assert client.get(found.headers["Location"]).json == change
    with reading():
        [work] = Work.select().where(Work.kind == "change")
        [audited] = AuditRow.select()
    assert (work.subject, audited.subject) == (change["id"], change["id"])
    assert audited.details == {
        "operation": "pause",
        "environment": "production",
        "reason": "the database moves",
    }


def test_a_promotion_knows_the_commit_of_its_bundle(
    client: FlaskClient, worker: list[dict[str, Any]]
) -> None:
    found = client.post(f"{BASE}/promote", json={"digest": digest(10), "why": "go"})
    assert found.status_code == 201
    assert len(found.json["body"]["commit"]) == 40


def test_what_is_so_already_and_what_cannot_be_done(
    client: FlaskClient, worker: list[dict[str, Any]]
) -> None:
    worker[0] = {"state": "unchanged", "message": "it is so"}
    assert client.post(f"{BASE}/resume", json={}).status_code == 200
    worker[0] = {"state": "refused", "code": "E-GIT-209", "message": "there is nothing to go back to"}
    found = client.post(f"{BASE}/rollback", json={})
    assert (found.status_code, found.json["code"]) == (409, "E-GIT-209")
    assert found.json["detail"] == "there is nothing to go back to"


def test_a_change_that_takes_longer_has_an_address(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.2)
    found = client.post(f"{BASE}/pause", json={"reason": "wait"})
    assert (found.status_code, found.json["state"], found.headers["Retry-After"]) == (202, "asked", "2")
    assert client.get(found.headers["Location"]).json["commit"] is None


def test_an_approval_is_of_what_the_environment_shows_when_it_is_asked_for(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.0)
    shown = {"release": {"digest": digest(10)}, "plan": "ab" * 32}
    with writing():
        Environment.update(view=shown).where(Environment.name == "production").execute()
    for verb in ("approve", "reject"):
        assert client.post(f"{BASE}/{verb}", json={"why": "I read it"}).status_code == 202
    with reading():
        approval, rejection = Change.select().order_by(Change.operation)
    assert json.loads(approval.content) == {"digest": digest(10), "plan": "ab" * 32}
    assert rejection.content == ""


def test_the_same_request_is_the_same_change(client: FlaskClient, worker: list[dict[str, Any]]) -> None:
    named = {"Idempotency-Key": "7c1f"}
    first = client.post(f"{BASE}/pause", json={"reason": "wait"}, headers=named)
    assert client.post(f"{BASE}/pause", json={"reason": "wait"}, headers=named).json == first.json
    for path, body in ((f"{BASE}/pause", {"reason": "another"}), (f"{BASE}/resume", {})):
        other = client.post(path, json=body, headers=named)
        assert (other.status_code, other.json["code"]) == (422, "E-API-006")
    with reading():
        assert Change.select().count() == 1


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("pause", {}, "E-API-001"),
        ("pause", {"reason": ""}, "E-API-005"),
        ("pause", {"reason": "x" * 501}, "E-API-005"),
        ("pause", {"reason": "a\nTrailer: x"}, "E-API-005"),
        ("pause", {"reason": 1}, "E-API-001"),
        ("pause", {"reason": "x", "until": "y"}, "E-API-001"),
        ("cancel", {}, "E-API-001"),
        ("resume", {"hold": "../release"}, "E-API-005"),
        ("promote", {"digest": "sha256:" + "0" * 64}, "E-API-005"),
        ("promote", {}, "E-API-001"),
    ],
)
def test_what_is_refused_at_once(client: FlaskClient, path: str, body: dict[str, Any], code: str) -> None:
    found = client.post(f"{BASE}/{path}", json=body)
    assert (found.status_code, found.json["code"]) == (422, code)
    with reading():
        assert Change.select().count() == 0
        assert AuditRow.select().count() == 0


def test_environments_that_are_not_there(client: FlaskClient) -> None:
    assert (
        client.post("/api/v1/projects/shop/environments/nope/pause", json={"reason": "x"}).status_code == 404
    )
    assert client.get("/api/v1/projects/shop/changes/c_nope").status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 101, "a\tb"])
def test_an_idempotency_key_that_is_none(client: FlaskClient, key: str) -> None:
    found = client.post(f"{BASE}/pause", json={"reason": "x"}, headers={"Idempotency-Key": key})
    assert (found.status_code, found.json["code"]) == (422, "E-API-005")
