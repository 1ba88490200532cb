"""The map of services, WAF policies and secrets, from what is kept of a configuration."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.compile.outlining import outlines
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.db.outlines import ConfigurationOutline
from reconciler.db.session import writing
from reconciler.outline.graph import Edge, Graph, Lines, Vertex
from reconciler.outline.outline import Outline, SecretValue
from tests.benchmarks.corpus import corpus
from tests.unit.pages.sample_project import commit_sha, digest
from web.pages import secrets, topology

SHOP = "/o/acme/p/shop"


@pytest.fixture(scope="module")
def thousand() -> Outline:
    """The outline of a project with a thousand services."""
    snapshot, _ = read_snapshot(SourceFile(path, content) for path, content in corpus(1000).items())
    assert snapshot is not None
    return list(outlines(snapshot))[-1]


def test_the_map_draws_services_and_links_each_plate(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/topology").text
    assert "6 services in production" in page
    assert page.count('class="plate plate-service') == 6
    assert "focus=service%2Fcheckout" in page
    assert "services/checkout.kdl" in page
    assert "plate-alert" not in page
    for kind in ("middleware", "auth-policy", "waf-policy", "upstream", "target"):
        assert f"plate-{kind}" in page


def test_a_search_finds_what_is_on_the_way(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/topology?q=api-limit&fragment=topology").text
    drawn = set(re.findall(r"<title>service ([a-z-]+)</title>", page))
    assert drawn
    assert len(drawn) < 6
    assert "<title>middleware api-limit</title>" in page
    assert "Nothing of that name" in client.get(f"{SHOP}/topology?q=nowhere&fragment=topology").text


def test_a_plate_leads_to_its_own_page(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/topology?focus=waf-policy/public").text
    assert "<h1>public</h1>" in page
    assert "git log -p -- policies.kdl" in page
    assert 'href="https://git.acme.example/edge/shop/blob/' in page
    assert client.get(f"{SHOP}/topology?focus=service/nobody").status_code == 404
    assert client.get(f"{SHOP}/topology?focus=alert/storefront-quiet").status_code == 404
    assert client.get(f"{SHOP}/topology?environment=nowhere").status_code == 404
    assert client.get(f"{SHOP}/topology?at=yesterday").status_code == 400


def test_what_runs_and_what_is_newest_are_told_apart(app: Flask) -> None:
    client = app.test_client()
    assert "as it runs" in client.get(f"{SHOP}/topology?environment=staging").text
    newest = client.get(f"{SHOP}/topology?environment=staging&at=newest").text
    assert "as the newest commit has it" in newest
    with writing():
        ConfigurationOutline.delete().execute()
    for path in ("topology", "waf"):
        page = client.get(f"{SHOP}/{path}").text
        assert "Nothing is kept of this configuration: the next commit that compiles brings it." in page


def test_an_outline_that_cannot_be_read_is_none(app: Flask) -> None:
    with writing():
        ConfigurationOutline.update(document='{"vertices":[[1]]}').execute()
    for path in ("topology", "waf", "secrets"):
        assert app.test_client().get(f"{SHOP}/{path}").status_code == 200


def test_a_thousand_services_are_turned_page_by_page(thousand: Outline) -> None:
    lines = topology.lines_of(thousand)
    begun = topology.starts(lines, None)
    assert len(begun) == 1000
    seen: list[Vertex] = []
    while len(seen) < 120:
        fit, kept = topology.page_of(lines, begun[len(seen) :])
        drawing = topology.drawing(lines, sorted(kept))
        assert drawing.left_out == 0
        assert 0 < len(drawing.boxes) <= topology.MOST
        seen += fit
    assert seen == begun[: len(seen)]
    assert [v.name for v in topology.starts(lines, "service-00777")] == ["service-00777"]


def test_boxes_do_not_overlap_and_lines_join_them(thousand: Outline) -> None:
    lines = topology.lines_of(thousand)
    _, kept = topology.page_of(lines, topology.starts(lines, None))
    drawing = topology.drawing(lines, sorted(kept))
    places = {(box.x, box.y) for box in drawing.boxes}
    assert len(places) == len(drawing.boxes)
    assert all(box.x + 212 <= drawing.width and box.y + 42 <= drawing.height for box in drawing.boxes)
    numbers = {box.number for box in drawing.boxes}
    assert drawing.lines
    assert all({line.start, line.end} <= numbers for line in drawing.lines)


def test_walking_a_graph_goes_one_way_and_ends_in_a_circle() -> None:
    a, b, c, d = (Vertex("service", name) for name in "abcd")
    edges = (Edge(a, b, "x"), Edge(b, c, "x"), Edge(c, a, "x"), Edge(d, c, "x"))
    lines = Lines(Graph("dev", (a, b, c, d), edges, dict.fromkeys((a, b, c, d), 0)))
    assert list(lines.below(a)) == [a, b, c]
    assert list(lines.above(a)) == [a, c, b, d]
    assert lines.cut({a, b}).edges == edges[:1]


def test_waf_policies_say_what_they_guard_and_leave_out(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/waf").text
    policies, rules = page.split("<h2>Catalogue")
    assert "Wrong about every second order" in policies
    assert "People search for books" in policies
    assert "path /search, parameter q" in policies
    row = rules.split('id="rule-942100"')[1].split("</tr>")[0]
    assert "no policy" in row
    sqli = client.get(f"{SHOP}/waf?category=sqli&fragment=waf").text
    assert 'id="rule-942' in sqli
    assert 'id="rule-911' not in sqli
    assert 'id="rule-911100"' in client.get(f"{SHOP}/waf?q=911").text
    assert client.get(f"{SHOP}/waf?category=nonsense").status_code == 400


def test_secrets_are_told_by_version_and_age_and_never_by_value(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/secrets").text
    body = page.split("<tbody")[1]
    assert body.index("mail-password") < body.index("edge-key") < body.index("shop-key")
    assert "120 days old, due for 30" in body
    assert "sentinelctl secret rotate edge-key --environment production" in body
    assert "missing" in body.split("mail-password")[1].split("</tr>")[0]
    assert "a place that is left for its value" in body.split("mail-password")[1].split("</tr>")[0]
    assert "/mail.kdl" in body
    assert "v1." not in body
    assert "sha256" not in body


@pytest.mark.parametrize(
    ("version", "rotated", "days", "needed", "state"),
    [
        (2, date(2026, 11, 1), 90, True, "sealed"),
        (2, date(2026, 8, 25), 90, True, "due"),
        (2, date(2026, 8, 26), 90, True, "sealed"),
        (2, None, None, True, "undated"),
        (None, None, 90, True, "missing"),
        (None, None, 90, False, "absent"),
    ],
)
def test_the_state_of_a_secret(
    version: int | None, rotated: date | None, days: int | None, needed: bool, state: str
) -> None:
    outline = Outline(
        Graph("dev", (), (), {}), secrets=(SecretValue("key", "", version, rotated, days, "a.kdl"),)
    )
    found = secrets.rows({"dev": outline}, {"dev": ["key"] if needed else []}, today=date(2026, 11, 23))
    assert [cell.state.key for cell in found[0].cells] == [state]


def test_the_page_of_a_bundle_tells_what_it_changes_and_what_is_in_it(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/bundles/{digest(9)}").text
    change = page.split("What it changes in production")[1].split("</section>")[0]
    assert change.index("removed") < change.index("basket.1")
    assert "<del>30</del> <ins>5</ins>" in change
    assert "and 12 more fields" in change
    assert "config/production/sentinel.kdl" in page.split("Bill of materials")[1]
    assert f"sentinelctl promote production --digest {digest(9)[:19]}" in page
    assert f"/api/v1/projects/shop/bundles/{digest(9)}/statement" in page
    assert f"https://git.acme.example/edge/shop/commit/{commit_sha(9)}" in page
