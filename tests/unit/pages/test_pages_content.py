"""What pages show, and what they never do."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reconciler.db.logged import LogAlarm
from reconciler.db.models import TABLES, Commit, Environment, Rollout
from reconciler.db.session import reading, writing
from reconciler.db.table import database
from tests.unit.pages.sample_project import NOW, commit_sha, digest, fill

ROOT = Path(__file__).resolve().parents[3]
SHOP = "/o/acme/p/shop"
WAITS = {"code": "W-REL-014", "message": "frozen until Monday"}
HOLD = {"name": "sale", "reason": "the sale ends at ten", "owner": "Jonas"}
PATHS = (
    "/",
    f"{SHOP}/",
    f"{SHOP}/?before=9",
    f"{SHOP}/commits/{commit_sha(14)}",
    f"{SHOP}/commits/{commit_sha(9)[:9]}",
    f"{SHOP}/environments/production",
    f"{SHOP}/environments/dev",
    f"{SHOP}/environments/production/rollouts/r-0006",
    f"{SHOP}/bundles/{digest(9)}",
    f"{SHOP}/nodes",
    f"{SHOP}/nodes?status=silent",
    f"{SHOP}/approvals",
    f"{SHOP}/calendar",
    f"{SHOP}/rollouts",
    f"{SHOP}/bundles",
    f"{SHOP}/drift",
    f"{SHOP}/topology",
    f"{SHOP}/topology?q=search",
    f"{SHOP}/waf",
    f"{SHOP}/secrets",
    f"{SHOP}/events",
    f"{SHOP}/webhooks",
    f"{SHOP}/pulls",
    f"{SHOP}/pulls/7",
    "/api/v1/projects/shop/commits",
    f"/api/v1/projects/shop/commits/{commit_sha(9)}",
    "/api/v1/projects/shop/environments",
    "/api/v1/projects/shop/environments/production/releases",
    "/api/v1/projects/shop/rollouts",
    "/api/v1/projects/shop/nodes",
    "/api/v1/projects/shop/nodes/stats",
    "/api/v1/projects/shop/bundles",
    "/api/v1/projects/shop/events",
    "/metrics",
    "/ready",
)
WRITES = frozenset(
    {
        "create",
        "insert",
        "insert_many",
        "insert_from",
        "bulk_create",
        "bulk_update",
        "update",
        "save",
        "delete",
        "delete_instance",
        "delete_by_id",
        "set_by_id",
        "replace",
        "replace_many",
        "get_or_create",
        "execute_sql",
        "create_table",
        "drop_table",
        "truncate_table",
        "writing",
        "atomic",
    }
)
READS = frozenset({"select", "get", "get_or_none", "get_by_id", "filter", "raw"})
TABLE_NAMES = frozenset({"table", *(table.__name__ for table in TABLES)})
ALSO_OF_LISTS_AND_STRINGS = frozenset({"insert", "update", "replace", "delete"})
"""These count as writes when they are called on a table."""


@pytest.mark.parametrize("path", PATHS)
def test_every_page_answers_and_writes_nothing(client: FlaskClient, path: str) -> None:
    with reading():
        database.execute_sql("PRAGMA query_only = 1")
        answer = client.get(path)
        database.execute_sql("PRAGMA query_only = 0")
    assert answer.status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_empty_tables_are_no_fault(empty_app: Flask, path: str) -> None:
    answer = empty_app.test_client().get(path)
    known = not re.search(r"/(commits|environments|bundles|pulls)/", path)
    assert answer.status_code == (200 if known else 404)


def test_nothing_in_pages_and_api_writes() -> None:
    found = []
    for path in [path for part in ("pages", "api", "auth") for path in (ROOT / "web" / part).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                owner = node.func.value if isinstance(node.func, ast.Attribute) else None
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                on_table = isinstance(owner, ast.Name) and owner.id in TABLE_NAMES
                if name in WRITES and (on_table or name not in ALSO_OF_LISTS_AND_STRINGS):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert found == []


def test_every_select_goes_through_a_scope() -> None:
    allowed = {
        ("scope.py", "table"),
        ("reads.py", "Receipt"),
        # Gaps and webhooks are a connection's, as receipts are.
        ("reads.py", "Gap"),
        ("reads.py", "Webhook"),
        ("stamps.py", "Gap"),
        # The root is an organization's, which a scope holds as well.
        ("reads.py", "PublishedRoot"),
        ("stamps.py", "Receipt"),
        ("health.py", "Event"),
    }
    found = set()
    for path in [path for part in ("pages", "api", "auth") for path in (ROOT / "web" / part).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            if node.func.attr in READS and owner in TABLE_NAMES:
                found.add((path.name, owner))
    assert found == allowed


def test_another_project_sees_nothing_of_this_one(app: Flask) -> None:
    client = app.test_client()
    for path in PATHS:
        foreign = path.replace("/o/acme/p/shop", "/o/rival/p/mail").replace("projects/shop", "projects/mail")
        if foreign == path:
            continue
        answer = client.get(foreign)
        for secret in ("Maren", "production", digest(9)[7:19], commit_sha(9)[:8], "6f1c"):
            assert secret not in answer.text.split("<main", 1)[-1].split("<form", 1)[0]


@pytest.mark.parametrize(
    "path",
    [
        "/o/acme/p/mail/",
        "/o/rival/p/shop/",
        "/o/nobody/p/nothing/",
        "/o/acme/p/nothing/commits/abc",
        "/nothing",
        f"/o/rival/p/mail/commits/{commit_sha(9)}",
        f"/o/rival/p/mail/bundles/{digest(9)}",
        "/o/rival/p/mail/environments/production",
        "/o/rival/p/mail/environments/production/rollouts/r-0006",
    ],
)
def test_absent_and_foreign_are_the_same(app: Flask, path: str) -> None:
    fill("rival", "other", salt="x")
    answer = app.test_client().get(path)
    assert answer.status_code == 404
    assert path not in answer.text
    assert "There is nothing here" in answer.text


def test_another_organization_with_the_same_slug_is_not_mixed_in(app: Flask) -> None:
    client = app.test_client()
    before = {path: client.get(path).data for path in PATHS}
    fill("rival", "shop", salt="x")
    stamp = re.compile(rb'data-stamp="[0-9a-f]+"')
    for path, page in before.items():
        assert stamp.sub(b"", client.get(path).data) == stamp.sub(b"", page), path


def test_a_file_of_the_branch_that_cannot_be_read_needs_attention(app: Flask) -> None:
    with writing():
        row = Environment.get(Environment.name == "dev")
        malformed = [{"path": "holds/freeze.kdl", "message": "line 1: expected a node"}]
        Environment.update(view={**row.view, "malformed": malformed}).where(
            Environment.name == "dev"
        ).execute()
    for path in (f"{SHOP}/", f"{SHOP}/environments/dev"):
        page = app.test_client().get(path).text
        assert "holds/freeze.kdl" in page
        assert "line 1: expected a node" in page


def test_the_matrix_shows_every_state_with_words(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/?fragment=matrix").text
    assert "<html" not in page
    for label in (
        "running here",
        "rolling out",
        "batch 2 of 3",
        "paused",
        "rolled back",
        "quarantined",
        "was here",
        "can be promoted",
        "no change",
        "not here",
        "skipped",
        "refused",
    ):
        assert label in page


def test_an_unknown_fragment_is_not_there(client: FlaskClient) -> None:
    assert client.get(f"{SHOP}/?fragment=../layout").status_code == 404


def test_findings_and_verdicts_are_shown_verbatim(client: FlaskClient) -> None:
    page = client.get(f"{SHOP}/").text
    for words in (
        "services/checkout.kdl:14:14",
        "upstream &#39;paymets&#39; does not exist",
        "did you mean &#39;payments&#39;?",
        "E-REF-004",
        "2 of 3 nodes have been healthy for 30 s, the last one for 12 s",
        "W-HLD-001",
        "the sale ends at 22:00 UTC",
    ):
        assert words in page


def test_commits_are_paged_by_cursor(app: Flask) -> None:
    with writing():
        for number in range(100, 160):
            Commit.create(
                organization="acme",
                project="shop",
                sha=f"{number:040x}",
                position=number,
                author_name="a",
                author_email="a",
                authored_at=NOW,
                subject=f"many {number}",
                seen_at=NOW,
                state="skipped",
            )
    client = app.test_client()
    seen: list[str] = []
    path: str | None = f"{SHOP}/"
    while path:
        page = client.get(path).text
        seen += re.findall(r'class="subject"[^>]*>([^<]+)<', page)
        more = re.search(r'rel="next" href="(\?before=\d+)"', page)
        path = f"{SHOP}/{more.group(1)}" if more else None
    assert len(seen) == len(set(seen)) == 74


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "before=99999999999999999999", "before=१", "before=1%00"]
)
def test_a_bad_cursor_is_refused_in_words(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{SHOP}/?{query}")
    assert answer.status_code == 400
    assert "E-WEB-006" in answer.text
    assert client.get(f"/api/v1/projects/shop/commits?{query}").content_type == "application/problem+json"


def test_hostile_text_stays_text(app: Flask) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    with writing():
        Commit.update(subject=hostile, author_name=hostile).where(Commit.position == 14).execute()
        Environment.update(stalled_code="E-X", stalled_message=hostile).where(
            Environment.name == "dev"
        ).execute()
    client = app.test_client()
    for path in (f"{SHOP}/", "/", f"{SHOP}/environments/dev", f"{SHOP}/commits/{commit_sha(14)}"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_no_page_needs_inline_script_or_style_or_anybody_else(client: FlaskClient) -> None:
    for path in PATHS:
        page = client.get(path).text
        if "<html" not in page:
            continue
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
        loaded = re.sub(
            r'<a class="outside" href="https://git\.acme\.example/[^"]*" rel="noreferrer">', "", page
        )
        assert all(match.startswith("/") for match in re.findall(r'(?:src|href)="([^"#?][^"]*)"', loaded))


def test_a_stalled_environment_needs_attention(app: Flask) -> None:
    with writing():
        Environment.update(stalled_code="E-GIT-020", stalled_message="the forge declined the push").where(
            Environment.name == "staging"
        ).execute()
    client = app.test_client()
    for path in ("/", f"{SHOP}/", f"{SHOP}/environments/staging"):
        page = client.get(path).text
        assert "E-GIT-020" in page
        assert "the forge declined the push" in page


def test_a_rewritten_log_needs_attention_until_a_person_acknowledged_it(app: Flask) -> None:
    seen, ours = f"sentinel/acme 7 {'A' * 43}=", f"sentinel/acme 5 {'B' * 42}A="
    with writing():
        for project, subject in (("shop", "n-1"), ("", "clone"), ("mail", "n-2")):
            LogAlarm.create(
                organization="acme", project=project, source="node", subject=subject, name=f"edge-of-{subject}",
                seen=seen, ours=ours, reason="2 entries are gone", raised_at=NOW,
            )  # fmt: skip
    client = app.test_client()
    for path in ("/", f"{SHOP}/"):
        page = client.get(path).text
        for words in ("edge-of-n-1", "edge-of-clone", seen, ours, "2 entries are gone", "log acknowledge 1"):
            assert words in page
        assert "edge-of-n-2" not in page
    assert 'sentinel_log_alarms{organization="acme",project="shop"} 2' in client.get("/metrics").text
    with writing():
        LogAlarm.update(acknowledged_at=NOW).execute()
    assert "edge-of-n-1" not in client.get(f"{SHOP}/").text
    assert 'sentinel_log_alarms{organization="acme",project="shop"} 0' in client.get("/metrics").text


def test_commands_are_quoted_for_a_shell(app: Flask) -> None:
    page = app.test_client().get(f"{SHOP}/environments/production").text
    assert "sentinelctl promote production" in page
    assert "git revert --no-edit" in page


def test_what_can_be_promoted_and_what_is_held_come_with_their_command(app: Flask) -> None:
    client = app.test_client()
    with writing():
        row = Environment.get(Environment.name == "production")
        row.view = {**row.view, "holds": []}
        row.save()
    assert "sentinelctl resume production" not in client.get(f"{SHOP}/environments/production").text
    with writing():
        row.view = {**row.view, "holds": [{"name": "r-0009", "reason": "it failed", "owner": ""}]}
        row.save()
    assert "sentinelctl resume production" in client.get(f"{SHOP}/environments/production").text
    pages = {commit.sha: client.get(f"{SHOP}/commits/{commit.sha}").text for commit in Commit.select()}
    ready = {sha for sha, page in pages.items() if "can be promoted" in page}
    assert ready
    assert {sha for sha, page in pages.items() if "sentinelctl promote" in page} == ready


@pytest.mark.parametrize(
    ("view", "word"),
    [
        ({"live": digest(1)}, "settled"),
        ({"live": digest(1), "release": {"digest": digest(1)}, "waiting": [WAITS]}, "settled"),
        ({"live": digest(1), "release": {"digest": digest(2)}, "waiting": [WAITS]}, "waiting"),
        ({"live": digest(1), "holds": [HOLD]}, "on hold"),
        ({"release": {"digest": digest(2)}, "waiting": [WAITS]}, "waiting"),
        ({"waiting": [WAITS]}, "nothing yet"),
    ],
)
def test_the_line_says_what_keeps_an_environment(app: Flask, view: dict[str, Any], word: str) -> None:
    with writing():
        Rollout.delete().execute()
        Environment.update(view=view).where(Environment.name == "production").execute()
    page = app.test_client().get(f"{SHOP}/?fragment=fleet").text
    board = page[page.index("environments/production") :]
    assert re.findall(r'class="stop-state">([^<]+)<', board)[0] == word


def test_a_hold_is_told_once(app: Flask) -> None:
    client = app.test_client()
    for waiting, times in (
        ([], 1),
        ([WAITS], 2),
        ([{"code": "W-REL-007", "message": f"held: {HOLD['reason']}"}], 1),
    ):
        view = {"live": digest(1), "holds": [HOLD], "waiting": waiting}
        with writing():
            Rollout.delete().execute()
            Environment.update(view=view).where(Environment.name == "production").execute()
        page = client.get(f"{SHOP}/environments/production?fragment=environment").text
        assert page.count('class="reason ') == times
        assert HOLD["reason"] in page


def test_approvals_are_shown_whether_they_count_or_not(app: Flask) -> None:
    said = "the approval of bob@example.com does not count: commit abc is not signed"
    counted = {"person": "ada@example.com", "why": "Looked at it", "hotfix": "INC-1", "counts": True}
    approvals = [
        {**counted, "because": "the signature of commit 123"},
        {"person": "bob@example.com", "why": "", "hotfix": "", "counts": False, "because": said},
    ]
    view = {"release": {"digest": digest(2), "hotfix": "INC-1"}, "plan": "7" * 64, "approvals": approvals}
    with writing():
        Environment.update(view=view).where(Environment.name == "production").execute()
    page = app.test_client().get(f"{SHOP}/environments/production?fragment=environment").text
    assert "ada@example.com approves as INC-1: Looked at it" in page
    assert said in page
    assert f'title="{"7" * 64}"' in page


def test_without_tables_the_page_says_so(empty_app: Flask) -> None:
    with reading():
        database.execute_sql('DROP TABLE "commit"')
        database.execute_sql('DROP TABLE "event"')
    client = empty_app.test_client()
    page = client.get(f"{SHOP}/")
    assert page.status_code == 503
    assert "E-WEB-009" in page.text
    assert client.get("/health").status_code == 200
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert "sentinelctl migrate" in ready.json["missing"][0]


def test_a_fault_of_ours_shows_no_traceback(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("web.pages.reads.commits", lambda *a, **k: 1 / 0)
    answer = app.test_client().get(f"{SHOP}/")
    assert answer.status_code == 500
    assert "E-WEB-008" in answer.text
    assert "ZeroDivision" not in answer.text


def test_metrics_name_every_status(client: FlaskClient) -> None:
    text = client.get("/metrics").text
    assert (
        'sentinel_nodes{organization="acme",project="shop",environment="production",status="refusing"} 1'
        in text
    )
    assert 'sentinel_commits{organization="acme",project="shop",state="refused"} 1' in text
    assert text.count("# TYPE sentinel_nodes gauge") == 1


def test_a_pull_request_is_shown_with_all_that_it_would_do(client: FlaskClient) -> None:
    text = client.get(f"{SHOP}/pulls/7").get_data(as_text=True)
    for words in (
        "Pull request 7: ready to merge",
        "risk: <strong>critical</strong>",
        'removed</th><td role="cell" data-label="which">route <span class="mono">b</span>',
        "rolling, 25 % at a time",
        "2 approvals",
        "is no longer guarded by",
    ):
        assert words in text
    for number in (8, 2**31, 2**63):
        assert client.get(f"{SHOP}/pulls/{number}").status_code == 404
    assert f'href="{SHOP}/pulls/7"' in client.get(f"{SHOP}/pulls").get_data(as_text=True)


def test_what_no_delivery_told_of_is_shown_with_a_guess(client: FlaskClient) -> None:
    text = client.get(f"{SHOP}/webhooks").get_data(as_text=True)
    assert "Moves that no delivery told of" in text
    assert "GitHub sends each once" in text
    assert ">lost<" in text
