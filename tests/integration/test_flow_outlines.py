"""What pages tell of a configuration: made after its bundle, kept with it, forgotten with it."""

from __future__ import annotations

import json

import pytest

from reconciler.db import session
from reconciler.db.models import Bundle, Commit
from reconciler.db.outlines import ConfigurationOutline, record_outlines
from reconciler.errors import Stalled, Transient
from reconciler.flows import answers, outlining
from reconciler.flows.confined import Broken
from reconciler.outline.outline import Outline
from tests.integration.test_flow_trunk import GOOD, NOW, World, git_server, world

__all__ = ["git_server", "world"]


def kept() -> dict[tuple[str, str], ConfigurationOutline]:
    with session.reading():
        return {(row.digest, row.environment): row for row in ConfigurationOutline.select()}


def brought(world: World) -> str:
    return outlining.run(world.context, lambda: None).kind


def test_a_commit_brings_its_outlines_and_its_files(world: World) -> None:
    sha = world.push(GOOD)
    world.run()
    digest = world.row(sha).digest
    assert kept() == {}
    assert brought(world) == "changed"
    assert brought(world) == "unchanged"
    found = kept()
    assert {row.commit for row in found.values()} == {sha}
    assert set(found) == {(digest, name) for name in ("dev", "staging", "production")}
    outline = Outline.from_json(json.loads(found[digest, "production"].document))
    assert Outline.from_json(outline.to_json()) == outline
    assert {v.name for v in outline.graph.vertices if v.kind == "service"} >= {"checkout", "search"}
    secrets = {one.name: one for one in outline.secrets}
    assert secrets["partner-key"].version == 1
    assert secrets["partner-key"].days == 365
    assert [policy.name for policy in outline.waf] == ["public"]
    assert "v1." not in found[digest, "production"].document
    with session.reading():
        bundle = Bundle.get(Bundle.digest == digest)
    assert bundle.files["config/production/sentinel.kdl"][0] > 0
    assert bundle.author == "Ada <ada@example.com>"
    assert bundle.tree == world.context.mirror.commit(sha).tree


def test_only_what_can_still_be_looked_at_is_kept(world: World) -> None:
    sha = world.push(GOOD)
    world.run()
    with session.writing():
        record_outlines(
            world.context.organization.slug,
            world.context.project.slug,
            "sha256:1",
            "c",
            {"dev": b"{}"},
            now=NOW,
        )
    brought(world)
    assert {digest for digest, _ in kept()} == {world.row(sha).digest}


def test_a_later_commit_with_the_same_bundle_is_the_one_whose_files_are_named(world: World) -> None:
    world.push(GOOD)
    world.run()
    brought(world)
    moved = {f"moved/{path}" if path.endswith(".kdl") else path: content for path, content in GOOD.items()}
    sha = world.push(moved | dict.fromkeys(path for path in GOOD if path.endswith(".kdl")))
    world.run()
    assert brought(world) == "changed"
    assert {row.commit for row in kept().values()} == {sha}


def test_a_commit_that_the_forge_has_no_more_keeps_no_other_from_being_told(world: World) -> None:
    sha = world.push(GOOD)
    world.run()
    with session.writing():
        # It is the newest that compiled; trunk was rewritten since, and this mirror never had it.
        Commit.create(
            organization=world.context.organization.slug, project=world.context.project.slug, sha="f" * 40,
            position=99, author_name="Ada", author_email="ada@example.com", authored_at=NOW, subject="Gone",
            seen_at=NOW, state="compiled", digest="sha256:" + "f" * 64,
        )  # fmt: skip
    assert brought(world) == "changed"
    assert {row.commit for row in kept().values()} == {sha}


@pytest.mark.parametrize(("cause", "error"), [("killed", Transient), ("time", Transient), ("cpu", Stalled)])
def test_a_child_that_ends_leaves_everything_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, cause: str, error: type[Exception]
) -> None:
    world.push(GOOD)
    world.run()

    def broken(_: object) -> bytearray:
        raise Broken(cause, "it was ended")

    monkeypatch.setattr(answers, "run_confined", broken)
    with pytest.raises(error):
        brought(world)
    assert kept() == {}
