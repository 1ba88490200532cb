"""The pages of what is released and may be: approvals, calendar, rollouts, bundles."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from flask import Flask
from flask.testing import FlaskClient

from reconciler.db.models import Bundle, Environment, Node, Rollout
from reconciler.db.session import writing
from tests.unit.pages.sample_project import NOW, digest
from web.pages.calendar import calendar

SHOP = "/o/acme/p/shop"


def test_the_queue_says_whose_word_is_missing_and_how_to_give_it(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/approvals").text
    queue = page.split("What each environment asks for")[0]
    for words in (
        "1 more approval of 2",
        "1 of 2 approvals: one of release is missing",
        "jonas@acme.example approves: read the diff",
        "maren@acme.example: wrote what the release brings, and may not approve it",
        "sentinelctl approve production --sign ~/.ssh/id_ed25519",
        "team release",
        "medium risk",
        "sentinelctl resume production",
    ):
        assert words in queue, words
    assert "staging" not in queue.split("<main")[1]


def test_a_wish_that_waits_for_a_word_needs_attention(app: Flask) -> None:
    client = app.test_client()
    notices = client.get(f"{SHOP}/?fragment=attention").text
    assert f'<a href="{SHOP}/approvals">production waits for 1 more approval</a>' in notices
    with writing():
        row = Environment.get(Environment.name == "production")
        row.view = {**row.view, "waiting": [{"code": "W-HLD-001", "message": "held"}]}
        row.save()
    assert "more approval" not in client.get(f"{SHOP}/").text


def test_what_can_be_done_stands_with_the_rollout_and_the_node(client: FlaskClient) -> None:
    rollout = client.get(f"{SHOP}/environments/production/rollouts/r-0006").text
    assert "sentinelctl cancel production" in rollout
    ended = client.get(f"{SHOP}/environments/dev/rollouts/r-0013").text
    assert "sentinelctl cancel" not in ended
    identifier = Node.select().where(Node.retired_at.is_null(), Node.running != "").first().id
    node = client.get(f"{SHOP}/nodes/{identifier}").text
    assert f"sentinelctl node retire {identifier}" in node
    assert f"--node {identifier} --bundle sha256:" in node


def test_nothing_waits_when_the_wish_is_what_runs(app: Flask) -> None:
    with writing():
        row = Environment.get(Environment.name == "production")
        row.view = {**row.view, "live": digest(9)}
        row.save()
        Rollout.update(state="completed").execute()
    page = app.test_client().get(f"{SHOP}/approvals").text
    assert "Nothing waits for a person" in page
    assert "sentinelctl approve" not in page


def test_the_calendar_draws_what_is_frozen(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/calendar").text
    assert "every friday 16:00 to monday 08:00" in page
    assert "nobody is there to look" in page
    dev, staging, production = re.findall(r'<svg class="track".*?</svg>', page, re.DOTALL)
    assert "track-frozen" not in dev
    assert staging.count("track-frozen") == 1
    assert production.count("track-frozen") > 3


def test_a_freeze_that_holds_says_until_when(app: Flask) -> None:
    rows = list(Environment.select().order_by(Environment.position))
    saturday = datetime(2026, 11, 28, 12, tzinfo=UTC)
    found = calendar(rows, now=saturday)
    assert [bool(line.windows) for line in found.lines] == [False, False, True]
    # Monday 08:00 in Berlin.
    assert found.lines[2].until == datetime(2026, 11, 30, 7, tzinfo=UTC)
    assert found.monday == datetime(2026, 11, 23, tzinfo=UTC)
    week = 1000 / 6
    assert found.now == round(week * 5.5 / 7)
    # What overlaps is drawn once: the turn of the year swallows its weekends.
    spans = found.lines[2].spans
    assert all(a + length < b for (a, length), (b, _) in pairwise(spans))
    assert all(one.ends > saturday for one in found.ahead)


def test_rollouts_are_narrowed_and_paged(app: Flask) -> None:
    with writing():
        for number in range(60):
            Rollout.create(
                organization="acme", project="shop", environment="dev", name=f"r-1{number:03}", digest=digest(1),
                strategy="rolling", state="cancelled", opened_at=NOW - timedelta(days=9), view={},
            )  # fmt: skip
    client = app.test_client()
    first = client.get(f"{SHOP}/rollouts?environment=dev&state=cancelled").text
    assert first.count("r-1") >= 50
    assert "r-0008" not in first
    more = re.search(r'rel="next" href="\?([^"]+)"', first)
    assert more is not None
    second = client.get(f"{SHOP}/rollouts?{more[1].replace('&amp;', '&')}").text
    assert "r-1000" in second
    assert "r-1059" not in second
    assert client.get(f"{SHOP}/rollouts?state=broken").status_code == 400


def test_a_bundle_is_found_by_the_beginning_of_its_digest(client: FlaskClient) -> None:
    short = digest(9).removeprefix("sha256:")[:10]
    for search in (short, f"sha256:{short}"):
        page = client.get(f"{SHOP}/bundles?digest={search}&fragment=bundles").text
        assert page.count('role="rowheader"') == 1
        assert "Move basket to its own upstream" in page
    everything = client.get(f"{SHOP}/bundles?fragment=bundles").text
    assert everything.count('role="rowheader"') == Bundle.select().count()
    assert "No bundle fits" in client.get(f"{SHOP}/bundles?digest=%25").text
