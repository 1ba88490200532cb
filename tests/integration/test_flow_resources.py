"""Resources changed over the interface: one commit each, by who asked; what is pushed at the same time is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle.limits import LIMITS
from reconciler.config.installation import Connection, Installation
from reconciler.db import asking, resources
from reconciler.db.asking import Wanted
from reconciler.db.audit import Actor
from reconciler.db.changes import Change
from reconciler.db.forge import Outgoing
from reconciler.db.models import Bundle, Work
from reconciler.db.session import reading, writing
from reconciler.flows import one_commit, trunk_rows
from reconciler.flows.compiling import read_project
from reconciler.flows.facts import read_policies
from reconciler.flows.resources import editing, projecting
from reconciler.git.mirror import CommitInfo
from reconciler.store import layout
from tests.integration.test_flow_trunk import NOW, World, world
from tests.servers.git_http import git_server

__all__ = ["git_server", "world"]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

BASE: dict[str, bytes | None] = {
    "project.kdl": b'project "shop" {\n    owner "edge@example.com"\n}\nenvironment "dev" {\n'
    b'    proxy-version "0.6.20"\n}\nlistener "http" {\n    address "0.0.0.0:8080"\n    protocol "http"\n}\n',
    "upstreams.kdl": b'// The servers.\n\nupstream "orders" {\n    target "10.0.0.1:80" // one\n}\n\n'
    b'// Not ours.\nupstream "search" {\n    target "10.0.0.2:80"\n}\n',
    "services/orders.kdl": b'service "orders" {\n    hosts "shop.example.com"\n'
    b'    path-prefix "/"\n    upstream "orders"\n}\n',
}


@pytest.fixture
def shop(world: World) -> World:
    world.push(BASE)
    world.run()
    projecting.run(world.context)
    return world


def ask(world: World, operation: str, kind: str, name: str, document: Any = None, **more: Any) -> Change:
    body = {"kind": kind, "name": name, **more}
    wanted = Wanted(
        "acme", "shop", "", f"resource.{operation}", body, "p_1", "Grace Hopper", "grace@example.com", None,
        "" if document is None else json.dumps(document), "edit",
    )  # fmt: skip
    return asking.ask_for(wanted, Actor("person", "grace@example.com"), now=world.context.now())


def made(world: World, operation: str, kind: str, name: str, document: Any = None, **more: Any) -> Change:
    """The change, after a worker was at it."""
    row = ask(world, operation, kind, name, document, **more)
    editing.run(world.context, str(row.id), lambda: None)
    return again(row)


def again(row: Change) -> Change:
    found = asking.one("acme", "shop", str(row.id))
    assert found is not None
    assert found.content == ""
    return found


def tip(world: World, branch: str = "main") -> CommitInfo:
    mirror = world.context.mirror
    return mirror.commit(mirror.fetch()[f"refs/heads/{branch}"])


def files(world: World) -> dict[str, str]:
    found, problems = read_project(world.context.mirror, tip(world).sha, "")
    assert problems == ()
    return {file.path: file.content.decode() for file in found}


def state(world: World) -> dict[tuple[str, str], tuple[Any, str, str]]:
    """What is read of trunk, after it was compiled and read."""
    world.run()
    projecting.run(world.context)
    return {
        (kind, row.name): (row.form, row.text, row.path)
        for kind in resources.counts("acme", "shop")
        for row in resources.listed("acme", "shop", kind, after=None, part=None, limit=100)
    }


TARGETS = {"target": [{"address": "10.0.0.9:80"}]}


def test_what_trunk_has_is_read_resource_by_resource(shop: World) -> None:
    row = resources.one("acme", "shop", "upstream", "orders")
    assert row is not None
    assert row.text == 'upstream "orders" {\n    target "10.0.0.1:80" // one\n}'
    assert row.form == {
        "kind": "upstream", "name": "orders", "target": [{"address": "10.0.0.1:80", "weight": 1}],
    }  # fmt: skip
    assert resources.counts("acme", "shop") == {
        "project": 1, "environment": 1, "listener": 1, "service": 1, "upstream": 2,
    }  # fmt: skip
    assert projecting.run(shop.context).kind == "unchanged"


def test_a_change_is_one_commit_by_who_asked_and_the_rest_of_the_file_stays(shop: World) -> None:
    before = tip(shop)
    row = made(shop, "put", "upstream", "orders", TARGETS, why="the old one is full")
    head = tip(shop)
    assert (row.state, row.commit, head.parents) == ("committed", head.sha, (before.sha,))
    assert (head.author_name, head.author_email) == ("Grace Hopper", "grace@example.com")
    assert head.committer_email == "reconciler@sentinel.invalid"
    assert head.subject == "Set upstream 'orders': the old one is full"
    assert head.trailer("Change") == row.id
    assert head.trailer("Actor") == "Grace Hopper <grace@example.com>"
    assert files(shop)["upstreams.kdl"] == (
        '// The servers.\n\nupstream "orders" {\n    target "10.0.0.9:80"\n}\n\n'
        '// Not ours.\nupstream "search" {\n    target "10.0.0.2:80"\n}\n'
    )
    with reading():
        assert Work.select().where(Work.kind == "trunk", Work.wanted > Work.done).exists()
    # Who wrote it reads it, before trunk was looked at.
    kept = resources.one("acme", "shop", "upstream", "orders")
    assert kept is not None
    assert (kept.commit, kept.etag) == (head.sha, row.result["etag"])
    assert editing.run(shop.context, str(row.id), lambda: None).kind == "unchanged"
    assert tip(shop).sha == head.sha


def test_the_same_change_by_push_gives_the_same_state(shop: World) -> None:
    made(shop, "create", "upstream", "mail", TARGETS)
    made(shop, "delete", "upstream", "search")
    over_the_interface, words = state(shop), files(shop)["upstreams.kdl"]
    shop.force(shop.heads[0])
    shop.push({"upstreams.kdl": words.encode()})
    assert state(shop) == over_the_interface
    assert 'upstream "mail"' in words
    assert 'upstream "search"' not in words
    assert words.startswith("// The servers.\n")


def test_what_would_be_refused_says_so_and_commits_nothing(shop: World) -> None:
    before = tip(shop).sha
    for operation, document, code in (
        ("put", {"target": [{"address": "nowhere"}]}, "E-VAL"),
        ("put", {"targets": []}, "E-KND"),
        ("put", {"kdl": 'upstream "other" { target "10.0.0.1:80"; }'}, "E-API-027"),
        ("put", {"kdl": 'upstream "orders" {'}, "E-SYN"),
        ("put", {"target": {"deep": [[1]]}}, "E-API-027"),
        ("delete", None, "E-REF-001"),
    ):
        row = made(shop, operation, "upstream", "orders", document)
        assert (row.state, row.code) == ("refused", "E-API-020"), document
        assert any(found["code"].startswith(code) for found in row.result["findings"]), row.result
    assert tip(shop).sha == before


def test_what_stands_in_the_way_and_what_is_so_already_make_no_commit(shop: World) -> None:
    before = tip(shop).sha
    for operation, name, more, code in (
        ("create", "orders", {}, "E-API-023"),
        ("delete", "absent", {}, "E-API-024"),
        ("put", "orders", {"match": "0" * 40}, "E-API-021"),
        ("put", "absent", {"match": "*"}, "E-API-021"),
    ):
        row = made(shop, operation, "upstream", name, None if operation == "delete" else TARGETS, **more)
        assert (row.state, row.code) == ("refused", code)
    kept = resources.one("acme", "shop", "upstream", "orders")
    assert kept is not None
    row = made(shop, "put", "upstream", "orders", kept.form, match=kept.etag)
    assert (row.state, row.result["etag"]) == ("unchanged", kept.etag)
    assert tip(shop).sha == before


def test_words_with_comments_are_kept_and_a_proposal_is_a_branch_of_its_own(shop: World) -> None:
    words = 'upstream "mail" {\n    // Since Monday.\n    target "10.0.0.9:80"\n}'
    assert made(shop, "put", "upstream", "mail", {"kdl": words}, path="mail/servers.kdl").state == "committed"
    assert files(shop)["mail/servers.kdl"] == f"{words}\n"
    before = tip(shop).sha
    row = made(shop, "put", "upstream", "orders", TARGETS, propose=True)
    branch = f"change/{row.id}"
    assert (row.state, row.result["branch"]) == ("committed", branch)
    assert tip(shop).sha == before
    head = tip(shop, branch)
    assert (head.sha, head.parents) == (row.commit, (before,))
    kept = resources.one("acme", "shop", "upstream", "orders")
    assert kept is not None
    assert "10.0.0.1" in kept.text


def during(monkeypatch: pytest.MonkeyPatch, world: World, edits: dict[str, bytes | None]) -> list[str]:
    """Somebody pushes these edits just before our push."""
    push, pushed = editing.push, list[str]()

    def push_second(*arguments: Any) -> None:
        if not pushed:
            pushed.append(world.push(edits))
        push(*arguments)

    monkeypatch.setattr(editing, "push", push_second)
    return pushed


def test_an_edit_by_hand_at_the_same_time_loses_nothing(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (BASE["upstreams.kdl"] or b"").replace(b"10.0.0.2", b"10.0.0.7")
    pushed = during(monkeypatch, shop, {"upstreams.kdl": words, "notes.txt": b"mine"})
    row = made(shop, "put", "upstream", "orders", TARGETS)
    assert row.state == "committed"
    assert tip(shop).parents == (pushed[0],)
    assert "10.0.0.7" in files(shop)["upstreams.kdl"]
    assert "10.0.0.9" in files(shop)["upstreams.kdl"]


def test_both_sides_of_a_conflict_are_told(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (BASE["upstreams.kdl"] or b"").replace(b"10.0.0.1", b"10.0.0.7")
    pushed = during(monkeypatch, shop, {"upstreams.kdl": words})
    row = made(shop, "put", "upstream", "orders", TARGETS)
    assert (row.state, row.code) == ("refused", "E-API-022")
    assert "10.0.0.9" in row.result["yours"]["text"]
    assert "10.0.0.7" in row.result["theirs"]["text"]
    assert tip(shop).sha == pushed[0]


def test_a_worker_that_dies_after_its_push_makes_no_second_commit(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    row = ask(shop, "put", "upstream", "orders", TARGETS)
    with monkeypatch.context() as patch:
        patch.setattr(editing, "_done", die)
        with pytest.raises(KeyboardInterrupt):
            editing.run(shop.context, str(row.id), lambda: None)
    pushed = tip(shop).sha
    editing.run(shop.context, str(row.id), lambda: None)
    assert (again(row).state, again(row).commit) == ("committed", pushed)
    assert tip(shop).sha == pushed


def build(world: World, operation: str, body: dict[str, Any], content: str = "") -> Change:
    wanted = Wanted(
        "acme", "shop", "", operation, body, "p_1", "Grace Hopper", "grace@example.com", None, content, "edit"
    )  # fmt: skip
    row = asking.ask_for(wanted, Actor("person", "grace@example.com"), now=world.context.now())
    run = one_commit.run if operation == "bundle.compile" else editing.run
    run(world.context, str(row.id), lambda: None)
    return again(row)


def test_files_become_a_proposal(shop: World) -> None:
    before = tip(shop).sha
    files = {"more/mail.kdl": 'upstream "mail" {\n    target "10.0.0.9:80"\n}\n', "upstreams.kdl": None}
    refused = build(shop, "files.propose", {"propose": True}, json.dumps(files))
    assert (refused.state, refused.code) == ("refused", "E-API-020")
    del files["upstreams.kdl"]
    row = build(shop, "files.propose", {"propose": True, "why": "mail"}, json.dumps(files))
    head = tip(shop, f"change/{row.id}")
    assert (row.state, row.commit, head.parents) == ("committed", head.sha, (before,))
    assert (head.author_email, head.subject) == ("grace@example.com", "Propose 1 file: mail")
    assert tip(shop).sha == before
    same = {"upstreams.kdl": (BASE["upstreams.kdl"] or b"").decode()}
    assert build(shop, "files.propose", {"propose": True}, json.dumps(same)).state == "unchanged"


def test_a_proposal_is_told_to_a_forge_that_can_open_it(shop: World) -> None:
    context = shop.context
    origin = Connection("origin", "acme", "github", ("env:S",), "env:T")
    context.organization = replace(context.organization, connections=(origin,))
    context.installation = Installation((context.organization,))
    # The git server takes nobody's password, so the mirror stays the one that was opened without.
    context.project = replace(context.project, connection="origin")
    row = made(shop, "put", "upstream", "orders", TARGETS, propose=True, why="more room")
    with reading():
        [told] = Outgoing.select()
    assert (told.kind, told.subject) == ("proposal", f"change/{row.id}")
    assert told.words["title"] == "Set upstream 'orders': more room"
    assert (told.words["source"], told.words["target"]) == (f"change/{row.id}", "main")
    assert "Grace Hopper" in told.words["text"]
    assert row.message.endswith("a pull request is opened for it")


def test_a_skipped_commit_gets_its_bundle_and_trunk_stays_where_it_is(shop: World) -> None:
    skipped = shop.push({"upstreams.kdl": (BASE["upstreams.kdl"] or b"").replace(b"10.0.0.1", b"10.0.0.5")})
    broken = shop.push({"upstreams.kdl": b"upstream"})
    newest = shop.push({"upstreams.kdl": (BASE["upstreams.kdl"] or b"").replace(b"10.0.0.1", b"10.0.0.6")})
    shop.run()
    assert shop.row(skipped).state == "skipped"
    row = build(shop, "bundle.compile", {"commit": skipped})
    assert (row.state, row.commit) == ("committed", skipped)
    digest = row.result["digest"]
    assert digest in {bundle.digest for bundle in shop.bundles()}
    assert digest != shop.row(newest).digest
    again_asked = build(shop, "bundle.compile", {"commit": skipped})
    assert (again_asked.state, again_asked.result) == ("unchanged", {"digest": digest})
    refused = build(shop, "bundle.compile", {"commit": broken})
    assert (refused.state, refused.code) == ("refused", "E-API-020")
    assert refused.result["findings"]
    unknown = build(shop, "bundle.compile", {"commit": "f" * 40})
    assert (unknown.state, unknown.code) == ("refused", "E-API-031")
    # What is valid and newest is what it was.
    assert trunk_rows.last_valid(shop.context) == newest
    projecting.run(shop.context)
    assert resources.projected("acme", "shop") == newest


def test_the_bundle_of_the_head_is_made_again_when_it_is_gone(shop: World) -> None:
    newest = shop.heads[-1]
    digest = shop.row(newest).digest
    place = layout.bundle("acme", "shop", digest)
    shop.context.store.delete(place)
    with writing():
        Bundle.update(removed_at=NOW).where(Bundle.digest == digest).execute()
    row = build(shop, "bundle.compile", {"commit": newest})
    assert (row.state, row.commit, row.result) == ("committed", newest, {"digest": digest})
    assert shop.context.store.get(place, limit=LIMITS.blob)
    with reading():
        assert Bundle.get(Bundle.digest == digest).removed_at is None
    assert build(shop, "bundle.compile", {"commit": newest}).state == "unchanged"


def test_the_policies_of_the_head_hold_while_its_bundle_is_made_again(shop: World) -> None:
    before = read_policies(shop.context)
    assert before.commit == shop.heads[-1]
    trunk_rows.reopen(shop.context, shop.heads[-1])
    assert shop.row(shop.heads[-1]).state == "found"
    assert read_policies(shop.context) == before


def test_a_project_in_a_folder_has_its_own_files_changed(shop: World, tmp_path: Path) -> None:
    shop.push({f"edge/{path}": content for path, content in BASE.items()} | dict.fromkeys(BASE))
    shop.context.project = replace(shop.context.project, path="edge")
    shop.run()
    projecting.run(shop.context)
    row = made(shop, "put", "upstream", "orders", TARGETS)
    assert row.state == "committed"
    own = shop.context.project
    shop.context.project = replace(own, signed_trunk=True)
    before = tip(shop).sha
    assert made(shop, "put", "upstream", "search", TARGETS).code == "E-API-030"
    proposed = made(shop, "put", "upstream", "search", TARGETS, propose=True)
    assert (proposed.state, tip(shop, f"change/{proposed.id}").sha) == ("committed", proposed.commit)
    assert "has to sign before it is merged" in proposed.message
    assert tip(shop).sha == before
    content = shop.context.mirror.read_file(str(row.commit), "edge/upstreams.kdl")
    assert b"10.0.0.9" in (content or b"")
