"""Drift on the pages: one notice for each pair of digests while it lasts."""

from __future__ import annotations

from flask import Flask

from reconciler.db.gating import Drift
from reconciler.db.session import writing
from tests.unit.pages.sample_project import NOW

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def drift(severity: str, running: str, nodes: int) -> None:
    with writing():
        Drift.create(
            organization="acme", project="shop", environment="production", desired=NEW, running=running,
            severity=severity, summary="A route asks less", nodes=nodes, examples=["edge-1", "edge-2"], since=NOW,
            seen_at=NOW,
        )  # fmt: skip


def test_what_drifts_needs_attention_until_it_is_over(app: Flask) -> None:
    drift("critical", OLD, 300)
    drift("low", "", 1)
    client = app.test_client()
    page = client.get("/o/acme/p/shop/").text
    assert "300 nodes of production drift, which is critical" in page
    assert "1111111 runs instead of 2222222" in page or "111111111111 runs instead of 222222222222" in page
    assert "A route asks less. Such as edge-1; edge-2." in page
    assert "1 node of production drifts, which is low" in page
    name = 'sentinel_drifting_nodes{organization="acme",project="shop",environment="production",severity='
    assert f'{name}"critical"}} 300' in client.get("/metrics").text
    with writing():
        Drift.update(resolved_at=NOW).execute()
    assert name not in client.get("/metrics").text
    assert "of production drift" not in client.get("/o/acme/p/shop/").text


def test_the_page_of_drift_tells_what_lasts_and_what_is_over(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/o/acme/p/shop/drift").text
    assert "Every node that is heard runs what git wants" in page
    assert "60 min" in page.split("What is over")[1]
    drift("critical", OLD, 300)
    drift("unknown", "several", 2)
    page = client.get("/o/acme/p/shop/drift").text
    now, over = page.split("What is over")
    assert "edge-1; edge-2" in now
    assert "A route asks less" in now
    assert "several others" in now
    assert "edge-1; edge-2" not in over
    assert "A route asks less" not in client.get("/o/acme/p/shop/drift?before=99").text
