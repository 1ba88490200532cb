"""The node API and the log: tiles for nodes, and what nodes report of it."""

from __future__ import annotations

from typing import Any

from reconciler import clock
from reconciler.bundle.leaves import AuditLeaf
from reconciler.db.logged import LogCheckpoint
from reconciler.db.models import Node, Work
from reconciler.db.session import writing
from reconciler.store import layout
from tests.unit.node.publishing import build
from tests.unit.nodes_api.served import Api, Release, serve

GOOD = build("127.0.0.1:3000")


async def registered(api: Api, release: Release) -> dict[str, Any]:
    body = {"token": release.token(), "name": "edge-1", "labels": {}, "versions": {}}
    answer = await api.ask("POST", "/api/v1/projects/shop/nodes/register", body=body)
    assert answer.status == 201
    found: dict[str, Any] = answer.json
    return found


def test_tiles_are_served_to_nodes_of_the_organization(environ: dict[str, str], release: Release) -> None:
    release.log.grow(3)
    release.pointer(GOOD, sequence=1)
    release.store.put(layout.log("acme", "edge.json"), b"{}")

    async def play(api: Api) -> None:
        node = await registered(api, release)
        prefix = f"/api/v1/nodes/{node['id']}/log"
        answer = await api.ask("GET", f"{prefix}/tile/0/000.p/4", key=node["key"])
        assert answer.status == 200
        assert answer.body == next(row for tile, row in release.log.tiles.items() if tile.width == 4)
        assert "immutable" in answer.headers["cache-control"]
        for path in ("tile/0/000.p/9", "tile/0/000", "tile/9/x001/000"):
            answer = await api.ask("GET", f"{prefix}/{path}", key=node["key"])
            assert (answer.status, answer.json["code"]) == (404, "E-NAP-012")
        # Nothing else of the log's folder, and nothing outside of it, has a path here.
        for path in ("edge.json", "tile/entries/000", "tile/0/..", "tile/0/000.p/0", "tile/0/000.p/4/../4"):
            answer = await api.ask("GET", f"{prefix}/{path}", key=node["key"])
            assert (answer.status, answer.json["code"]) == (404, "E-NAP-001")
        assert (await api.ask("GET", f"{prefix}/tile/0/000.p/4")).status == 401

    serve(environ, play)


def test_a_checkpoint_that_was_never_signed_is_looked_into_at_once(
    environ: dict[str, str], release: Release
) -> None:
    release.pointer(GOOD, sequence=1)
    signed = str(release.log.checkpoint())
    release.log.add(AuditLeaf("acme", 1, "f" * 64))
    other = str(release.log.checkpoint())
    with writing():
        LogCheckpoint.create(organization="acme", epoch=1, size=1, checkpoint=signed, signed_at=clock.now())

    async def play(api: Api) -> None:
        node = await registered(api, release)
        for counter, (said, owed) in enumerate([(signed, 0), (other, 1), (other, 1), (None, 1)], start=1):
            body = {"boot_id": "boot-12345", "counter": counter, "log": said}
            answer = await api.ask(
                "POST", f"/api/v1/nodes/{node['id']}/heartbeat", body=body, key=node["key"]
            )
            assert answer.status == 200
            await api.service.heartbeats.flush()
            assert Node.get_by_id(node["id"]).log == (said or "")
            assert [row.wanted for row in Work.select().where(Work.kind == "log")] == [owed][: bool(owed)]
        for wrong in (
            "",
            "x",
            f"{signed}x",
            f"{signed}\n",
            signed.replace("sentinel/", ""),
            5,
            "sentinel/acme -1 x",
        ):
            body = {"boot_id": "boot-12345", "counter": 9, "log": wrong}
            answer = await api.ask(
                "POST", f"/api/v1/nodes/{node['id']}/heartbeat", body=body, key=node["key"]
            )
            assert (answer.status, answer.json["code"]) == (400, "E-NAP-004")

    serve(environ, play)
