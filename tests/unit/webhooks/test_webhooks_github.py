"""The pure part of receiving from GitHub: what is authentic, and what it asks for."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from webhooks.receivers import github, signing
from webhooks.receivers.delivery import Ignored, Malformed, Move, Push, Read, Repository


class Headers(dict[str, str]):
    """Headers as a WSGI server may hand them over: looked up without regard to case, any text inside."""

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        return next((value for name, value in self.items() if name.lower() == key.lower()), default)


NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
BODY = b'{"ref": "refs/heads/main"}'


def sign(body: bytes, secret: bytes) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def verify(signature: str | None, *secrets: bytes, body: bytes = BODY) -> bool:
    return github.verify(
        Headers({"x-hub-signature-256": signature} if signature is not None else {}), body, secrets, NOW
    )


def test_the_signature_is_githubs_own_example() -> None:
    # From docs.github.com, "Validating webhook deliveries", section "Testing the webhook payload validation".
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert verify(signature, b"It's a Secret to Everybody", body=b"Hello, World!")


def test_any_secret_of_a_rotation_fits() -> None:
    assert verify(sign(BODY, b"new"), b"old", b"new")
    assert verify(sign(BODY, b"old"), b"old", b"new")
    assert not verify(sign(BODY, b"other"), b"old", b"new")


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="no signature"),
        pytest.param("", id="an empty one"),
        pytest.param("sha256=", id="no digits"),
        pytest.param(sign(BODY, b"secret")[:-1], id="one digit short"),
        pytest.param(sign(BODY, b"secret") + "0", id="one digit long"),
        pytest.param(sign(BODY, b"secret").upper(), id="upper case"),
        pytest.param(sign(BODY, b"secret").replace("sha256", "sha1"), id="another algorithm"),
        pytest.param(sign(BODY, b"secret").removeprefix("sha256="), id="no prefix"),
        pytest.param(sign(BODY + b" ", b"secret"), id="of another body"),
        pytest.param(" " + sign(BODY, b"secret"), id="a blank before it"),
        pytest.param(sign(BODY, b"secret") + "\n", id="a line end after it"),
        pytest.param("sha256=" + "é" * 64, id="letters that are not ASCII"),
        pytest.param("sha256=" + "٣" * 64, id="digits that are not ASCII"),
        pytest.param("sha256=" + "0" * 64, id="noughts"),
    ],
)
def test_a_wrong_signature_is_refused(signature: str | None) -> None:
    assert not verify(signature, b"secret")


@pytest.mark.parametrize("secrets", [(), (b"",)])
def test_without_a_secret_nothing_is_authentic(secrets: tuple[bytes, ...]) -> None:
    assert not verify(sign(BODY, b""), *secrets)
    assert not verify(sign(BODY, signing.NOBODY), *secrets)


@pytest.mark.parametrize(
    ("delivery", "event", "wanted"),
    [
        pytest.param("72d3162e-cc78", "push", ("72d3162e-cc78", "push"), id="as GitHub sends it"),
        pytest.param("", "push", None, id="no delivery"),
        pytest.param("a" * 101, "push", None, id="too long"),
        pytest.param("a b", "push", None, id="a blank"),
        pytest.param("a\n", "push", None, id="a line end"),
        pytest.param("a", "", None, id="no event"),
        pytest.param("a", "Push!", None, id="an odd event"),
    ],
)
def test_a_delivery_is_identified(delivery: str, event: str, wanted: tuple[str, str] | None) -> None:
    assert github.identify(Headers({"X-GitHub-Delivery": delivery, "X-GitHub-Event": event}), BODY) == wanted


def read(payload: Any, *, event: str = "push", content_type: str = "application/json") -> Read:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return github.read(event, Headers({"Content-Type": content_type}), body)


def test_of_a_push_only_repository_and_reference_are_read() -> None:
    push = read(
        {
            "ref": "refs/heads/main",
            "after": "f" * 40,
            "commits": [{"id": "lies", "modified": ["everything"]}],
            "repository": {
                "full_name": "acme/shop",
                "clone_url": "https://github.com/acme/shop.git",
                "ssh_url": "git@github.com:acme/shop.git",
            },
        }
    )
    addresses = ("https://github.com/acme/shop.git", "git@github.com:acme/shop.git")
    assert push == Push((Move("refs/heads/main", "", "f" * 40),), Repository(addresses, "acme/shop"))


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"ref": None, "repository": None}, id="nulls"),
        pytest.param({"ref": 7, "repository": [1]}, id="other types"),
        pytest.param(
            {"ref": "x" * 2000, "repository": {"clone_url": 1, "full_name": {}}}, id="more other types"
        ),
        pytest.param({"ref": "main"}, id="a short name, which could be a tag as well"),
        pytest.param({"ref": "refs/heads/a\u0000b"}, id="a control character"),
    ],
)
def test_a_push_that_hides_what_it_is_about_is_a_push_of_anything(payload: Any) -> None:
    assert read(payload) == Push((), Repository())


def test_a_form_is_read_too() -> None:
    body = urlencode({"payload": json.dumps({"ref": "refs/heads/main"})}).encode()
    push = read(body, content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert push == Push((Move("refs/heads/main"),), Repository())


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b"[1]", "application/json", id="a list"),
        pytest.param(b"\xff\xfe", "application/json", id="not text"),
        pytest.param(b'{"a":', "application/json", id="cut off"),
        pytest.param(b"[" * 1_000_000, "application/json", id="deep lists"),
        pytest.param(b'{"a":' * 1_000_000, "application/json", id="deep objects"),
        pytest.param(b'{"a":' + b"9" * 1_000_000 + b"}", "application/json", id="a huge number"),
        pytest.param(b"\xff=1", "application/x-www-form-urlencoded", id="a form that is not text"),
        pytest.param(b"&".join([b"a=1"] * 100), "application/x-www-form-urlencoded", id="too many fields"),
        pytest.param(b"payload=%ED%A0%80", "application/x-www-form-urlencoded", id="a lone surrogate"),
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes, content_type: str) -> None:
    assert isinstance(read(body, content_type=content_type), Malformed)


def test_other_events_and_other_references_are_ignored() -> None:
    assert read({}, event="ping") == Ignored("it is a ping")
    assert isinstance(read(b"not even JSON", event="issues"), Ignored)
    assert isinstance(read({"ref": "refs/pull/7/head"}), Ignored)
