"""Nodes are found by their labels, groups, versions and bundles, page by page."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from reconciler.db.models import Commit
from reconciler.db.session import reading, writing
from reconciler.simulator.virtual.scenario_files import read_policies
from tests.unit.pages.sample_project import digest

PATH = "/api/v1/projects/shop/nodes"

CONFIG = """
project "shop"
environment "staging" {
    proxy-version "0.6.20"
}
environment "production" {
    proxy-version "0.6.20"
}
node-group "west" {
    for "production" {
        label "region" "eu-west"
    }
    label "region" "eu-north"
}
"""


def names(client: FlaskClient, query: str) -> list[str]:
    answer = client.get(f"{PATH}?limit=200&{query}")
    assert answer.status_code == 200, answer.json
    return [node["name"] for node in answer.json["items"]]


def test_a_selector_means_the_same_as_for_a_rollout(client: FlaskClient) -> None:
    everybody = client.get(f"{PATH}?limit=200").json["items"]
    west = [node["name"] for node in everybody if node["labels"]["region"] == "eu-west"]
    assert 0 < len(west) < len(everybody)
    assert names(client, "selector=region=eu-west") == west
    assert names(client, "selector=not region in (eu-north, eu-south)") == west
    assert names(client, "selector=has region") == [node["name"] for node in everybody]
    assert names(client, "selector=has regio or region=eu-wes") == []
    assert names(client, "selector=region=EU-west") == [], "values have upper and lower case"
    narrow = "selector=region=eu-west and rack in (b1, b2)&environment=production"
    assert names(client, narrow) == [
        node["name"]
        for node in everybody
        if node["name"] in west
        and node["environment"] == "production"
        and node["labels"]["rack"] in ("b1", "b2")
    ]


def test_a_group_is_that_of_each_environment(client: FlaskClient) -> None:
    with writing():
        newest = Commit.select().order_by(Commit.position.desc()).first()
        row = newest.__data__ | {"sha": "f" * 40, "position": newest.position + 1, "state": "compiled"}
        row["policies"] = [policy.to_json() for policy in read_policies(CONFIG)]
        del row["id"]
        Commit.create(**row)
    everybody = client.get(f"{PATH}?limit=200").json["items"]
    where = {"production": "eu-west", "staging": "eu-north"}
    assert names(client, "group=west") == [
        node["name"] for node in everybody if node["labels"]["region"] == where.get(node["environment"])
    ]
    assert names(client, "selector=not group:west&environment=staging") == [
        node["name"]
        for node in everybody
        if node["environment"] == "staging" and node["labels"]["region"] == "eu-west"
    ]


def test_versions_and_bundles(client: FlaskClient) -> None:
    everybody = names(client, "")
    assert names(client, "version=1.4.2") == names(client, "version=0.1.0") == everybody
    assert names(client, "version=1.4") == []
    with reading():
        found = client.get(f"{PATH}?limit=200").json["items"]
    running = {node["running"] for node in found if node["running"]}
    assert len(running) > 1
    for one in running:
        fits = [node["name"] for node in found if node["running"] == one]
        assert names(client, f"bundle={one}") == names(client, f"bundle={one[7:30]}") == fits
    assert names(client, f"bundle={digest(99)}") == []


def test_what_was_narrowed_goes_on_page_by_page(client: FlaskClient) -> None:
    query, found, after = "selector=region=eu-west&limit=3", list[str](), ""
    while after is not None:
        page = client.get(f"{PATH}?{query}&after={after}").json
        found += [node["name"] for node in page["items"]]
        after = page["next"]
    assert found == names(client, "selector=region=eu-west")
    assert len(found) > 6


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        pytest.param("selector=region==eu", "E-NOD-100", "selector", id="no selector"),
        pytest.param("group=nobody", "E-NOD-101", "'nobody'", id="no group"),
        pytest.param("bundle=xyz", "E-WEB-006", "'bundle'", id="no digest"),
    ],
)
def test_a_mistake_is_told_and_finds_nobody(client: FlaskClient, query: str, code: str, words: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert words in answer.json["detail"]
