"""What the node API does when there is too much of something: to each it says another moment to come again."""

from __future__ import annotations

import pytest

from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Api, Release, serve
from web.nodes import heartbeats
from web.nodes.downloads import BUNDLES, LEAST, WINDOW, Downloads
from web.nodes.polling import AGAIN_WITHIN, SOONEST_AGAIN

GOOD = build("127.0.0.1:3000")


def test_a_full_queue_turns_nodes_away_and_takes_those_that_wait_already(
    environ: dict[str, str], release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "MOST_PENDING", 1)
    monkeypatch.setattr(heartbeats, "FLUSH_SECONDS", 60.0)
    token = release.token()

    async def talk(api: Api) -> None:
        first, second = [await api.register(token, name) for name in ("edge-1", "edge-2")]
        assert (await api.beat(first, 1)).status == 200
        moments = set()
        for counter in range(1, 20):
            reply = await api.beat(second, counter)
            assert (reply.status, reply.json["code"]) == (503, "E-NAP-060")
            moments.add(int(reply.headers["retry-after"]))
        assert len(moments) > 3, "they would all come back together"
        assert min(moments) >= SOONEST_AGAIN
        assert max(moments) < SOONEST_AGAIN + AGAIN_WITHIN
        assert (await api.beat(first, 2)).status == 200, "its newer report takes the place of the older one"
        told = (await api.ask("GET", "/metrics")).body
        assert b"sentinel_nodes_heartbeats_turned_away_total 19" in told
        await api.service.heartbeats.flush()
        assert (await api.beat(second, 20)).status == 200

    serve(environ, talk)


def test_a_node_that_downloads_for_ever_is_told_to_wait_and_others_are_not(
    environ: dict[str, str], release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.nodes.downloads.LEAST", 0)
    release.pointer(GOOD, sequence=1)
    token = release.token()

    async def talk(api: Api) -> None:
        first, second = [await api.register(token, name) for name in ("edge-1", "edge-2")]
        path = f"/api/v1/bundles/{GOOD.digest}"
        for _ in range(BUNDLES):
            assert (await api.ask("GET", path, key=first["key"])).body == GOOD.blob
        reply = await api.ask("GET", path, key=first["key"])
        assert (reply.status, reply.json["code"]) == (429, "E-NAP-061")
        assert 0 < int(reply.headers["retry-after"]) <= WINDOW
        assert (await api.ask("HEAD", path, key=first["key"])).status == 200
        assert (await api.ask("GET", path, key=second["key"])).status == 200

    serve(environ, talk)


def test_a_window_ends_and_small_bundles_are_always_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    downloads = Downloads()
    assert [downloads.wait("n-1", LEAST // 8, 1, now) for now in range(8)] == 8 * [0.0]
    assert downloads.wait("n-1", LEAST // 8, 1, 100.0) == WINDOW - 100
    assert downloads.wait("n-1", LEAST // 8, 1, WINDOW) == 0
    monkeypatch.setattr("web.nodes.downloads.MOST_NODES", 1)
    downloads.wait("n-2", 1, 1, WINDOW)
    assert len(downloads._spent) == 1
