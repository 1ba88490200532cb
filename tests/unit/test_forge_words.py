"""What is said to forges: limits, pauses and errors, without a forge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.egress.asking import Answer
from reconciler.errors import NotYet, Refused, Stalled, Transient
from reconciler.forge import FORGES
from reconciler.forge.bitbucket import key_of
from reconciler.forge.calling import LONGEST_PAUSE, Api, NotThere, pause
from reconciler.forge.request import Request, path_of
from reconciler.plan.statuses import Status

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
SENT = Request("POST", "/things?page=1", {"a": 1}, fine_when="it is so")


class Answering:
    """A way out that leads to one answer."""

    def __init__(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.answer = Answer(
            status, {k.replace("_", "-"): v for k, v in headers.items()}, body, False, 1, "::1"
        )
        self.asked: dict[str, Any] = {}

    def ask(self, url: str, **named: Any) -> Answer:
        self.asked = {"url": url, **named}
        return self.answer


def send(status: int, body: bytes = b"{}", **headers: str) -> Any:
    way = Answering(status, body, **headers)
    api = Api(FORGES["github"], "https://api.example/", way, "bot", "s3cret-token")  # type: ignore[arg-type]
    assert "s3cret-token" not in repr(api)
    return api.send(SENT, now=NOW)


def test_a_good_answer_is_read() -> None:
    assert send(201, b'{"id": 7}') == {"id": 7}
    assert send(204, b"") is None
    assert send(400, b'{"message": "because it is so already"}') is None


@pytest.mark.parametrize(
    ("status", "headers", "kind", "code"),
    [
        (401, {}, Stalled, "E-FRG-011"),
        (403, {}, Stalled, "E-FRG-011"),
        (404, {}, NotThere, "E-FRG-011"),
        (403, {"x_ratelimit_remaining": "0"}, NotYet, "E-FRG-010"),
        (403, {"retry_after": "5"}, NotYet, "E-FRG-010"),
        (429, {}, NotYet, "E-FRG-010"),
        (400, {}, Refused, "E-FRG-012"),
        (422, {}, Refused, "E-FRG-012"),
        (301, {}, Refused, "E-FRG-012"),
        (409, {}, Transient, "E-FRG-013"),
        (500, {}, Transient, "E-FRG-013"),
        (503, {}, Transient, "E-FRG-013"),
    ],
)
def test_what_goes_wrong_says_what_happens_next(
    status: int, headers: dict[str, str], kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind, match=code) as caught:
        send(status, b'{"message": "no"}', **headers)
    assert "POST /things" in str(caught.value)
    assert "page=1" not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_json_is_trouble_of_the_forge(body: bytes) -> None:
    with pytest.raises(Transient, match="E-FRG-013"):
        send(200, body)


@pytest.mark.parametrize("document", [b"[]", b"{}", b"null", b'{"number": "x", "head": 7}'])
@pytest.mark.parametrize("forge", FORGES)
def test_an_answer_of_another_form_is_too(forge: str, document: bytes) -> None:
    api = Api(FORGES[forge], "https://api.example", Answering(200, document))  # type: ignore[arg-type]
    with pytest.raises(Transient, match="has another form"):
        api.ask(FORGES[forge].pull("acme/shop", 7), FORGES[forge].read_pull, now=NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "9" * 12}, LONGEST_PAUSE.total_seconds()),
        ({"retry-after": "Tue, 24 Nov 2026 20:02:00 GMT"}, 120),
        ({"retry-after": "soon"}, 1),
        ({"retry-after": "-5"}, 1),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 30)}, 30),
        ({"ratelimit-reset": str(int(NOW.timestamp()) - 30)}, 1),
        ({"x-ratelimit-reset": "x"}, 60),
    ],
)
def test_pauses(headers: dict[str, str], seconds: float) -> None:
    assert pause(headers, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("ssh://git@github.com:22/acme/shop", "acme/shop"),
        ("git@gitlab.com:group/sub/shop.git", "group/sub/shop"),
        ("https://bitbucket.example/scm/KEY/shop.git", "scm/KEY/shop"),
    ],
)
def test_paths(url: str, path: str) -> None:
    assert path_of(url) == path


def test_addresses_hold_names_as_each_forge_wants_them() -> None:
    told = Status("sentinel/eu/a-project-with-a-name-that-is-rather-long/validate", "success", "fine")
    sha = "a" * 40
    assert (
        FORGES["gitlab"].status("group/sub/shop", sha, told, "u").path
        == f"/projects/group%2Fsub%2Fshop/statuses/{sha}"
    )
    assert (
        FORGES["bitbucket-data-center"].pull("scm/key/shop", 7).path
        == "/projects/KEY/repos/shop/pull-requests/7"
    )
    assert FORGES["gitlab"].status("x", sha, told, "u").body == {
        "state": "success", "name": told.context, "description": "fine", "target_url": "u",
    }  # fmt: skip
    body = FORGES["bitbucket"].status("x", sha, told, "u").body
    assert body is not None
    assert (body["key"], len(body["key"]), body["url"]) == (key_of(told.context), 40, "u")
