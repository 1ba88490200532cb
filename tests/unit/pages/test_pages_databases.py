"""Every page and view answers the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.settings import Settings
from tests.unit.pages.sample_project import CATALOGUE, NOW, fill
from tests.unit.pages.test_pages_content import PATHS
from web.app import create_app


def test_every_page_answers(database: Settings) -> None:
    fill()
    client = create_app(
        replace(database, pages_access="loopback"), catalogue=CATALOGUE, now=lambda: NOW
    ).test_client()
    assert {path: client.get(path).status_code for path in PATHS} == dict.fromkeys(PATHS, 200)
    found: Any = client.get("/api/v1/projects/shop/nodes/stats").json
    assert found["total"] == {"ok": 28, "silent": 3, "refusing": 1, "unhealthy": 1, "lagging": 0, "idle": 0}
    [node] = client.get("/api/v1/projects/shop/nodes?q=EDGE-07&status=refusing").json["items"]
    assert node["name"] == "production-edge-07"
    assert client.get("/api/v1/projects/shop/nodes?q=%25").json["items"] == []
    search = "/api/v1/projects/shop/nodes?environment=production&version=1.4.2&selector="
    assert [node["name"] for node in client.get(search + "region=eu-west and rack=b2").json["items"]] == [
        "production-edge-07",
        "production-edge-17",
    ]
    assert client.get(search + "region=EU-WEST").json["items"] == []
