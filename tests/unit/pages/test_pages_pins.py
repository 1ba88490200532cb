"""Pinned nodes, on their own page and on that of their environment."""

from __future__ import annotations

from flask.testing import FlaskClient

from reconciler.db.models import Environment, Node
from reconciler.db.session import writing
from reconciler.fleet.cohorts import Assignment, PinnedNodes
from tests.unit.pages.sample_project import PROJECT, digest


def test_pages_say_by_whom_and_until_when(client: FlaskClient) -> None:
    with writing():
        node = Node.select().where(Node.environment == "production").order_by(Node.id).first()
        row = Environment.get(Environment.name == "production")
        pins = (PinnedNodes("canary", digest(2), None, (node.id,)),)
        told = {
            "name": "canary",
            "digest": digest(2),
            "nodes": node.id,
            "owner": "Ada Operator",
            "reason": "it leaks <here>",
            "until": "2027-01-01T08:00:00.000Z",
            "stands": True,
        }
        row.assignment = Assignment(None, pins).to_json()
        row.view = {**row.view, "pins": [told]}
        row.save()
    for path in (f"nodes/{node.id}", "environments/production"):
        page = client.get(f"/o/acme/p/{PROJECT}/{path}").text
        assert "Ada Operator" in page, path
        assert "it leaks &lt;here&gt;" in page, path
        assert "2027" in page, path
    assert f"pin-{digest(2)[7:19]}" in client.get(f"/o/acme/p/{PROJECT}/nodes/{node.id}").text
