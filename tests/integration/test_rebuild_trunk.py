"""What a rebuild finds in git and in the object store: the last valid commit, its policies, and bundles."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from reconciler.bundle.limits import LIMITS
from reconciler.db import session
from reconciler.db.audit import AuditRow
from reconciler.db.models import TABLES, Bundle, Environment, Work
from reconciler.db.outlines import ConfigurationOutline
from reconciler.flows import outlining
from reconciler.flows.audit import sealing
from reconciler.flows.facts import read_policies
from reconciler.flows.rebuild.bundles import bring_bundles
from reconciler.flows.rebuild.steps import rebuild
from reconciler.store import layout
from tests.integration.test_flow_trunk import World, git_server, world
from tests.integration.test_keys_fleet import PROJECT

__all__ = ["git_server", "world"]


def lose_database() -> None:
    with session.writing():
        for table in TABLES:
            table.delete().execute()


def rows(*columns: Any) -> list[tuple[Any, ...]]:
    with session.reading():
        return list(columns[0].model.select(*columns).order_by(columns[0]).tuples())


def test_the_last_valid_commit_is_found_although_no_statement_names_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = PROJECT % 1
    first = world.push({"shop.kdl": project})
    world.run()
    # The policy alone changes: the same bundle, and so no statement of its own.
    patient = world.push({"shop.kdl": project.replace(b'"120s"', b'"240s"')})
    world.run()
    refused = world.push({"shop.kdl": b"nonsense\n"})
    world.run()
    assert world.commits() == {first: "compiled", patient: "compiled", refused: "refused"}
    policies, bundles = (
        read_policies(world.context),
        rows(Bundle.digest, Bundle.environments, Bundle.certificates),
    )
    outlining.run(world.context, lambda: None)
    columns = (ConfigurationOutline.environment, ConfigurationOutline.commit, ConfigurationOutline.document)
    outlines = rows(*columns)
    assert outlines
    sealing.run(world.context, lambda: None)
    numbers = rows(AuditRow.source, AuditRow.number)
    (digest, *_) = bundles[0]
    blob_key = layout.bundle("acme", "shop", digest)
    blob = world.context.store.get(blob_key, limit=LIMITS.blob)
    world.context.store.delete(blob_key)

    lose_database()
    said: list[str] = []
    # Who dies while it asks for the rest leaves nothing that would pass for all of it.
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.flows.rebuild.trunk.ask", Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            list(rebuild(world.context, said.append))
    for _ in range(2):
        assert [step.project for step in rebuild(world.context, said.append)] == ["shop"] * 5
    assert read_policies(world.context) == policies
    assert policies.commit == patient
    assert world.commits() == {first: "compiled", patient: "compiled"}
    # The blob that was gone is built again, byte for byte.
    assert world.context.store.get(blob_key, limit=LIMITS.blob) == blob
    assert rows(Bundle.digest, Bundle.environments, Bundle.certificates) == bundles
    assert rows(Environment.name) == [("dev",)]
    outlining.run(world.context, lambda: None)
    assert rows(*columns) == outlines
    assert {("trunk", ""), ("resources", ""), ("outlines", ""), ("environment", "dev")} <= set(
        rows(Work.kind, Work.subject)
    )
    world.run()
    assert world.commits() == {first: "compiled", patient: "compiled", refused: "refused"}
    sealing.run(world.context, lambda: None)
    assert rows(AuditRow.source, AuditRow.number) == numbers

    # A worker that was quicker than whoever rebuilds has seen the head alone.
    lose_database()
    world.run()
    assert read_policies(world.context).commit == ""
    list(rebuild(world.context, said.append))
    assert read_policies(world.context) == policies
    assert world.commits() == {first: "compiled", patient: "compiled", refused: "refused"}


def test_a_bundle_that_nobody_vouches_for_is_left_out_and_one_without_a_blob_counts_as_removed(
    world: World,
) -> None:
    world.push({"shop.kdl": PROJECT % 1})
    world.run()
    world.push({"shop.kdl": PROJECT % 2})
    world.run()
    (one, _), (two, _) = rows(Bundle.digest, Bundle.id)
    store = world.context.store
    store.delete(layout.bundle("acme", "shop", one))
    statement = layout.statement("acme", "shop", two)
    store.replace(statement, store.get(layout.statement("acme", "shop", one), limit=LIMITS.statement))
    lose_database()
    said: list[str] = []
    assert bring_bundles(world.context, said.append) == (
        "1 bundles are known again, 1 of them as removed, 1 are not vouched for"
    )
    assert [digest for digest, removed in rows(Bundle.digest, Bundle.removed_at) if removed] == [one]
    assert any(two[:19] in words for words in said)
