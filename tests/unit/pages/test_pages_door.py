"""Who may come in where nobody signs in, and the headers of every answer."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.settings import read_settings
from web.loopback import host_of, is_loopback_name
from web.serve import gunicorn_arguments

ELSEWHERE = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1:8000",
    "0.0.0.0",  # noqa: S104
    "[::]",
    "127.0.0.1@evil.example",
    "evil.example#127.0.0.1",
    "[::ffff:10.0.0.1]",
    "2130706433",
    "",
    "localhost,evil.example",
]


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.8.9.10:1", "[::1]:8000", "LOCALHOST"])
def test_names_of_this_machine_come_in(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/o/acme/p/shop/", "/o/acme/p/nope/", "/api/v1/projects/shop/commits", "/static/live.js"]
)
def test_other_names_are_misdirected_before_anything_is_looked_up(empty_app: Flask, path: str) -> None:
    for host in ELSEWHERE:
        answer = empty_app.test_client().get(path, headers={"Host": host})
        assert (host, answer.status_code) == (host, 421)
        assert "E-WEB-003" in answer.text


def test_another_machine_is_refused(app: Flask) -> None:
    answer = app.test_client().get("/", environ_base={"REMOTE_ADDR": "192.168.1.20"})
    assert answer.status_code == 403
    assert "E-WEB-010" in answer.text


def test_a_forwarded_address_is_not_believed(app: Flask) -> None:
    answer = app.test_client().get(
        "/", environ_base={"REMOTE_ADDR": "192.168.1.20"}, headers={"X-Forwarded-For": "127.0.0.1"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_another_site_may_link_but_not_ask(client: FlaskClient, site: str, mode: str, status: int) -> None:
    answer = client.get("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/o/acme/p/shop/", "/nope", "/health", "/static/panel.css", "/metrics"]
)
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    answer.close()
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/", "/o/acme/p/shop/", "/api/v1/projects/shop/commits"])
def test_nothing_can_be_changed(client: FlaskClient, method: str, path: str) -> None:
    answer = getattr(client, method)(path)
    assert answer.status_code == 405
    assert "E-WEB-005" in answer.text


@pytest.mark.parametrize("bind", ["0.0.0.0:8000", "[::]:8000", "10.1.2.3:80", "example.org:80", ":8000"])
def test_serving_on_another_address_is_refused_before_anything_starts(bind: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "web.serve", "--bind", bind],
        env={**os.environ, "PAGES_ACCESS": "loopback"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "E-WEB-002" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "bind", ["8000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:0", "unix:/run/x", "127.0.0.1:70000"]
)
def test_a_bind_that_is_no_address_is_refused(bind: str) -> None:
    with pytest.raises(Exception, match="E-WEB-001"):
        gunicorn_arguments(bind, read_settings({}), workers=1, threads=4)


def test_half_of_the_threads_may_be_streams() -> None:
    arguments = gunicorn_arguments("[::1]:8000", read_settings({}), workers=1, threads=9)
    assert arguments[0] == "web.app:create_app(streams=4)"
    assert "--no-control-socket" in arguments


def test_loopback_is_not_looked_up() -> None:
    assert is_loopback_name("::ffff:127.0.0.1")
    assert not is_loopback_name("localhost.localdomain")
    assert host_of("127.0.0.1:99999") is None
