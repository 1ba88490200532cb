"""Status of nodes: Python and SQL agree; search, filters and pages."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.db.measures import NodeSignal
from reconciler.db.models import Environment, Node, Pointer
from reconciler.db.session import writing
from reconciler.fleet.cohorts import Assignment
from reconciler.fleet.signals import Counts
from reconciler.fleet.versions import Versions
from reconciler.settings import Settings
from tests.unit.pages.sample_project import NOW, PROJECT, digest
from web.pages import node_reads
from web.pages.node_status import status
from web.pages.scope import Scope
from web.pages.words import NODES

SCOPE = Scope("acme", PROJECT)
AGES = (None, timedelta(0), timedelta(seconds=60), timedelta(seconds=60, milliseconds=1), timedelta(days=2))


def test_the_database_and_the_program_give_the_same_status(settings: Settings) -> None:
    with writing():
        for name, seconds in (("dev", 60), ("bare", None)):
            Environment.create(
                organization="acme",
                project=PROJECT,
                name=name,
                position=0,
                updated_at=NOW,
                view={"policy": {"stale_after_seconds": seconds}},
            )
        for cohort, number in (("base", 1), ("next", 2)):
            Pointer.create(
                organization="acme",
                project=PROJECT,
                environment="dev",
                cohort=cohort,
                sequence=3,
                digest=digest(number),
                envelope="{}",
                etag="e",
                issued_at=NOW,
            )
        kinds = itertools.product(
            ("dev", "bare"),
            AGES,
            (None, {"code": "E-1"}),
            ("healthy", "unhealthy", "unknown"),
            ("", digest(1), digest(2), digest(3)),
        )
        for number, (environment, age, refusal, health, running) in enumerate(kinds):
            Node.create(
                id=f"n{number:04}",
                organization="acme",
                project=PROJECT,
                environment=environment,
                name=f"edge-{number:04}",
                key_sha256="0" * 64,
                registered_at=NOW,
                changed_at=NOW,
                running=running,
                health=health,
                refusal=refusal,
                reported_at=None if age is None else NOW - age,
            )
    fleet = node_reads.fleet(SCOPE)
    seen = set()
    for key in NODES:
        found = node_reads.nodes(SCOPE, fleet, now=NOW, status=key, limit=1000)
        assert {status(node, fleet.offer(node.environment), now=NOW) for node in found} <= {key}
        seen.update(node.id for node in found)
        counted = node_reads.total(node_reads.counts(SCOPE, fleet, now=NOW))
        assert counted[key] == len(found) > 0
    assert len(seen) == Node.select().count()


def test_pages_go_through_all_nodes_once(client: FlaskClient) -> None:
    names, cursor = [], ""
    for _ in range(20):
        answer = client.get(f"/api/v1/projects/shop/nodes?limit=7&after={cursor}").json
        names += [item["name"] for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert len(names) == len(set(names)) == 33
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("q=edge-07", ["production-edge-07"], id="part of a name"),
        pytest.param("q=%25", [], id="a wildcard is a character"),
        pytest.param("q=dev_edge", [], id="so is an underscore"),
        pytest.param("status=refusing", ["production-edge-07"], id="status"),
        pytest.param("environment=dev&status=silent", ["dev-edge-03"], id="environment and status"),
        pytest.param("environment=nowhere", [], id="no such environment"),
    ],
)
def test_search_and_filters(client: FlaskClient, query: str, expected: list[str]) -> None:
    answer = client.get(f"/api/v1/projects/shop/nodes?{query}").json
    assert [item["name"] for item in answer["items"]] == expected


def test_three_axes_and_what_was_refused(client: FlaskClient) -> None:
    [node] = client.get("/api/v1/projects/shop/nodes?q=production-edge-07").json["items"]
    assert (node["desired"], node["delivered"], node["running"]) == (digest(9), digest(9), digest(5))
    assert (node["cohort"], node["status"], node["freshness"]) == ("next", "refusing", "online")
    page = client.get(f"/o/acme/p/shop/nodes/{node['id']}").text
    assert "E-VER-009" in page
    assert "the blob has 9,371 bytes and the pointer says 9,859" in page
    assert "key_sha256" not in page


def test_a_silent_node_is_unknown_whatever_it_said_last(client: FlaskClient) -> None:
    [node] = client.get("/api/v1/projects/shop/nodes?q=production-edge-11").json["items"]
    assert (node["status"], node["health"]) == ("silent", "healthy")
    assert "Nobody knows what it does now" in client.get(f"/o/acme/p/shop/nodes/{node['id']}").text


def test_a_node_of_another_project_is_not_there(app: Flask) -> None:
    client = app.test_client()
    [node] = client.get("/api/v1/projects/shop/nodes?q=production-edge-07").json["items"]
    foreign = client.get(f"/o/rival/p/mail/nodes/{node['id']}")
    absent = client.get("/o/rival/p/mail/nodes/n-0")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.data == absent.data


def test_the_page_keeps_what_it_was_narrowed_to(client: FlaskClient) -> None:
    page = client.get("/o/acme/p/shop/nodes?selector=region=eu-west&version=1.4.2").text
    assert 'value="region=eu-west"' in page
    assert 'value="1.4.2"' in page
    assert "production-edge-01" in page
    assert "production-edge-02" not in page


def test_the_page_shows_what_the_node_counted_lately(client: FlaskClient) -> None:
    [node] = client.get("/api/v1/projects/shop/nodes?q=production-edge-01").json["items"]
    path = f"/o/acme/p/shop/nodes/{node['id']}"
    assert "Signals of the last hour" not in client.get(path).text
    shop = Counts(2000, 25, 2000, (10, 250), (1500, 1990))
    with writing():
        for minutes, services in ((3, {"shop": shop, "": Counts(4, 4)}), (61, {"old": Counts(9)})):
            whole = sum(services.values(), start=Counts())
            NodeSignal.create(
                organization="acme", project="shop", environment="production", node=node["id"], digest=digest(5),
                minute=NOW - timedelta(minutes=minutes), requests=whole.requests, failed=whole.failed,
                observed=whole.observed, buckets=[whole.bounds, whole.within],
                services={name: counts.to_json() for name, counts in services.items()}, cpu_permille=420,
            )  # fmt: skip
    page = client.get(path).text
    assert "Signals of the last hour" in page
    found = re.findall(r'scope="row">([^<]*)</th>((?:<td[^>]*>[^<]*</td>)+)', page)
    assert {name: re.findall(r">([^<]+)<", cells) for name, cells in found} == {
        "shop": ["2,000", "1.3 %", "10 ms", "250 ms"],
        "the proxy itself": ["4", "100.0 %", "unknown", "unknown"],
    }
    assert "processor 42 %, memory unknown" in page


def test_a_page_says_who_is_left_out_by_version_and_which_weight_is_published(client: FlaskClient) -> None:
    with writing():
        node = Node.select().where(Node.environment == "production").order_by(Node.id).first()
        node.versions, node.weight = {"proxy": "zentinel 0.6.17", "agent": "sentinel-node/0.1.0"}, 35
        node.save()
        needs = Assignment(needs=dict.fromkeys(("base", "next"), Versions("0.6.20", "0.2.0")))
        Environment.update(assignment=needs.to_json()).where(Environment.name == "production").execute()
    page = client.get(f"/o/acme/p/{PROJECT}/nodes/{node.id}").text
    assert "Its proxy is older than 0.6.20, which the bundle needs" in page
    assert "Its agent is older than 0.2.0, which the bundle needs" in page
    assert '<span class="mono">outdated</span>' in page
    assert "35 of 100" in page
