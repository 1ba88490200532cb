"""Registration, heartbeats, polls and downloads through ASGI, on a real database and a real store."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.joining import revoke_join_token
from reconciler.db.migrate import migrate
from reconciler.db.models import Event, JoinToken, Node
from reconciler.db.session import writing
from reconciler.fleet.ranks import rank
from reconciler.settings import read_settings
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Api, Release, serve

GOOD = build("127.0.0.1:3000")
NEXT = build("127.0.0.1:4000")


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for something that another task or thread brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def row(node: dict[str, Any]) -> Node:
    found: Node = Node.get_by_id(node["id"])
    return found


def events(node: dict[str, Any]) -> list[str]:
    return [e.kind for e in Event.select().where(Event.subject == node["id"]).order_by(Event.id)]


def test_a_node_registers_reports_polls_and_downloads(environ: dict[str, str], release: Release) -> None:
    envelope = release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        assert node["organization"] == "acme"
        assert node["environment"] == "production"
        assert node["poll_seconds"] == 2.0
        assert set(node["root"]) == {"payload", "payloadType", "signatures"}

        reply = await api.beat(node, 1, health={"state": "healthy"})
        assert reply.status == 200
        tag = reply.json["pointer_etag"]

        reply = await api.poll(node)
        assert reply.status == 200
        assert reply.headers["etag"] == tag
        assert envelope in reply.body, "the pointer stands in the answer byte for byte"
        assert reply.json["blob"] == f"/api/v1/bundles/{GOOD.digest}"
        assert (await api.poll(node, If_None_Match=tag)).status == 304
        assert (await api.poll(node, If_None_Match=f'"x", {tag}')).status == 304

        reply = await api.ask("GET", f"/api/v1/bundles/{GOOD.digest}", key=node["key"])
        assert reply.body == GOOD.blob
        assert reply.headers["content-length"] == str(len(GOOD.blob))
        part = await api.ask(
            "GET", f"/api/v1/bundles/{GOOD.digest}", key=node["key"], headers={"Range": "bytes=10-19"}
        )
        assert (part.status, part.body) == (206, GOOD.blob[10:20])
        assert (await api.ask("GET", f"/api/v1/nodes/{node['id']}/roots/1", key=node["key"])).status == 200

    serve(environ, talk)


def test_the_key_is_kept_as_a_hash_alone(environ: dict[str, str], release: Release) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        database = b"".join(path.read_bytes() for path in Path(environ["SENTINEL_HOME"]).glob("*.db*"))
        assert node["id"].encode() in database
        assert node["key"].encode() not in database
        assert token.encode() not in database

    serve(environ, talk)


@pytest.mark.parametrize("why", ["unknown", "expired", "used up", "revoked", "other project"])
def test_f1_37_every_bad_join_token_gets_the_same_answer(
    environ: dict[str, str], release: Release, why: str
) -> None:
    token = release.token(
        uses=1 if why == "used up" else None,
        expires_at=clock.now() - timedelta(seconds=1) if why == "expired" else None,
        project="other" if why == "other project" else "shop",
    )
    if why == "revoked":
        assert revoke_join_token("acme", "shop", JoinToken.get().id, now=clock.now())
    if why == "unknown":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")

    async def talk(api: Api) -> None:
        if why == "used up":
            await api.register(token)
        nodes = Node.select().count()
        path = "/api/v1/projects/shop/nodes/register"
        reply = await api.ask("POST", path, body={"token": token, "name": "edge-2"})
        nothing = await api.ask("POST", path, body={"token": "", "name": "edge-2"})
        assert reply.status == 401
        assert (reply.status, reply.body, reply.headers) == (nothing.status, nothing.body, nothing.headers)
        assert Node.select().count() == nodes

    serve(environ, talk)


def test_a_registration_that_cannot_be_completed_costs_no_use(environ: dict[str, str]) -> None:
    migrate(read_settings(environ))
    token = Release.token(None, uses=1)  # type: ignore[arg-type]

    async def talk(api: Api) -> None:
        reply = await api.ask(
            "POST", "/api/v1/projects/shop/nodes/register", body={"token": token, "name": "edge-1"}
        )
        assert (reply.status, reply.json["code"]) == (503, "E-NAP-009")
        assert JoinToken.get().uses_left == 1
        assert Node.select().count() == 0

    serve(environ, talk)
    session.disconnect()


def test_a_key_opens_its_own_node_alone(environ: dict[str, str], release: Release) -> None:
    release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        one, two = await api.register(token), await api.register(token, "edge-2")
        answers = set()
        for node_id, key in (
            (one["id"], two["key"]), (one["id"], "nonsense"), ("n-000000000000", one["key"]), (one["id"], ""),
        ):  # fmt: skip
            for method, tail, body in (
                ("GET", "bundles/latest", b""), ("POST", "heartbeat", b"{}"), ("GET", "roots/1", b""),
            ):  # fmt: skip
                reply = await api.ask(method, f"/api/v1/nodes/{node_id}/{tail}", key=key, body=body)
                answers.add((reply.status, reply.body))
        assert len(answers) == 1
        assert answers.pop()[0] == 401
        assert (await api.ask("GET", f"/api/v1/nodes/{one['id']}/bundles/latest")).status == 401

    serve(environ, talk)


def test_f1_31_a_bundle_of_another_project_is_no_bundle(environ: dict[str, str], release: Release) -> None:
    release.bundle(NEXT, project="other")
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        foreign = await api.ask("GET", f"/api/v1/bundles/{NEXT.digest}", key=node["key"])
        absent = await api.ask("GET", "/api/v1/bundles/sha256:" + "0" * 64, key=node["key"])
        assert foreign.status == 404
        assert (foreign.status, foreign.body, foreign.headers) == (absent.status, absent.body, absent.headers)

    serve(environ, talk)


def test_nothing_yet_is_204_and_no_etag(environ: dict[str, str], release: Release) -> None:
    token = release.token("dev")

    async def talk(api: Api) -> None:
        node = await api.register(token)
        assert (await api.poll(node)).status == 204
        assert (await api.beat(node, 1)).json["pointer_etag"] is None

    serve(environ, talk)


def test_a_rollout_moves_the_nodes_within_its_reach(environ: dict[str, str], release: Release) -> None:
    release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        nodes = [await api.register(token, f"edge-{n}") for n in range(6)]
        await asyncio.sleep(0.01)
        ranked = sorted(rank("r-0001", node["id"]) for node in nodes)
        release.pointer(NEXT, sequence=2, cohort="next")
        release.pointer(GOOD, sequence=2)
        release.rollout("r-0001", ranked[1])
        late = await api.register(token, "edge-late")
        reached = {node["id"] for node in nodes if rank("r-0001", node["id"]) <= ranked[1]}
        await asyncio.sleep(2.2)
        told = {node["id"]: (await api.poll(node)).json for node in [*nodes, late]}
        assert {node_id for node_id, answer in told.items() if answer["cohort"] == "next"} == reached
        assert len(reached) == 2
        assert told[late["id"]]["blob"].endswith(GOOD.digest)
        release.rollout("r-0001", ranked[1], state="rolled-back")
        await asyncio.sleep(1.5)
        assert {(await api.poll(node)).json["cohort"] for node in nodes} == {"base"}

    serve(environ, talk)


def test_a_parked_poll_is_answered_when_the_pointer_changes(
    environ: dict[str, str], release: Release
) -> None:
    release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        tag = (await api.poll(node)).headers["etag"]
        parked = asyncio.create_task(api.poll(node, If_None_Match=tag, Prefer="wait=20"))
        await until(lambda: api.service.metrics.parked == 1)
        started = time.monotonic()
        await asyncio.to_thread(release.pointer, NEXT, sequence=2)
        reply = await parked
        assert reply.status == 200
        assert reply.headers["etag"] != tag
        assert reply.headers["preference-applied"] == "wait=20"
        assert time.monotonic() - started < 5
        assert api.service.metrics.parked == 0
        started = time.monotonic()
        reply = await api.poll(node, If_None_Match=reply.headers["etag"], Prefer="wait=1")
        assert reply.status == 304
        assert 0.9 < time.monotonic() - started < 8

    serve(environ, talk)


def test_heartbeats_reach_the_database_with_events_for_changes(
    environ: dict[str, str], release: Release
) -> None:
    token = release.token()
    refusal = {
        "code": "E-VER-003", "message": "the signature is not good", "digest": NEXT.digest, "sequence": 6,
        "at": "2026-11-23T20:00:00Z",
    }  # fmt: skip

    async def talk(api: Api) -> None:
        node = await api.register(token)
        ran = {"running": GOOD.digest, "config_id": GOOD.config_id, "sequence": 5}
        await api.beat(node, 1, **ran, health={"state": "healthy"}, versions={"agent": "a"})
        await until(lambda: row(node).running == GOOD.digest)
        first = row(node)
        assert first.running_since is not None
        assert first.health == "healthy"
        await api.beat(node, 2, **ran, health={"state": "unhealthy", "reason": "502 from routes app"})
        await until(lambda: row(node).health == "unhealthy")
        assert row(node).health_reason == "502 from routes app"
        assert row(node).running_since == first.running_since
        await api.beat(node, 3, refusal=refusal)
        await until(lambda: row(node).refusal is not None)
        assert row(node).running == GOOD.digest, "a field that is left out changes nothing"
        await api.beat(node, 4, refusal=refusal | {"at": "2026-11-23T20:01:00Z"})
        await until(lambda: row(node).counter == 4)
        await api.beat(node, 5, health={"state": "healthy"}, refusal=None)
        await until(lambda: row(node).health == "healthy")
        assert row(node).refusal is None
        assert events(node) == [
            "node.registered", "node.activated", "node.unhealthy", "node.refused", "node.recovered",
        ]  # fmt: skip
        changed = row(node).changed_at
        await api.beat(node, 6, health={"state": "healthy"})
        await until(lambda: row(node).counter == 6)
        assert row(node).changed_at == changed, "an unchanged report moves only the time of the report"

    serve(environ, talk)


def test_f2_29_an_older_counter_within_a_boot_is_dropped(environ: dict[str, str], release: Release) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        await api.beat(node, 7, running=NEXT.digest)
        await until(lambda: row(node).counter == 7)
        await api.beat(node, 6, running=GOOD.digest)
        await asyncio.sleep(0.5)
        assert (row(node).counter, row(node).running) == (7, NEXT.digest)
        # Both in one batch, in the wrong order.
        await api.beat(node, 9, running=GOOD.digest)
        await api.beat(node, 8, running=NEXT.digest)
        await until(lambda: row(node).counter == 9)
        assert row(node).running == GOOD.digest
        # Another boot starts counting afresh.
        body = {"boot_id": "boot-0002", "counter": 1, "running": NEXT.digest}
        await api.ask("POST", f"/api/v1/nodes/{node['id']}/heartbeat", body=body, key=node["key"])
        await until(lambda: row(node).boot_id == "boot-0002")
        assert row(node).running == NEXT.digest

    serve(environ, talk)


def test_what_was_reported_is_written_when_the_worker_stops(
    environ: dict[str, str], release: Release
) -> None:
    token = release.token()
    seen = {}

    async def talk(api: Api) -> None:
        seen.update(await api.register(token))
        await api.beat(seen, 1, running=GOOD.digest)

    serve(environ, talk)
    session.connect(release.settings)
    assert row(seen).running == GOOD.digest


def test_a_retired_node_is_locked_out_within_five_seconds(environ: dict[str, str], release: Release) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        await api.beat(node, 1)
        with writing():
            Node.update(retired_at=clock.now(), changed_at=clock.now()).where(Node.id == node["id"]).execute()
        deadline = time.monotonic() + 5
        while (await api.poll(node)).status != 401:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    serve(environ, talk)


def test_a_node_that_registered_with_another_worker_is_known_at_once(
    environ: dict[str, str], release: Release
) -> None:
    token = release.token()

    async def talk(api: Api) -> None:
        from web.nodes.registration import Application, register

        made = await asyncio.to_thread(
            register, "shop", Application(token, "edge-9", {}, {}), now=clock.now(), address=""
        )
        reply = await api.beat({"id": made.entry.id, "key": made.key}, 1)
        assert reply.status == 200

    serve(environ, talk)


def test_the_poll_path_asks_neither_database_nor_store(environ: dict[str, str], release: Release) -> None:
    release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        for task in api.service._tasks:
            task.cancel()
        session.disconnect()
        assert (await api.poll(node)).status == 200
        assert (await api.beat(node, 1)).status == 200
        api.service.heartbeats.pending.clear()
        session.connect(release.settings)

    serve(environ, talk)


def test_ready_names_what_is_missing_and_serving_goes_on(environ: dict[str, str], release: Release) -> None:
    release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(token)
        assert (await api.ask("GET", "/ready")).status == 200
        look = api.service.loader.look

        def away() -> None:
            raise OSError("the disk is gone")

        type(api.service.loader).look = lambda self: away()  # type: ignore[method-assign, assignment]
        try:
            await until(lambda: api.service.trouble != "")
            reply = await api.ask("GET", "/ready")
            assert reply.status == 503
            assert "the disk is gone" in reply.json["missing"][0]
            assert (await api.poll(node)).status == 200
            assert (await api.ask("GET", "/health")).status == 200
        finally:
            type(api.service.loader).look = look.__func__  # type: ignore[method-assign]
        await until(lambda: api.service.trouble == "")
        assert (
            b'sentinel_nodes_requests_total{route="bundles/latest",status="200"}'
            in (await api.ask("GET", "/metrics")).body
        )

    serve(environ, talk)
