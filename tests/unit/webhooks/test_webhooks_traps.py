"""Traps that other receivers fell into: each a test, in the order of the catalogue they were collected in."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import webhooks
from reconciler.db import session
from reconciler.db.models import Work
from tests.forges.dialects import DIALECTS
from tests.forges.dialects.speaking import Change, Delivery
from tests.unit.webhooks.receiving_world import NEW, OLD, REPO, World, moves, owed, receipts

MAIN = Change("refs/heads/main", OLD, NEW)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield World(tmp_path / "home", monkeypatch)
    session.disconnect()


def pushed(label: str, *changes: Change, id: str = "d-1") -> Delivery:
    return DIALECTS[label].push(REPO, list(changes) or [MAIN], id)[0]


def test_01_the_url_says_which_forge_it_is_and_no_header_does(world: World) -> None:
    forgejo = DIALECTS["forgejo"]
    assert world.send(forgejo, pushed("forgejo")).status_code == 202
    (receipt,) = receipts()
    assert (receipt.connection, receipt.event) == ("forgejo", "push")
    assert pushed("forgejo").headers["X-GitHub-Event"] == "push", "the header that others were misled by"


def test_02_nothing_secret_is_compared_with_an_operator() -> None:
    """Signatures and tokens meet in one place, and there in constant time."""
    folder = Path(webhooks.__file__).parent / "receivers"
    comparing = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "compare_digest"
    }
    assert comparing == {"signing.py"}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "verify":
                equal = [op for n in ast.walk(node) if isinstance(n, ast.Compare) for op in n.ops]
                assert not any(isinstance(op, (ast.Eq, ast.NotEq)) for op in equal), path.name


def test_03_without_proof_nothing_is_parsed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(json, "loads", fail)
    for label, dialect in DIALECTS.items():
        assert world.send(dialect, pushed(label), signed=False).status_code == 401


def test_04_bitbuckets_hook_uuid_is_no_secret(world: World) -> None:
    made = pushed("bitbucket").having(**{"X-Hook-UUID": DIALECTS["bitbucket"].secret.decode()})
    assert world.send(DIALECTS["bitbucket"], made, signed=False).status_code == 401


@pytest.mark.parametrize("label", ["bitbucket", "bitbucket-data-center", "generic"])
def test_05_every_change_of_a_delivery_counts(world: World, label: str) -> None:
    changes = [Change(f"refs/heads/topic-{n}", OLD, NEW) for n in range(20)]
    assert world.send(DIALECTS[label], pushed(label, *changes, MAIN)).status_code == 202
    assert len(moves()) == 21
    assert owed() == [(label, "repository", "")]


@pytest.mark.parametrize("label", DIALECTS)
def test_06_a_tag_named_as_trunk_is_not_trunk(world: World, label: str) -> None:
    world.send(DIALECTS[label], pushed(label, Change("refs/tags/main", OLD, NEW)))
    assert owed() == []
    assert list(moves()) == ["refs/tags/main"]


def test_07_files_that_a_payload_lists_are_not_even_read() -> None:
    """Which projects a push concerns is read from git: `tests/integration/test_flow_repository.py` has the projects."""
    folder = Path(webhooks.__file__).parent
    for path in folder.rglob("*.py"):
        words = {
            node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
        }
        assert not words & {"commits", "added", "modified", "removed", "head_commit"}, path.name


def test_08_what_was_answered_is_durable(world: World) -> None:
    """Receipt and work are in the database before the answer, and another process finds them there."""
    assert world.send(DIALECTS["github"], pushed("github")).status_code == 202
    session.disconnect()
    from reconciler.settings import read_settings

    session.connect(read_settings(world.environ))
    assert owed() == [("github", "repository", "")]
    assert len(receipts()) == 1


def test_09_a_push_during_a_run_causes_exactly_one_more(world: World) -> None:
    from reconciler.db.owed import claim, finish

    world.send(DIALECTS["github"], pushed("github"))
    held = claim("acme", "github", "repository", holder="w", now=world.now)
    assert held is not None
    for n in range(5):
        world.send(DIALECTS["github"], pushed("github", id=f"during-{n}"))
    assert finish(held, "changed", "", now=world.now)
    assert owed() == [("github", "repository", "")]
    again = claim("acme", "github", "repository", holder="w", now=world.now)
    assert again is not None
    assert finish(again, "changed", "", now=world.now)
    assert owed() == []


@pytest.mark.parametrize("label", DIALECTS)
def test_10_what_is_none_of_our_business_is_answered_with_success(world: World, label: str) -> None:
    dialect = DIALECTS[label]
    headers = {"X-GitHub-Event": "watch", "X-Gitlab-Event": "Wiki Page Hook", "X-Event-Key": "repo:fork"}
    headers |= {"X-Gitea-Event": "wiki", "X-Forgejo-Event": "wiki"}
    made = pushed(label, Change("refs/heads/topic", OLD, NEW)).having(**headers)
    answer = world.send(dialect, made)
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "ignored"
    assert answer.get_json()["reason"]


@pytest.mark.parametrize("label", DIALECTS)
def test_11_a_secret_is_replaced_without_another_url(world: World, label: str) -> None:
    from tests.unit.webhooks.receiving_world import variable_of

    dialect = DIALECTS[label]
    fresh = b"whsec_" + base64.b64encode(b"the next key") if label == "gitlab" else b"the next secret"
    assert world.send(dialect, pushed(label), secret=fresh).status_code == 401
    world.environ[variable_of(label) + "_NEXT"] = fresh.decode()
    assert world.send(dialect, pushed(label), secret=fresh).status_code == 202
    assert world.send(dialect, pushed(label, id="d-2")).status_code == 202, "the old one holds as well"


def test_12_an_unsigned_ping_of_bitbucket_does_nothing(world: World) -> None:
    dialect = DIALECTS["bitbucket-data-center"]
    ping = dialect.ping(REPO, "d-1")
    known = world.send(dialect, ping)
    unknown = world.send(dialect, ping, connection="nobody")
    assert (known.status_code, known.get_json()["status"]) == (200, "ignored")
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data), (
        "it tells nobody what exists"
    )
    assert (receipts(), owed(), world.nudges) == ([], [], [])
    pretended = pushed("bitbucket-data-center").having(**{"X-Event-Key": "diagnostics:ping "})
    assert world.send(dialect, pretended, signed=False).status_code == 401
    elsewhere = pushed("bitbucket").having(**{"X-Event-Key": "diagnostics:ping"})
    assert world.send(DIALECTS["bitbucket"], elsewhere, signed=False).status_code == 401


def test_13_a_push_to_a_repository_of_many_projects_asks_once(world: World) -> None:
    text = world.config.read_text()
    more = "".join(
        f'project "p{n}" {{ repository "{REPO.clone_url}"; path "p{n}"; branch-prefix "p{n}/"; connection "gitea" }}\n'
        for n in range(200)
    )
    world.config.write_text(text.removesuffix("}\n") + more + "}\n")
    answer = world.send(DIALECTS["gitea"], pushed("gitea"))
    assert answer.get_json()["work"] == [{"project": "gitea", "kind": "repository"}]
    assert owed() == [("gitea", "repository", "")]


@pytest.mark.parametrize("label", DIALECTS)
def test_14_a_receipt_says_what_it_explains(world: World, label: str) -> None:
    """The report of what no delivery told of is made of these; the simulation of the intake loses deliveries."""
    world.send(DIALECTS[label], pushed(label, Change("refs/heads/topic", OLD, NEW)))
    (receipt,) = receipts()
    assert receipt.place == "forge.example/acme/shop"
    assert receipt.refs == {"refs/heads/topic": {"before": OLD, "after": NEW}}


@pytest.mark.parametrize("label", DIALECTS)
def test_15_an_empty_token_does_not_fit_an_empty_secret(world: World, label: str) -> None:
    dialect = DIALECTS[label]
    for secret in (b"", b"whsec_") if label == "gitlab" else (b"",):
        for connection in (f"{label}-bare", f"{label}-empty", label):
            answer = world.send(dialect, pushed(label), secret=secret, connection=connection)
            assert answer.status_code == 401


def test_16_no_work_is_done_in_the_request() -> None:
    """The receivers cannot reach git, the compiler or the flows: `.importlinter` says so, and this shows the line."""
    text = (Path(webhooks.__file__).parents[1] / ".importlinter").read_text()
    contract = text[text.index("[importlinter:contract:web]") :]
    contract = contract[: contract.index("\n\n")]
    assert {"webhooks", "reconciler.git", "reconciler.flows", "reconciler.compile"} <= set(contract.split())


def test_17_effects_are_keyed_by_connection_and_repository_never_by_a_commit_alone(world: World) -> None:
    """The same commit in a repository of another connection asks for nothing there."""
    world.send(DIALECTS["github"], pushed("github"))
    world.send(DIALECTS["gitea"], pushed("gitea"))
    with session.reading():
        asked = {(row.project, row.wanted) for row in Work.select()}
    assert asked == {("github", 1), ("gitea", 1)}
    assert {(r.connection, r.delivery) for r in receipts()} == {("github", "d-1"), ("gitea", "d-1")}


class TestTrap18:
    """GitLab: what carries a signature has to pass by it."""

    def test_a_good_token_beside_a_bad_signature_does_not_count(self, world: World) -> None:
        dialect = DIALECTS["gitlab-token"]
        made = dialect.sign(pushed("gitlab-token"), dialect.secret, world.now)
        assert world.send(dialect, made, signed=False).status_code == 202
        forged = made.having(**{"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"})
        assert world.send(dialect, forged, signed=False).status_code == 401

    def test_a_signing_token_is_no_plain_secret(self, world: World) -> None:
        dialect = DIALECTS["gitlab"]
        made = pushed("gitlab").having(**{"X-Gitlab-Token": dialect.secret.decode()})
        assert world.send(dialect, made, signed=False).status_code == 401

    def test_a_plain_secret_is_no_signing_token(self, world: World) -> None:
        dialect = DIALECTS["gitlab-token"]
        made = DIALECTS["gitlab"].sign(pushed("gitlab-token"), dialect.secret, world.now)
        assert world.send(dialect, made, signed=False).status_code == 401

    def test_one_of_several_signatures_is_enough(self, world: World) -> None:
        dialect = DIALECTS["gitlab"]
        made = dialect.sign(pushed("gitlab"), dialect.secret, world.now)
        several = "v1a,AAAA v1,!! v1,AAAA " + made.headers["webhook-signature"]
        assert (
            world.send(dialect, made.having(**{"webhook-signature": several}), signed=False).status_code
            == 202
        )

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_an_old_delivery_and_one_from_the_future_are_refused(self, world: World, seconds: int) -> None:
        dialect = DIALECTS["gitlab"]
        made = dialect.sign(pushed("gitlab"), dialect.secret, world.now + timedelta(seconds=seconds))
        assert world.send(dialect, made, signed=False).status_code == 401
        fresh = dialect.sign(
            pushed("gitlab"), dialect.secret, world.now + timedelta(seconds=seconds // 301 * 299)
        )
        assert world.send(dialect, fresh, signed=False).status_code == 202

    @pytest.mark.parametrize("stamp", ["", "x", "-1", "١٢٣", "9" * 13, "1e9"])
    def test_a_stamp_that_is_none_is_refused(self, world: World, stamp: str) -> None:
        dialect = DIALECTS["gitlab"]
        made = pushed("gitlab")
        key = base64.b64decode(dialect.secret.removeprefix(b"whsec_"))
        message = f"d-1.{stamp}.".encode("latin-1", "backslashreplace") + made.body
        signature = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": "d-1", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
        encodable = {name: value.encode("utf-8").decode("latin-1") for name, value in headers.items()}
        assert world.send(dialect, made.having(**encodable), signed=False).status_code == 401
