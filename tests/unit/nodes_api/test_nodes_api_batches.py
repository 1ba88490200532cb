"""What nodes tell in batches: whose it is, that it is kept once and before the answer, and how much is taken."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.measures import NodeSignal
from reconciler.db.models import Event, Node
from reconciler.db.reported import ATTACKS_KEPT, NodeBatch, RuntimeConfig, WafEvent, forget_reports
from tests.unit.nodes_api.served import Api, Release, Reply, serve
from web.nodes.batches import MOST_WAITING, take
from web.nodes.telling import KINDS

EVENT = {"kind": "disk-full", "severity": "error", "message": "no space left", "at": "2026-11-24T20:00:00Z",
         "details": {"path": "/var"}}  # fmt: skip
ATTACK = {"at": "2026-11-24T20:00:00Z", "rule": "942100", "category": "sqli", "action": "blocked",
          "severity": "critical", "service": "shop", "client": "2001:db8::1", "method": "GET",
          "path": "/search?q=1+or+1", "agent": "curl/8"}  # fmt: skip
SIGNALS = {
    "life": "1-2",
    "services": {"shop": {"requests": 5, "failed": 1, "observed": 5, "within_ms": {"10": 5}}},
}
CONFIG = {
    "config_id": "0123456789abcdef",
    "document": {"routes": [{"id": "shop", "matches": [{"path": "/"}]}]},
}
GOOD: dict[str, Any] = {"events": [EVENT], "metrics": SIGNALS, "waf-events": [ATTACK], "config": CONFIG}


async def tell(
    api: Api, node: dict[str, Any], kind: str, items: Any, batch: str = "batch-0001", **more: Any
) -> Reply:
    body = {"batch": batch, KINDS[kind].field: items, **more}
    return await api.ask("POST", f"/api/v1/nodes/{node['id']}/{kind}", body=body, key=node["key"])


def kept() -> dict[str, int]:
    return {
        "events": Event.select().where(Event.kind == "node.told").count(),
        "waf-events": WafEvent.select().count(),
        "config": RuntimeConfig.select().count(),
    }


def test_everything_is_kept_before_the_answer_and_belongs_to_the_node(
    environ: dict[str, str], release: Release
) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        for kind, items in GOOD.items():
            reply = await tell(api, node, kind, items)
            assert (reply.status, reply.json) == (200, {"taken": 1, "known": False}), reply.body
        assert kept() == {"events": 1, "waf-events": 1, "config": 1}
        event = Event.get(Event.kind == "node.told")
        assert (event.organization, event.project, event.subject) == ("acme", "shop", node["id"])
        assert event.message == "edge-1: no space left"
        assert event.details["kind"] == "disk-full"
        attack = WafEvent.get()
        assert (attack.organization, attack.project, attack.environment) == ("acme", "shop", "production")
        assert (attack.path, attack.client) == ("/search", "2001:db8::1"), "a query may hold what is personal"
        assert RuntimeConfig.get().document == CONFIG["document"]

    serve(environ, talk)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_batch_that_was_taken_adds_nothing_again(
    environ: dict[str, str], release: Release, kind: str
) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node, other = await api.register(join), await api.register(join, "edge-2")
        assert (await tell(api, node, kind, GOOD[kind])).json["taken"] == 1
        before = kept()
        replies = await asyncio.gather(*(tell(api, node, kind, GOOD[kind]) for _ in range(5)))
        assert [reply.json for reply in replies] == [{"taken": 0, "known": True}] * 5
        assert kept() == before
        assert (await tell(api, other, kind, GOOD[kind])).json["taken"] == 1, (
            "another node's name for another batch"
        )

    serve(environ, talk)


def test_two_workers_that_get_the_same_batch_at_once_keep_it_once(
    environ: dict[str, str], release: Release
) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        kind = KINDS["waf-events"]
        items = kind.read([ATTACK] * 20)

        def at_once() -> bool:
            try:
                return take(kind, node["id"], "batch-0001", items, now=clock.now())
            finally:
                session.close()

        taken = await asyncio.gather(*(asyncio.to_thread(at_once) for _ in range(4)))
        assert sorted(taken) == [False, False, False, True]
        assert WafEvent.select().count() == 20

    serve(environ, talk)


def test_counters_told_both_ways_count_once(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    def at(requests: int) -> dict[str, Any]:
        counts = {"requests": requests, "failed": 0, "observed": 0, "within_ms": {}}
        return {"life": "1", "services": {"shop": counts}}

    async def talk(api: Api) -> None:
        node = await api.register(join)
        await api.beat(node, 1, signals=at(100))
        assert await api.service.heartbeats.flush()
        await api.beat(node, 2, signals=at(110))
        await tell(api, node, "metrics", at(120))
        assert await api.service.heartbeats.flush(), "the older counters come later"
        await api.beat(node, 3, signals=at(125))
        assert await api.service.heartbeats.flush()
        assert sum(row.requests for row in NodeSignal.select()) == 25

    serve(environ, talk)


def test_an_hour_has_room_for_so_many(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node, other = await api.register(join), await api.register(join, "edge-2")
        for number in range(10):
            assert (await tell(api, node, "events", [EVENT] * 100, f"batch-{number:04}")).status == 200
        reply = await tell(api, node, "events", [EVENT], "batch-0010")
        assert (reply.status, reply.json["code"]) == (429, "E-NAP-021")
        assert "retry-after" in reply.headers
        assert (await tell(api, node, "events", [EVENT], "batch-0009")).json["known"], (
            "what is known is no more"
        )
        assert (await tell(api, other, "events", [EVENT])).status == 200
        assert kept()["events"] == 1_001
        NodeBatch.update(at=clock.now() - timedelta(hours=1)).execute()
        assert (await tell(api, node, "events", [EVENT], "batch-0010")).status == 200

    serve(environ, talk)


def test_what_waits_for_the_database_is_bounded(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        api.service.waiting = MOST_WAITING
        reply = await tell(api, node, "events", [EVENT])
        assert (reply.status, reply.json["code"]) == (503, "E-NAP-009")
        api.service.waiting = 0
        assert (await tell(api, node, "events", [EVENT])).status == 200
        assert api.service.waiting == 0

    serve(environ, talk)


def test_a_retired_node_tells_nothing_more(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        Node.update(retired_at=clock.now()).execute()
        assert (await tell(api, node, "events", [EVENT])).status == 401
        assert kept()["events"] == 0

    serve(environ, talk)


def test_old_ones_are_forgotten(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        await tell(api, node, "waf-events", [ATTACK])
        assert forget_reports(now=clock.now()) == 0
        assert forget_reports(now=clock.now() + ATTACKS_KEPT) == 2

    serve(environ, talk)


@pytest.mark.parametrize(
    ("kind", "items", "words"),
    [
        ("events", [], "a list of 1 to 100"),
        ("events", [EVENT] * 101, "a list of 1 to 100"),
        ("events", [{**EVENT, "project": "other"}], "'events.project' is not a field"),
        ("events", [{**EVENT, "kind": "Disk"}], "'kind'"),
        ("events", [{**EVENT, "severity": "fatal"}], "'severity' must be one of"),
        ("events", [{**EVENT, "message": ""}], "'message'"),
        ("events", [{**EVENT, "at": "2026-13-45T99:00:00Z"}], "not a moment of any calendar"),
        ("events", [{**EVENT, "details": {"a": 1}}], "'details'"),
        ("waf-events", [ATTACK] * 501, "a list of 1 to 500"),
        ("waf-events", [{**ATTACK, "client": "localhost"}], "'client' must be an IP address"),
        ("waf-events", [{**ATTACK, "category": "other"}], "'category' must be one of"),
        ("waf-events", [{**ATTACK, "path": "/\n"}], "'path' holds control characters"),
        ("waf-events", [{**ATTACK, "body": "x"}], "'events.body' is not a field"),
        ("metrics", {"life": "1"}, "'signals.services'"),
        ("config", {"config_id": None}, "'config_id' and 'document'"),
        ("config", {"config_id": "x", "document": {}}, "'config_id' must be null or 16 hex digits"),
        ("config", {"config_id": None, "document": {"a": "\ud800"}}, "control characters"),
    ],
)
def test_a_mistake_in_one_item_takes_nothing_of_the_batch(
    environ: dict[str, str], release: Release, kind: str, items: Any, words: str
) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        mixed = [GOOD[kind][0], *items] if isinstance(items, list) and items and len(items) < 100 else items
        reply = await tell(api, node, kind, mixed)
        assert (reply.status, reply.json["code"]) == (400, "E-NAP-004"), reply.body
        assert words in reply.json["detail"]
        assert kept() == {"events": 0, "waf-events": 0, "config": 0}
        assert NodeBatch.select().count() == 0

    serve(environ, talk)


def test_whose_it_is_cannot_be_said(environ: dict[str, str], release: Release) -> None:
    join = release.token()

    async def talk(api: Api) -> None:
        node = await api.register(join)
        for kind, items in GOOD.items():
            for field in ("project", "organization", "environment", "subject"):
                assert (await tell(api, node, kind, items, **{field: "other"})).status == 400

    serve(environ, talk)


NASTY: list[Any] = [
    None, True, -1, 2**70, 1e308, "", "\x00", "\ud800", "x" * 70_000, [], [[]], {}, {"a": {}}, "\u2028", "٣", [1] * 600,
    "2026-11-24T20:00:00Z", "' OR 1=1 --", "../../etc/passwd", {"": ""}, "0000-00-00T00:00:00Z", "::ffff:1.2.3.4%eth0",
]  # fmt: skip


def spoiled(document: Any, chance: random.Random) -> Any:
    """The same with some parts in the place of which something else stands."""
    if chance.random() < 0.08:
        return chance.choice(NASTY)
    if isinstance(document, dict):
        return {key: spoiled(value, chance) for key, value in document.items() if chance.random() > 0.03}
    if isinstance(document, list):
        return [spoiled(value, chance) for value in document] * chance.choice([1, 1, 1, 2])
    return document


def test_fuzzed_batches_never_break_anything(environ: dict[str, str], release: Release) -> None:
    join = release.token()
    chance = random.Random(20261124)

    async def talk(api: Api) -> None:
        node = await api.register(join)
        statuses: dict[int, int] = {}
        for number in range(1_200):
            kind = chance.choice(sorted(GOOD))
            body = spoiled({"batch": f"batch-{number:04}", KINDS[kind].field: GOOD[kind]}, chance)
            data = json.dumps(body).encode() if chance.random() < 0.97 else bytes(chance.randbytes(200))
            reply = await api.ask(
                "POST", f"/api/v1/nodes/{node['id']}/{kind}", body=data, key=node["key"], chunks=2
            )
            assert reply.status < 500, (kind, data[:300], reply.body)
            assert len(reply.body) < 2_000
            statuses[reply.status] = statuses.get(reply.status, 0) + 1
        assert statuses[200] > 100
        assert statuses[400] > 100

    serve(environ, talk)
