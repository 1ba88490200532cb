"""What a pull request is told, as whole texts. `GOLDEN=write` writes them; look at them then."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.compile.diff.changes import Action
from reconciler.plan.markdown import markdown
from reconciler.plan.model import Plan, Side, Standing
from tests.unit.plan.planned import (
    BASE,
    COMMON,
    ENVIRONMENTS,
    FREEZE,
    GUARD,
    LISTENER,
    MERGED,
    PROJECT,
    UPSTREAM,
    plan_of,
    service,
    side,
    steady,
)

FOLDER = Path(__file__).parent / "golden"
EIGHT = [service(name, 'path-prefix "/x"') for name in "abcdefgh"]
GUARDED = service("shop", 'auth "customers"')


def half_of_the_routes() -> Plan:
    return plan_of(side(BASE, *COMMON, *EIGHT), side(MERGED, *COMMON, *EIGHT[:4]))


def no_auth_any_more() -> Plan:
    return plan_of(side(BASE, *COMMON, GUARD, GUARDED), side(MERGED, *COMMON, GUARD, service("shop")))


def a_proxy_version_that_is_none() -> Plan:
    broken = ENVIRONMENTS.replace('"0.6.20"', '"0.5.0"', 1)
    return plan_of(side(BASE, *COMMON, *EIGHT), side(MERGED, PROJECT, broken, LISTENER, UPSTREAM, *EIGHT))


def a_conflict() -> Plan:
    return plan_of(side(BASE, *COMMON), None, conflicts=("services/shop.kdl", "upstreams.kdl"))


def no_environment() -> Plan:
    return plan_of(side(BASE, PROJECT), side(MERGED, PROJECT))


def only_a_comment() -> Plan:
    return plan_of(side(BASE, *COMMON, *EIGHT), side(MERGED, *COMMON, "// why\n", *EIGHT))


def one_environment_and_a_freeze() -> Plan:
    before = side(BASE, *COMMON, FREEZE, service("a"))
    after = side(MERGED, *COMMON, FREEZE, service("a", 'for "production" { path-prefix "/v2" }'))
    waiting = Standing("sha256:" + "2" * 64, 40, ("hold by ada: audit",))
    return plan_of(before, after, standings={"production": waiting})


def an_environment_goes() -> Plan:
    less = ENVIRONMENTS.splitlines(keepends=True)[0]
    return plan_of(side(BASE, *COMMON, EIGHT[0]), side(MERGED, PROJECT, less, LISTENER, UPSTREAM, EIGHT[0]))


CASES: tuple[Callable[[], Plan], ...] = (
    half_of_the_routes,
    no_auth_any_more,
    a_proxy_version_that_is_none,
    a_conflict,
    no_environment,
    only_a_comment,
    one_environment_and_a_freeze,
    an_environment_goes,
)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_texts(make: Callable[[], Plan]) -> None:
    text = steady(markdown(make()))
    path = FOLDER / f"{make.__name__}.md"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def first_screen(plan: Plan) -> str:
    return markdown(plan).split("<details>")[0]


def test_the_first_screen_says_what_a_reviewer_must_not_miss() -> None:
    deleting = first_screen(half_of_the_routes())
    assert "### ⚠️ Look twice · 2 of 2 environments change · 43 nodes · risk: high" in deleting
    assert "**Removed (4)**" in deleting
    assert all(f"- route `{name}` — `dev`, `production`" in deleting for name in "efgh")
    weakening = first_screen(no_auth_any_more())
    assert "risk: critical" in weakening
    assert "**critical** auth-removed: " in weakening
    refused = first_screen(a_proxy_version_that_is_none())
    assert "### ❌ Refused · 1 error; no environment will change" in refused
    assert "`part-1.kdl:1:35`" in refused


def test_a_base_that_makes_no_bundle_hides_nothing() -> None:
    plan = plan_of(Side(BASE, "t"), side(MERGED, *COMMON, EIGHT[0]))
    changes = [change for e in plan.environments for change in e.difference.changes]
    assert {change.action for change in changes} == {Action.added}
    assert [change.name for change in changes if change.kind == "route" and change.name == "a"] == ["a", "a"]
