"""What pages tell of a configuration: made by the trunk flow, kept with the bundle, forgotten with it."""

from __future__ import annotations

import json

from reconciler.db import session
from reconciler.db.models import Bundle
from reconciler.db.outlines import ConfigurationOutline, record_outlines
from reconciler.outline.outline import Outline
from tests.integration.test_flow_trunk import GOOD, NOW, World, git_server, world

__all__ = ["git_server", "world"]


def kept() -> dict[tuple[str, str], ConfigurationOutline]:
    with session.reading():
        return {(row.digest, row.environment): row for row in ConfigurationOutline.select()}


def test_a_commit_brings_its_outlines_and_its_files(world: World) -> None:
    sha = world.push(GOOD)
    world.run()
    digest = world.row(sha).digest
    found = kept()
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
    digest = world.row(sha).digest
    where = {"organization": world.context.organization.slug, "project": world.context.project.slug}
    for number, others in enumerate(((digest,), ()), 1):
        with session.writing():
            record_outlines(
                **where, digest=f"sha256:{number}", commit="c", outlines={"dev": b"{}"}, kept=others, now=NOW
            )
        assert {one for one, _ in kept()} == {f"sha256:{number}", *others}
