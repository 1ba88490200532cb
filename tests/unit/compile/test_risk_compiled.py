"""Difference and risk of what the compiler really makes: policies, middlewares and the files of their agents."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.cli.validate import check
from reconciler.compile.diff.agent_files import file_facts, place_of
from reconciler.compile.diff.changes import Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.risk import Level, assess
from reconciler.config.source import SourceFile
from tests.property.gallery import FILES

ORDERS = {"orders.1", "orders.2", "orders.3", "orders.4"}
EVERYTHING = ORDERS | {"events", "old", "prices", "stock", "upload", "ops:ops-status"}
WAF = "file agents/production/waf/public.conf"
AUTH = "file agents/production/auth/customers.json"


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    sides = []
    for files in (before, after):
        compilation, findings = check([SourceFile(path, text.encode()) for path, text in files.items()])
        assert compilation is not None, "\n".join(map(str, findings))
        sides.append(next(e for e in compilation.environments if e.name == "production"))
    return compare_environments("production", *sides)


def edited(old: str, new: str) -> dict[str, str]:
    assert any(old in text for text in FILES.values()), old
    return {path: text.replace(old, new) for path, text in FILES.items()}


SCOPES = 'audience "orders"\n        scopes "read" "write"'
CASES = [
    pytest.param(
        '    auth "customers"\n',
        "",
        "auth-removed",
        Level.critical,
        ORDERS,
        "removed auth " + AUTH,
        id="auth off",
    ),
    pytest.param(
        '    waf "public"\n', "", "waf-removed", Level.critical, ORDERS, "removed waf " + WAF, id="WAF off"
    ),
    pytest.param(
        'mode "block"',
        'mode "detect"',
        "waf-weakened",
        Level.high,
        ORDERS,
        "changed waf " + WAF,
        id="WAF only detects",
    ),
    pytest.param(
        'sensitivity "medium"',
        'sensitivity "low"',
        "waf-weakened",
        Level.high,
        ORDERS,
        "changed waf " + WAF,
        id="WAF less sensitive",
    ),
    pytest.param(
        'without "php"',
        'without "php" "sqli"',
        "waf-weakened",
        Level.high,
        ORDERS,
        "changed waf " + WAF,
        id="a category off",
    ),
    pytest.param(
        "rules 942151",
        "rules 942100 942151",
        "waf-weakened",
        Level.high,
        ORDERS,
        "changed waf " + WAF,
        id="a wider exclusion",
    ),
    pytest.param(
        'audience "orders"',
        'audience "others"',
        "guard-changed",
        Level.medium,
        ORDERS,
        "changed auth " + AUTH,
        id="another audience",
    ),
    pytest.param(
        '    middleware "api-limit"\n',
        "",
        "rate-limit-removed",
        Level.high,
        ORDERS,
        "removed limit filter api-limit",
        id="a limit off",
    ),
    pytest.param(
        "requests-per-second 20",
        "requests-per-second 21",
        "rate-limit-raised",
        Level.medium,
        {"events"},
        "changed limit filter events.rate-limit",
        id="a limit raised",
    ),
    pytest.param(
        '"/orders" "/basket"',
        '"/orders"',
        "route-removed",
        Level.high,
        set(),
        "removed route route orders.1",
        id="a path gone",
    ),
    pytest.param(
        'address "0.0.0.0:8080"',
        'address "0.0.0.0:8081"',
        "restart-needed",
        Level.high,
        EVERYTHING,
        "changed listener listener http",
        id="another port",
    ),
]


@pytest.mark.parametrize(("old", "new", "rule", "level", "routes", "change"), CASES)
def test_a_change_of_the_repository(
    old: str, new: str, rule: str, level: Level, routes: set[str], change: str
) -> None:
    found = difference(FILES, edited(old, new))
    assert change in [f"{c.action} {c.area} {c.kind} {c.name}" for c in found.changes]
    risk = assess(found)
    assert risk.level is level
    reasons = [reason for reason in risk.reasons if reason.rule == rule]
    assert reasons
    if routes:
        assert set().union(*(reason.routes for reason in reasons)) == routes


@pytest.mark.parametrize(("old", "new", "rule", "level", "routes", "change"), CASES[2:6])
def test_the_way_back_is_no_weakening(
    old: str, new: str, rule: str, level: Level, routes: set[str], change: str
) -> None:
    risk = assess(difference(edited(old, new), FILES))
    assert {reason.rule for reason in risk.reasons} == {"guard-changed"}


def test_scopes_that_are_asked_for_no_longer() -> None:
    risk = assess(difference(edited('audience "orders"', SCOPES), FILES))
    assert "auth-weakened" in {reason.rule for reason in risk.reasons}
    risk = assess(difference(FILES, edited('audience "orders"', SCOPES)))
    assert "auth-weakened" not in {reason.rule for reason in risk.reasons}


def test_what_means_nothing_makes_no_difference() -> None:
    assert difference(FILES, {f"moved/{path}": f"// again\n{text}" for path, text in FILES.items()}).same


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("agents/production/auth/customers.json", ("auth", "sentinel-auth-customers")),
        ("agents/dev/waf/public.conf", ("waf", "sentinel-waf-public")),
        ("agents/dev/auth/a.oidc.json", ("auth", "sentinel-auth-a.oidc")),
        ("certificates/a.pem", None),
        ("agents/dev/other/a.json", None),
    ],
)
def test_files_belong_to_agents(path: str, place: tuple[str, str] | None) -> None:
    assert place_of(path) == place


def test_a_file_that_is_not_understood_is_told_apart_by_its_digest() -> None:
    for path in ("agents/d/auth/a.json", "agents/d/waf/a.conf", "x.bin"):
        one, other = file_facts(path, b"\xff{"), file_facts(path, b"\xff}")
        assert set(one) == {"content"}
        assert one != other


def test_comments_of_a_rule_file_mean_nothing() -> None:
    path = "agents/d/waf/a.conf"
    one = file_facts(path, b"# one\nSecRuleEngine On\nSecRuleRemoveById 2 1\n\n")
    assert one == file_facts(path, b"SecRuleRemoveById 1\n  SecRuleEngine On\n# two\nSecRuleRemoveById 2\n")
    assert one == {"SecRuleEngine": "On", "SecRuleRemoveById": ("1", "2")}


def test_the_control_planes_own_routes_are_nobodys_concern() -> None:
    found = difference(FILES, edited('address "0.0.0.0:8080"', 'address "0.0.0.0:8081"'))
    change = next(change for change in found.changes if change.kind == "listener")
    assert set(change.routes) == EVERYTHING
