"""The receiver as forges and strangers see it."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from reconciler.db import session
from reconciler.db.intake import Receipt
from reconciler.db.owed import due
from reconciler.settings import read_settings
from tests.servers.migrated import migrated
from webhooks import nudging
from webhooks.app import MAX_BODY, create_app

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SECRET = b"a webhook secret"
KEYS = 'keys { bundle "file:b"; pointer "file:p"; commit "file:c"; root "file:r" }'
CONFIG = f"""\
organization "acme" {{
    name "Acme"
    {KEYS}
    connection "origin" {{ forge "github"; secret "file:webhook.secret"; secret "env:NEXT_SECRET" }}
    connection "bare" {{ forge "github"; secret "env:MISSING" }}
    project "shop" {{ repository "https://github.com/acme/shop.git"; trunk "main"; connection "origin" }}
    project "blog" {{ repository "https://github.com/acme/blog.git"; trunk "main"; connection "origin" }}
}}
organization "other" {{
    name "Other"
    {KEYS}
    connection "elsewhere" {{ forge "github"; secret "env:OTHER_SECRET" }}
    project "far" {{ repository "https://github.com/other/shop.git"; trunk "main"; connection "elsewhere" }}
}}
"""
PUSH = {"ref": "refs/heads/main", "repository": {"clone_url": "https://github.com/acme/shop.git"}}


class World:
    """An installation, its receiver, and the nudges it made."""

    def __init__(self, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.nudges: list[int] = []
        monkeypatch.setattr(nudging.Nudger, "wake", lambda nudger: self.nudges.append(1))
        self.config = Path(environ["SENTINEL_HOME"]) / "control-plane.kdl"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(CONFIG)
        secret = self.config.parent / "webhook.secret"
        secret.write_bytes(SECRET + b"\n")
        secret.chmod(0o600)
        self.app = create_app(environ, now=lambda: NOW)
        self.client: FlaskClient = self.app.test_client()

    def post(
        self,
        payload: Any = PUSH,
        *,
        secret: bytes = SECRET,
        connection: str = "origin",
        delivery: str = "d-1",
        event: str = "push",
        **headers: str,
    ) -> TestResponse:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.client.post(
            f"/webhooks/github/{connection}",
            data=body,
            headers={
                "Content-Type": "application/json",
                "X-GitHub-Delivery": delivery,
                "X-GitHub-Event": event,
                "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
                **headers,
            },
        )


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "SENTINEL_HOME": str(tmp_path / "home"),
        "NEXT_SECRET": "the next secret",
        "OTHER_SECRET": "another organization's secret",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }


@pytest.fixture
def world(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    migrated(read_settings(environ))
    yield World(environ, monkeypatch)
    session.disconnect()


def owed() -> list[tuple[str, str, str]]:
    return sorted((work.project, work.kind, work.subject) for work in due(NOW))


def receipts() -> int:
    with session.reading():
        return Receipt.select().count()


def problem(response: TestResponse) -> tuple[int, str]:
    assert response.mimetype == "application/problem+json"
    body = json.loads(response.data)
    assert body["status"] == response.status_code
    assert {"type", "title", "detail"} <= set(body)
    return response.status_code, body["code"]


def test_a_push_is_made_durable_and_answered(world: World) -> None:
    response = world.post()
    assert response.status_code == 202
    body = response.get_json()
    assert body["status"] == "accepted"
    assert body["work"] == [{"project": "shop", "kind": "repository"}]
    assert owed() == [("shop", "repository", "")]
    assert world.nudges == [1]
    with session.reading():
        receipt = Receipt.get_by_id(body["receipt"])
    assert (receipt.organization, receipt.connection, receipt.delivery) == ("acme", "origin", "d-1")
    assert (receipt.event, receipt.received_at) == ("push", NOW)
    assert receipt.refs == {"refs/heads/main": {"before": "", "after": ""}}
    assert receipt.body_sha256 == hashlib.sha256(json.dumps(PUSH).encode()).hexdigest()


def test_the_same_delivery_again_does_nothing(world: World) -> None:
    first = world.post().get_json()
    again = world.post()
    assert again.status_code == 200
    assert again.get_json() == {"status": "duplicate", "receipt": first["receipt"]}
    assert (receipts(), world.nudges) == (1, [1])
    with session.reading():
        from reconciler.db.models import Work

        assert [row.wanted for row in Work.select()] == [1]


def test_the_next_secret_of_a_rotation_is_accepted(world: World) -> None:
    assert world.post(secret=b"the next secret").status_code == 202


def test_an_environments_branch_asks_for_a_look(world: World) -> None:
    response = world.post(PUSH | {"ref": "refs/heads/env/dev"})
    assert response.get_json()["work"] == [{"project": "shop", "kind": "repository"}]


def test_a_branch_that_is_nobodys_asks_for_nothing(world: World) -> None:
    response = world.post(PUSH | {"ref": "refs/heads/topic"})
    assert response.status_code == 200
    assert response.get_json()["status"] == "ignored"
    assert (owed(), world.nudges) == ([], [])
    with session.reading():
        assert Receipt.get().place == "github.com/acme/shop", "it explains why the branch moved"


def test_a_repository_that_cannot_be_matched_asks_for_every_project_of_the_connection(world: World) -> None:
    world.post({"ref": "refs/heads/main"})
    assert owed() == [("blog", "repository", ""), ("shop", "repository", "")]


def test_a_connection_reaches_no_other_organization(world: World) -> None:
    world.post(connection="elsewhere", secret=b"another organization's secret")
    assert owed() == [("far", "repository", "")]
    assert problem(world.post(connection="elsewhere", secret=SECRET)) == (401, "E-WHK-002")


@pytest.mark.parametrize("event", ["ping", "issues", "check_run"])
def test_other_events_are_answered_and_leave_nothing(world: World, event: str) -> None:
    response = world.post({"zen": "Keep it logically awesome."}, event=event)
    assert response.status_code == 200
    assert response.get_json()["status"] == "ignored"
    assert (receipts(), owed()) == (0, [])


def test_nobody_can_tell_why_they_are_not_authentic(world: World) -> None:
    answers = {
        (response.status_code, response.data, tuple(sorted(response.headers.items())))
        for response in (
            world.post(secret=b"wrong"),
            world.post(connection="unknown"),
            world.post(connection="bare"),
            world.post(connection="bare", secret=b""),
            world.post(connection="origin", secret=b""),
            world.post(b"not JSON", secret=b"wrong"),
            world.post(delivery="", secret=b"wrong"),
            world.post(event="", secret=b"wrong"),
            world.post(connection="%00"),
            world.post(**{"X-Hub-Signature-256": "nonsense"}),
        )
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401
    assert (receipts(), owed()) == (0, [])


def test_the_payload_is_not_read_before_the_signature_is_checked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(json, "loads", fail)
    response = world.post(secret=b"wrong")
    assert response.status_code == 401


def test_a_body_that_is_too_large_is_not_read(world: World) -> None:
    response = world.post(b"x" * (MAX_BODY + 1))
    assert problem(response) == (413, "E-WHK-001")
    assert response.headers["Connection"] == "close"
    assert world.post(b"x" * MAX_BODY, secret=b"wrong").status_code == 401


def test_a_body_of_unknown_length_is_cut_off_while_it_streams(world: World) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            Endless.taken += len(buffer)
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    response = world.client.post(
        "/webhooks/github/origin",
        environ_overrides={
            "wsgi.input": Endless(),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
    )
    assert problem(response) == (413, "E-WHK-001")
    assert Endless.taken < 2 * MAX_BODY


def test_a_body_that_breaks_off_is_the_senders_fault(world: World) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            raise OSError("Invalid chunk size")

    response = world.client.post(
        "/webhooks/github/origin", environ_overrides={"wsgi.input": Broken(), "CONTENT_LENGTH": "10"}
    )
    assert problem(response) == (400, "E-WHK-004")


def test_a_length_that_lies_is_refused(world: World) -> None:
    response = world.client.post(
        "/webhooks/github/origin", data=b"{}", environ_overrides={"CONTENT_LENGTH": str(10**12)}
    )
    assert problem(response) == (413, "E-WHK-001")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"delivery": ""}, "E-WHK-003", id="no delivery id"),
        pytest.param({"delivery": "x" * 200}, "E-WHK-003", id="a long delivery id"),
        pytest.param({"event": "../x"}, "E-WHK-003", id="an odd event"),
        pytest.param({"payload": b"no"}, "E-WHK-004", id="no JSON"),
        pytest.param({"payload": b"[" * 100_000}, "E-WHK-004", id="deep JSON"),
    ],
)
def test_authentic_but_broken(world: World, changes: dict[str, Any], code: str) -> None:
    assert problem(world.post(**changes)) == (400, code)


def test_other_paths_and_methods(world: World) -> None:
    assert problem(world.client.get("/")) == (404, "E-WHK-006")
    assert problem(world.client.post("/webhooks/sourceforge/origin")) == (404, "E-WHK-006")
    response = world.client.get("/webhooks/github/origin")
    assert problem(response) == (405, "E-WHK-006")
    assert response.headers["Allow"] == "POST"


def test_a_surprise_shows_no_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr("webhooks.recording.ask", fail)
    response = world.post()
    assert problem(response) == (500, "E-WHK-005")
    assert b"hunter2" not in response.data
    assert b"Traceback" not in response.data
    assert "ZeroDivisionError" in caplog.text
    assert receipts() == 0, "receipt and work are one transaction"


def test_a_new_connection_is_known_as_soon_as_the_file_changes(world: World) -> None:
    assert world.post(connection="late").status_code == 401
    world.config.write_text(
        CONFIG.replace('connection "bare"', 'connection "late"').replace("MISSING", "NEXT_SECRET")
    )
    assert world.post(connection="late", secret=b"the next secret").status_code in (200, 202)
    world.config.write_text("nonsense {")
    assert world.post(delivery="d-9").status_code == 202, "the last good configuration is kept"


def test_a_secret_that_others_can_read_is_no_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    (world.config.parent / "webhook.secret").chmod(0o644)
    assert world.post().status_code == 401
    assert world.post().status_code == 401
    assert caplog.text.count("secret-unusable") == 1
    assert SECRET.decode() not in caplog.text


def test_health_readiness_and_metrics(world: World) -> None:
    assert world.client.get("/health").status_code == 200
    ready = world.client.get("/ready")
    assert ready.status_code == 200
    assert list(ready.get_json()["weakened"]) == ["queue"], "deliveries are durable without the queue"
    world.post()
    world.post()
    world.post(secret=b"wrong")
    text = world.client.get("/metrics").text
    assert 'sentinel_webhook_deliveries_total{result="accepted"} 1\n' in text
    assert 'sentinel_webhook_deliveries_total{result="duplicate"} 1\n' in text
    assert 'sentinel_webhook_deliveries_total{result="unauthenticated"} 1\n' in text


def test_readiness_names_what_is_missing(world: World) -> None:
    world.config.write_text("nonsense {")
    ready = world.client.get("/ready")
    assert ready.status_code == 503
    # What the mistakes are is not for everybody who reaches the process.
    assert ready.get_json()["missing"] == {"configuration": "E-SET-005: the log says why"}


def test_without_a_database_the_forge_is_told_to_come_again(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    environ["DATABASE_URL"] = f"postgresql://user:hunter2@127.0.0.1:{free_port}/none"
    world = World(environ, monkeypatch)
    try:
        response = world.post()
        assert problem(response) == (503, "E-WHK-007")
        assert response.headers["Retry-After"] == "10"
        ready = world.client.get("/ready")
        assert ready.status_code == 503
        assert list(ready.get_json()["missing"]) == ["database"]
        assert "hunter2" not in response.text + ready.text
    finally:
        session.disconnect()


def test_the_database_may_come_after_the_process(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    postgres_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    environ["DATABASE_URL"] = postgres_url
    from reconciler.errors import Transient
    from webhooks import app

    with monkeypatch.context() as patch:

        def away(settings: Any) -> None:
            raise Transient("E-DB-001", "away")

        patch.setattr(app, "migrate", away)
        world = World(environ, monkeypatch)
    try:
        assert world.post().status_code == 202
    finally:
        session.disconnect()


HEADER_TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=50)
    | st.sampled_from(["refs/heads/main"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["ref", "repository", "clone_url", "full_name", "x"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@pytest.fixture
def fuzzed(world: World, caplog: pytest.LogCaptureFixture) -> Callable[..., TestResponse]:
    caplog.set_level(logging.CRITICAL)
    return world.post


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=JSON | st.binary(max_size=300),
    signed=st.booleans(),
    connection=st.sampled_from(["origin", "bare", "x", "%2e%2e", "%ff"])
    | st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
    event=st.sampled_from(["push", "ping", "create"]) | HEADER_TEXT,
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded"]) | HEADER_TEXT,
    signature=st.none() | HEADER_TEXT,
    delivery=st.uuids().map(str) | HEADER_TEXT,
)
def test_no_delivery_whatever_it_holds_is_our_fault(
    fuzzed: Callable[..., TestResponse],
    payload: Any,
    signed: bool,
    connection: str,
    event: str,
    content_type: str,
    signature: str | None,
    delivery: str,
) -> None:
    extra = {"Content-Type": content_type}
    if signature is not None:
        extra["X-Hub-Signature-256"] = signature
    response = fuzzed(
        payload,
        secret=SECRET if signed else os.urandom(8),
        connection=connection,
        event=event,
        delivery=delivery,
        **extra,
    )
    assert response.status_code in {200, 202, 400, 401}
    if not signed:
        assert response.status_code == 401
    assert b"Traceback" not in response.data


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "X"]),
    path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="?#"), max_size=60),
    body=st.binary(max_size=100),
)
def test_no_request_whatever_it_asks_for_is_our_fault(
    world: World, method: str, path: str, body: bytes
) -> None:
    response = world.client.open("/" + path, method=method, data=body)
    assert response.status_code < 500
