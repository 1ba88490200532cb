"""Changes asked for over the interface: one commit each, by who asked, whatever dies or races on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.db import asking
from reconciler.db.asking import Wanted
from reconciler.db.audit import Actor, AuditRow
from reconciler.db.changes import Change
from reconciler.db.models import Work
from reconciler.db.session import reading
from reconciler.errors import Stalled
from reconciler.flows import changing
from tests.integration.environment_world import World, make_world
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

WHO = "Ada Lovelace <ada@example.com>"


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """A world in which dev completed one bundle."""
    found = make_world(database, git_server, tmp_path)
    found.trunk("one")
    found.nodes("dev", 1)
    found.run("dev")
    found.report("dev")
    found.settle("dev")
    return found


def ask(
    world: World, operation: str, *, environment: str = "dev", key: str | None = None, **body: Any
) -> Change:
    wanted = Wanted(
        "acme", "shop", environment, operation, body, "p_1", "Ada Lovelace", "ada@example.com", key
    )  # fmt: skip
    return asking.ask_for(wanted, Actor("person", "ada@example.com"), now=world.now())


def made(world: World, operation: str, **more: Any) -> Change:
    """The change, after a worker was at it."""
    row = ask(world, operation, **more)
    changing.run(world.context, str(row.id), lambda: None)
    return again(row)


def again(row: Change) -> Change:
    found = asking.one("acme", "shop", str(row.id))
    assert found is not None
    return found


def test_a_pause_is_a_commit_by_who_asked(world: World) -> None:
    before = len(world.log("dev"))
    row = made(world, "pause", reason="the database moves")
    head = world.log("dev")[0]
    assert (row.state, row.commit) == ("committed", head.sha)
    assert f"{head.author_name} <{head.author_email}>" == WHO
    assert head.subject == "Hold dev (pause)"
    assert head.trailer("Actor") == WHO
    assert head.trailer("Change") == row.id
    assert len(world.log("dev")) == before + 1
    assert b"the database moves" in (world.read("dev", "holds/pause.kdl") or b"")
    with reading():
        assert (
            Work.select()
            .where(Work.kind == "environment", Work.subject == "dev", Work.wanted > Work.done)
            .exists()
        )
        [audited] = AuditRow.select().where(AuditRow.action == "change.asked")
    assert (audited.subject, audited.details["reason"]) == (row.id, "the database moves")


def test_what_is_so_already_makes_no_commit(world: World) -> None:
    made(world, "pause", reason="wait")
    head = world.head("dev")
    assert made(world, "pause", reason="wait").state == "unchanged"
    assert made(world, "resume").state == "committed"
    assert world.read("dev", "holds/pause.kdl") is None
    row = made(world, "resume")
    assert (row.state, row.message) == ("unchanged", "dev is already without a hold")
    assert head != world.head("dev")


def test_promote_rollback_and_cancel(world: World) -> None:
    _, first = world.trunk("one")
    _, second = world.trunk("two")
    assert made(world, "promote", digest=second, commit="", why="try it").state == "committed"
    world.settle("dev")
    world.report("dev")
    world.settle("dev")
    assert world.running("dev") == {second}
    assert made(world, "cancel", why="no").message.startswith("nothing is on its way")
    row = made(world, "rollback", why="it was bad")
    assert row.state == "committed"
    assert world.log("dev")[0].subject.startswith("Roll dev back to ")
    assert first.encode() in (world.read("dev", "release.kdl") or b"")


def test_a_bundle_is_forbidden_and_allowed_again(world: World) -> None:
    _, digest = world.trunk("two")
    assert made(world, "revoke", digest=digest, why="it leaks").state == "committed"
    [path] = world.context.mirror.list_folder(world.head("dev") or "", "quarantine")
    assert digest.encode() in (world.read("dev", f"quarantine/{path}") or b"")
    assert world.log("dev")[0].trailer("Because") == "it leaks"
    assert made(world, "revoke", digest=digest, why="again").state == "unchanged"
    assert made(world, "allow", digest=digest, why="it does not").state == "committed"
    assert made(world, "allow", digest=digest, why="again").state == "unchanged"


def test_a_promotion_says_for_whom_and_from_when(world: World) -> None:
    _, digest = world.trunk("two")
    said = {"only": "region=eu", "not_before": "2026-12-01T00:00:00Z", "hotfix": "INC-1"}
    assert made(world, "promote", digest=digest, commit="", **said).state == "committed"
    text = (world.read("dev", "release.kdl") or b"").decode()
    assert all(words in text for words in ("region", "2026-12-01", "INC-1"))
    assert made(world, "promote", digest=digest, commit="", **said).state == "unchanged"
    assert made(world, "promote", digest=digest, commit="", only="region=us").state == "committed"


def test_a_pin_is_written_and_removed(world: World) -> None:
    _, digest = world.trunk("one")
    row = made(world, "pin", pin="canary", digest=digest, nodes="region=eu", reason="it leaks")
    assert row.state == "committed"
    head = world.log("dev")[0]
    assert (f"{head.author_name} <{head.author_email}>", head.trailer("Pin")) == (WHO, "canary")
    assert digest.encode() in (world.read("dev", "pins/canary.kdl") or b"")
    again_asked = made(world, "pin", pin="canary", digest=digest, nodes="region=eu", reason="it leaks")
    assert again_asked.state == "unchanged"
    assert made(world, "unpin", pin="canary").state == "committed"
    assert world.read("dev", "pins/canary.kdl") is None
    assert made(world, "unpin", pin="canary").state == "unchanged"


@pytest.mark.parametrize(
    ("operation", "environment", "code"),
    [
        ("rollback", "dev", "E-GIT-209"),
        ("pause", "nowhere", "E-GIT-204"),
        ("approve", "dev", "E-REL-041"),
        ("go", "dev", "E-GIT-230"),
    ],
)
def test_what_cannot_be_done_says_why_and_is_not_tried_again(
    world: World, operation: str, environment: str, code: str
) -> None:
    row = made(world, operation, environment=environment, reason="x", step=1)
    assert (row.state, row.code) == ("refused", code)
    assert row.message
    assert changing.run(world.context, str(row.id), lambda: None).kind == "unchanged"


def test_a_worker_that_dies_after_its_push_makes_no_second_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    row = ask(world, "pause", reason="wait")
    with monkeypatch.context() as patch:
        patch.setattr(changing.asking, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            changing.run(world.context, str(row.id), lambda: None)
    pushed = world.head("dev")
    world.edit("dev", {"holds/pause.kdl": None})
    changing.run(world.context, str(row.id), lambda: None)
    found = again(row)
    assert (found.state, found.commit) == ("committed", pushed)
    assert world.read("dev", "holds/pause.kdl") is None


def test_nobody_else_can_say_that_a_change_was_made(world: World) -> None:
    row = ask(world, "pause", reason="wait")
    forged = world.edit("dev", {"notes.txt": b"x"}, message=f"Note\n\nChange: {row.id}\nActor: {WHO}\n")
    changing.run(world.context, str(row.id), lambda: None)
    found = again(row)
    assert (found.state, found.commit) == ("committed", world.head("dev"))
    assert found.commit != forged
    assert world.read("dev", "holds/pause.kdl") is not None


def test_an_edit_by_hand_at_the_same_time_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = changing.push
    edited: list[str] = []

    def push_second(*arguments: Any) -> None:
        if not edited:
            edited.append(world.edit("dev", {"holds/mine.kdl": b'hold "mine" {\n    reason "by hand"\n}\n'}))
        pushed(*arguments)

    monkeypatch.setattr(changing, "push", push_second)
    row = made(world, "pause", reason="over the interface")
    assert row.state == "committed"
    assert world.log("dev")[1].sha == edited[0]
    assert world.read("dev", "holds/mine.kdl") is not None
    assert world.read("dev", "holds/pause.kdl") is not None


def test_a_forge_that_declines_is_told_of_with_its_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decline(*_: Any) -> None:
        raise Stalled("E-GIT-012", "the forge declined: protected branch", cure="Let this user push")

    monkeypatch.setattr(changing, "push", decline)
    row = made(world, "pause", reason="wait")
    assert (row.state, row.code) == ("refused", "E-GIT-012")
    assert row.message == "the forge declined: protected branch. Let this user push"


def test_a_request_that_is_sent_again_is_the_same_change(world: World) -> None:
    first = ask(world, "pause", key="k1", reason="wait")
    second = ask(world, "pause", key="k1", reason="wait")
    assert first.id == second.id
    assert ask(world, "pause", key="k2", reason="wait").id != first.id
    assert ask(world, "pause", reason="wait").id != ask(world, "pause", reason="wait").id
    with reading():
        assert AuditRow.select().where(AuditRow.action == "change.asked").count() == 4
