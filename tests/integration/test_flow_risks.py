"""Risk judged by the trunk flow against what each environment runs, over real bundles in a real store."""

from __future__ import annotations

from typing import Any

from reconciler.db import session
from reconciler.db.models import Environment
from reconciler.db.risk import Risk
from reconciler.flows import risks, trunk
from reconciler.store import layout
from tests.integration.test_flow_trunk import GOOD, World, git_server, world
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM

__all__ = ["git_server", "world"]

CHECKOUT = "services/checkout.kdl"
NO_AUTH: dict[str, bytes | None] = {CHECKOUT: GOOD[CHECKOUT].replace(b'    auth "customers"\n', b"")}
HARMLESS: dict[str, bytes | None] = {CHECKOUT: GOOD[CHECKOUT].replace(b'"30s"', b'"31s"')}


def run_there(world: World, name: str, digest: str, wished: str = "") -> None:
    """What an environment's view says it runs, and what is wished for."""
    view = {"live": digest, "release": {"digest": wished} if wished else None}
    with session.writing():
        assert Environment.update(view=view).where(Environment.name == name).execute() == 1


def rows() -> dict[tuple[str, str, str], Any]:
    with session.reading():
        return {(row.environment, row.digest, row.against): row for row in Risk.select()}


def first(world: World) -> str:
    sha = world.push(GOOD)
    world.run()
    return str(world.row(sha).digest)


def test_to_an_environment_that_runs_nothing_everything_is_of_low_risk(world: World) -> None:
    digest = first(world)
    found = rows()
    assert set(found) == {(name, digest, "") for name in ("dev", "staging", "production")}
    assert {(row.level, tuple(row.reasons)) for row in found.values()} == {("low", ())}


def test_a_commit_is_judged_against_what_each_environment_runs(world: World) -> None:
    before = first(world)
    run_there(world, "production", before)
    sha = world.push(NO_AUTH)
    world.run()
    after = world.row(sha).digest
    found = rows()
    production = found["production", after, before]
    assert production.level == "critical"
    lost = [reason for reason in production.reasons if reason["rule"] == "auth-removed"]
    assert {name for reason in lost for name in reason["routes"]} == {"checkout.1", "checkout.2"}
    assert {(reason["level"], reason["concerned"]) for reason in lost} == {("critical", 1)}
    assert production.reasons[0] in lost
    assert production.changes["removed"] >= 1
    assert found["staging", after, ""].level == "low"
    assert ("production", after, "") not in found


def test_a_harmless_change_is_of_low_risk(world: World) -> None:
    before = first(world)
    run_there(world, "dev", before)
    sha = world.push(HARMLESS)
    world.run()
    assert rows()["dev", world.row(sha).digest, before].level == "low"


def test_the_same_bundle_again_has_no_risk(world: World) -> None:
    before = first(world)
    run_there(world, "production", before)
    world.push({"README.md": b"x"})
    world.run()
    assert ("production", before, before) not in rows()


def test_risk_is_judged_anew_when_an_environment_runs_something_else(world: World) -> None:
    before = first(world)
    sha = world.push(NO_AUTH)
    world.run()
    after = world.row(sha).digest
    assert world.run() == "unchanged"
    run_there(world, "production", before)
    assert world.run() == "changed"
    assert rows()["production", after, before].level == "critical"
    assert world.run() == "unchanged"
    assert set(world.commits().values()) == {"compiled"}


def test_what_is_wished_for_is_judged_also_when_it_is_older(world: World) -> None:
    before = first(world)
    sha = world.push(NO_AUTH)
    world.run()
    after = world.row(sha).digest
    run_there(world, "production", after, wished=before)
    assert world.run() == "changed"
    assert rows()["production", before, after].level in ("low", "medium", "high")


def test_an_environment_that_a_commit_removes_is_critical(world: World) -> None:
    sha = world.push({"all.kdl": (BASE + UPSTREAM + SERVICE).encode()})
    world.run()
    before = world.row(sha).digest
    run_there(world, "production", before)
    alone = BASE[: BASE.index('environment "production"')] + BASE[BASE.index("listener") :]
    sha = world.push({"all.kdl": (alone + UPSTREAM + SERVICE).encode()})
    world.run()
    found = rows()["production", world.row(sha).digest, before]
    assert found.level == "critical"
    assert "environment-removed" in {reason["rule"] for reason in found.reasons}


def test_a_bundle_that_is_gone_or_damaged_makes_the_risk_unknown_and_stops_nothing(world: World) -> None:
    before = first(world)
    run_there(world, "production", before)
    run_there(world, "staging", "sha256:" + "0" * 64)
    world.context.store.replace(layout.bundle("acme", "shop", before), b"nonsense")
    sha = world.push(NO_AUTH)
    world.run()
    row = world.row(sha)
    assert row.state == "compiled"
    found = rows()
    for name, against in (("production", before), ("staging", "sha256:" + "0" * 64)):
        judged = found[name, row.digest, against]
        assert (judged.level, judged.reasons[0]["rule"]) == ("unknown", "unknown")
        assert judged.reasons[0]["reason"]


def test_another_bundle_under_its_name_is_not_believed(world: World) -> None:
    before = first(world)
    sha = world.push(HARMLESS)
    world.run()
    store, other = world.context.store, world.row(sha).digest
    blob = store.get(layout.bundle("acme", "shop", other), limit=1 << 26)
    store.replace(layout.bundle("acme", "shop", before), blob)
    run_there(world, "production", before)
    sha = world.push(NO_AUTH)
    world.run()
    assert rows()["production", world.row(sha).digest, before].level == "unknown"


def test_two_runs_at_once_leave_one_row(world: World) -> None:
    before = first(world)
    with session.writing():
        risks.record(world.context, [risks.Judged("production", before, "", "high", [], {})])
    assert rows()["production", before, ""].level == "low"


def test_no_key_is_loaded_before_bundles_are_compared(world: World) -> None:
    names = [step.__name__ for step in trunk.STEPS]
    assert names.index("judge") < names.index("sign")
    assert names.index("refuse") < names.index("judge")


def test_two_bundles_are_compared_on_demand_and_nothing_is_recorded(world: World) -> None:
    before = first(world)
    sha = world.push(NO_AUTH)
    world.run()
    after, known = world.row(sha).digest, set(rows())
    context = world.context
    assert risks.between(context, "production", before=before, after=after).level == "critical"
    assert (
        risks.between(context, "production", before=before, after="sha256:" + "0" * 64).level == risks.UNKNOWN
    )
    assert set(rows()) == known


def test_the_first_changes_are_kept_with_the_risk(world: World) -> None:
    before = first(world)
    run_there(world, "production", before)
    sha = world.push(NO_AUTH)
    world.run()
    found = rows()["production", world.row(sha).digest, before].difference
    assert [change["action"] for change in found] == sorted(
        (change["action"] for change in found), key=["removed", "changed", "added"].index
    )
    lost = next(one for one in found if (one["area"], one["kind"]) == ("auth", "route"))
    assert lost["fields"][0]["after"] is None
    assert "customers" in lost["fields"][0]["before"]
