"""Hostile input on every route: never a 5xx, always a problem document, never more than the cap in memory."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from reconciler.settings import read_settings
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Api, Release, serve
from web.nodes.body import BODY_LIMIT

NASTY: list[Any] = [
    None, True, -1, 2**53, 1e308, "", "\x00", "\ud800", "x" * 100_000, [], [[]], {}, {"a": {}}, "sha256:" + "z" * 64,
    "sha256:" + "0" * 64, "\u2028", "../../etc/passwd", "' OR 1=1 --", "٣", 0, [1] * 100, float("nan"),
]  # fmt: skip
FIELDS = [
    "boot_id", "counter", "running", "config_id", "delivered", "sequence", "health", "refusal", "versions", "log",
    "token", "name", "labels", "signals", "id", "__proto__", "", "keys", "proof",
]  # fmt: skip
HEX = ["0" * 64, "ab" * 32, "AB" * 32, "f" * 64, *NASTY]
QUERIES = [
    "bundle", "bundle=", "bundle=x", "bundle=sha256:" + "0" * 64, "bundle=%00", "bundle=%ff%fe", "&" * 180, "=" * 180,
    "bundle=sha256:" + "0" * 64 + "&bundle=sha256:" + "0" * 64, "bundle=" + "x" * 5000, "\ud800", "%", "bundle=%zz",
]  # fmt: skip
RAW = [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}{}", b"\xff\xfe", b"[" * 60_000, b'{"a":' * 20_000, b'{"a":1,"a":2}',
    b'{"counter":' + b"9" * 5_000 + b"}", b'{"counter":NaN}', b'{"counter":1e999}', b'{"boot_id":"\\ud800"}',
]  # fmt: skip


def bodies(count: int) -> list[bytes]:
    chance = random.Random(20261123)
    made = list(RAW)

    def mostly(good: Any) -> Any:
        nasty = [value for value in NASTY if not isinstance(good, str) or isinstance(value, str)]
        return good if chance.random() < 0.9 else chance.choice(nasty)

    for _ in range(count):
        document = {name: chance.choice(NASTY) for name in chance.sample(FIELDS, chance.randint(0, 6))}
        if chance.random() < 0.7:
            document |= {"boot_id": "boot-0001", "counter": chance.choice([1, 2, 2**40])}
        if chance.random() < 0.3:
            document["health"] = {"state": chance.choice(["healthy", *NASTY]), "reason": chance.choice(NASTY)}
        if chance.random() < 0.3:
            document["keys"] = {"signing": chance.choice(["a" * 64, *NASTY]), "sealing": chance.choice(HEX)}
        if chance.random() < 0.2:
            document["proof"] = {
                "answer": chance.choice(HEX),
                "signature": chance.choice(["b" * 128, *NASTY]),
            }
        if chance.random() < 0.3:
            document["labels"] = {mostly("region"): mostly("eu")}
        if chance.random() < 0.3:
            counts = {name: mostly(7) for name in ("requests", "failed", "observed")}
            counts["within_ms"] = mostly({mostly("5"): mostly(1)})
            document["signals"] = mostly(
                {
                    "life": mostly("1-2"),
                    "services": mostly({mostly("shop"): mostly(counts)}),
                    "cpu_permille": mostly(1),
                }
            )
        if chance.random() < 0.3:
            document["refusal"] = {
                "code": "E-VER-001", "message": chance.choice(["no", *NASTY]), "digest": chance.choice(NASTY),
                "sequence": chance.choice([1, *NASTY]), "at": chance.choice(["2026-11-23T20:00:00Z", *NASTY]),
            }  # fmt: skip
        made.append(json.dumps(document).encode())
    return made


def test_fuzzed_bodies_never_break_anything(environ: dict[str, str]) -> None:
    release = Release(read_settings(environ))
    release.pointer(build(), sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        routes = [
            ("POST", "/api/v1/projects/shop/nodes/register"),
            ("POST", f"/api/v1/nodes/{node['id']}/heartbeat"),
            ("GET", f"/api/v1/nodes/{node['id']}/bundles/latest"),
            ("GET", f"/api/v1/nodes/{node['id']}/secrets"),
            ("POST", f"/api/v1/nodes/{node['id']}/token"),
            ("POST", f"/api/v1/nodes/{node['id']}/key"),
        ]
        accepted = 0
        for method, path in routes:
            for body in bodies(400):
                reply = await api.ask(method, path, body=body, key=node["key"], chunks=3)
                assert reply.status < 500, (path, body[:200], reply.body)
                if reply.status >= 400:
                    assert reply.headers["content-type"] == "application/problem+json"
                    assert set(reply.json) == {"type", "title", "status", "detail", "code"}
                    assert len(reply.body) < 2_000
                elif path.endswith("heartbeat"):
                    accepted += 1
        assert accepted > 5, "some of the bodies are good ones"
        assert await api.service.heartbeats.flush(), "whatever was accepted, the database takes"
        assert api.service.heartbeats.failures == 0

    serve(environ, talk)


def test_fuzzed_paths_and_headers(environ: dict[str, str]) -> None:
    release = Release(read_settings(environ))
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        paths = [
            "/", "//", "/api", "/api/v1/nodes/", "/api/v1/nodes//heartbeat", "/api/v1/nodes/\x00/heartbeat",
            "/api/v1/bundles/", "/api/v1/bundles/../../etc/passwd", "/api/v1/projects/UP/nodes/register",
            f"/api/v1/nodes/{node['id']}/roots/999999999", f"/api/v1/nodes/{node['id']}/roots/0",
            f"/api/v1/nodes/{node['id']}/secrets", "/api/v1/nodes//secrets", "/api/v1/nodes/secrets",
            *(f"/api/v1/nodes/{node['id']}/secrets?{query}" for query in QUERIES),
            f"/api/v1/nodes/{node['id']}/roots/x", "/metrics/x", "/ready", "/api/v1/nodes/\ud800/bundles/latest",
        ]  # fmt: skip
        headers = [
            {"Prefer": "wait=99999999999"}, {"Prefer": "wait=-1"}, {"Prefer": "wait"}, {"If-None-Match": '"'},
            {"If-None-Match": "*" * 5000}, {"Range": "bytes=0-1,2-3"}, {"Range": "bytes=-1"}, {"Range": "x"},
            {"Content-Length": "9" * 40}, {"Authorization": "Bearer"}, {"Authorization": "Basic " + "A" * 5000},
            {"Authorization": "Bearer \xff"},
        ]  # fmt: skip
        for path in paths:
            for method in ("GET", "POST", "PUT", "HEAD", "BREW"):
                reply = await api.ask(method, path, key=node["key"])
                assert reply.status < 500, (method, path)
        for extra in headers:
            for path in (f"/api/v1/nodes/{node['id']}/bundles/latest", "/api/v1/bundles/sha256:" + "0" * 64):
                task = asyncio.create_task(api.ask("GET", path, headers=extra, key=node["key"]))
                if "Prefer" in extra:
                    await asyncio.sleep(0)
                    api.service.directory.environments = {}
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    continue
                assert (await task).status < 500, extra

    serve(environ, talk)


@pytest.mark.parametrize("honest", [True, False])
def test_f1_17_a_body_without_end_is_refused_while_it_streams(environ: dict[str, str], honest: bool) -> None:
    release = Release(read_settings(environ))
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        taken = 0
        statuses = []

        async def receive() -> dict[str, Any]:
            nonlocal taken
            taken += 16_384
            assert taken < 10 * BODY_LIMIT, "it reads on and on"
            return {"type": "http.request", "body": b"x" * 16_384, "more_body": True}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        from web.nodes import app

        headers = [(b"authorization", f"Bearer {node['key']}".encode())]
        if honest:
            headers.append((b"content-length", b"1073741824"))
        scope = {
            "type": "http", "method": "POST", "query_string": b"",
            "path": f"/api/v1/nodes/{node['id']}/heartbeat", "headers": headers,
            "client": ("10.0.0.9", 1), "state": api.state,
        }  # fmt: skip
        await app.application(scope, receive, send)
        assert statuses == [413]
        assert taken <= (0 if honest else BODY_LIMIT + 16_384)

    serve(environ, talk)
