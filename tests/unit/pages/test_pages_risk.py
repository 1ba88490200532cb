"""Risk on the pages: what is shown of stored rows, and that a page judges nothing itself."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from reconciler.db.models import Commit, Environment
from reconciler.db.risk import Risk
from tests.unit.pages.sample_project import commit_sha, digest
from web.pages.risks import coming, marks, of_digest
from web.pages.words import RISKS

HOME = "/o/acme/p/shop"


def environment(name: str, live: str, wished: str = "") -> Environment:
    return Environment(name=name, view={"live": live, "release": {"digest": wished} if wished else None})


def risk(name: str, level: str, bundle: str, against: str, at: int = 0) -> Risk:
    return Risk(
        environment=name, digest=bundle, against=against, level=level, judged_at=at, reasons=[], changes={}
    )


def text(client: FlaskClient, path: str) -> str:
    answer = client.get(HOME + path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_what_runs_now_counts_before_what_was_judged_last() -> None:
    rows = [risk("a", "high", "new", "live", 1), risk("a", "low", "new", "older", 2)]
    (found,) = of_digest("new", [environment("a", "live")], rows)
    assert (found.state.key, found.against, found.current) == ("high", "live", True)
    (found,) = of_digest("new", [environment("a", "other")], rows)
    assert (found.state.key, found.against, found.current) == ("low", "older", False)


def test_an_environment_that_runs_the_bundle_or_is_not_judged_is_left_out() -> None:
    rows = [risk("a", "high", "new", "older"), risk("b", "high", "other", "")]
    assert of_digest("new", [environment("a", "new"), environment("b", "")], rows) == []


def test_the_matrix_marks_what_is_worse_than_low_against_what_runs_now() -> None:
    commits = [Commit(digest="new"), Commit(digest="")]
    for level in RISKS:
        found = marks(commits, [environment("a", "live")], [risk("a", level, "new", "live")])
        assert found == ({} if level == "low" else {("new", "a"): RISKS[level]})
    assert marks(commits, [environment("a", "live")], [risk("a", "high", "new", "older")]) == {}
    assert marks(commits, [environment("a", "live")], [risk("a", "high", "unseen", "live")]) == {}


def test_what_may_come_is_what_is_wished_for_and_the_newest_commit() -> None:
    commits = [
        Commit(digest="", state="refused"),
        Commit(digest="new", state="compiled"),
        Commit(digest="old", state="compiled"),
    ]
    rows = [risk("a", "high", name, "live") for name in ("new", "old", "wished")]
    found = coming(environment("a", "live", "wished"), commits, rows)
    assert [one.digest for one in found] == ["wished", "new"]
    assert coming(environment("a", "elsewhere", "wished"), commits, rows) == []


def test_a_commit_shows_its_risk_with_rule_reason_and_routes(client: FlaskClient) -> None:
    page = text(client, f"/commits/{commit_sha(13)}")
    assert 'data-risk="production critical"' in page
    assert "auth-removed" in page
    assert "checkout.1 is no longer guarded by customers" in page
    assert "and 25 more" in page
    assert 'data-risk="staging unknown"' in page


def test_a_risk_judged_against_something_else_says_so(client: FlaskClient) -> None:
    page = text(client, f"/commits/{commit_sha(9)}")
    assert 'data-risk="staging high"' in page
    assert "which ran there when it was judged" in page


def test_an_environment_shows_the_risk_of_what_may_come(client: FlaskClient) -> None:
    page = text(client, "/environments/production")
    assert f'data-risk="{digest(13)} critical"' in page
    assert f'data-risk="{digest(9)} medium"' in page
    assert f'data-risk="{digest(12)} ' not in page


def test_the_matrix_leads_from_a_mark_to_the_reasons(client: FlaskClient) -> None:
    page = text(client, "/")
    assert f'data-risk="critical" href="{HOME}/commits/{commit_sha(13)}#risk"' in page
    assert 'data-risk="low"' not in page


def test_the_json_view_has_all_of_it(client: FlaskClient) -> None:
    found = client.get(f"/api/v1/projects/shop/commits/{commit_sha(13)}/risk").get_json()
    assert [(item["environment"], item["level"]) for item in found["items"]] == [
        ("staging", "unknown"),
        ("production", "critical"),
    ]
    production = found["items"][1]
    assert (production["against"], production["current"]) == (digest(5), True)
    assert production["reasons"][0]["rule"] == "auth-removed"
    assert client.get("/api/v1/projects/shop/commits/nonsense/risk").status_code == 404


@pytest.mark.parametrize("level", list(RISKS))
def test_every_level_is_in_the_legend(client: FlaskClient, level: str) -> None:
    assert RISKS[level].meaning in text(client, "/")
