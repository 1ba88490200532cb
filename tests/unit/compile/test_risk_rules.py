"""Each rule of risk: a change that it is for, the routes it names, and no rule for nothing."""

from __future__ import annotations

import pytest

from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.risk import RULES, Level, Risk, assess, render_risk
from tests.unit.compile.native_base import BASE, difference, edited, environment
from tests.unit.compile.test_risk_exposure import OF_EXPOSURE

CART = '"cart.1", "cart.2"'
ALL = 'filters "login" "shield" "slow-down" "wait"'
FEED = '    route "feed" { matches { path "/feed" }; upstream "web" }\n'
HSTS = '        policies { response-headers { set { Strict-Transport-Security "max-age=1" } } }\n'

CASES: list[tuple[str, list[tuple[str, str]], set[str]]] = [
    ("listener-removed", [('    listener "local" { address "127.0.0.1:8081" }\n', "")], set()),
    ("tls-removed", [('        tls { sni "api.internal" }\n', "")], {"cart.1", "cart.2"}),
    (
        "tls-removed",
        [('sni "api.internal"', 'sni "api.internal"; insecure-skip-verify #true')],
        {"cart.1", "cart.2"},
    ),
    ("tls-removed", [('"https"', '"http"')], set()),
    (
        "tls-removed",
        [('        tls { cert-file "/c/a.pem"; key-file "/c/a.key" }\n', ""), ('"https"', '"http"')],
        set(),
    ),
    ("auth-removed", [(ALL, 'filters "shield" "slow-down" "wait"')], {"cart.1", "cart.2"}),
    ("auth-removed", [('type="auth"', 'type="custom"')], {"cart.1", "cart.2"}),
    ("waf-removed", [(ALL, 'filters "login" "slow-down" "wait"')], {"cart.1", "cart.2"}),
    ("upstream-emptied", [], set()),
    (
        "auth-weakened",
        [('agent "authn"; failure-mode "closed"', 'agent "authn"; failure-mode "open"')],
        {"cart.1", "cart.2"},
    ),
    (
        "auth-weakened",
        [('a.sock"; failure-mode "closed"', 'a.sock"; failure-mode "open"')],
        {"cart.1", "cart.2"},
    ),
    ("auth-weakened", [(' "request_body" }', " }")], {"cart.1", "cart.2"}),
    (
        "waf-weakened",
        [('agent "crs"; failure-mode "closed"', 'agent "crs"; failure-mode "open"')],
        {"cart.1", "cart.2"},
    ),
    ("waf-weakened", [("inspect-request-body #true", "inspect-request-body #false")], set()),
    ("waf-weakened", [("max-inspection-bytes 100000", "max-inspection-bytes 100")], set()),
    ("guard-changed", [("/run/a.sock", "/run/b.sock")], {"cart.1", "cart.2"}),
    ("guard-changed", [(ALL, 'filters "second" "shield" "slow-down" "wait"')], {"cart.1", "cart.2"}),
    (
        "unguarded-route-added",
        [(FEED, FEED + '    route "back" { matches { path "/back" }; upstream "api" }\n')],
        {"back"},
    ),
    ("rate-limit-removed", [(ALL, 'filters "login" "shield" "wait"')], {"cart.1", "cart.2"}),
    ("rate-limit-removed", [("rate-limits { global { max-rps 1000 } }\n", "")], set()),
    ("rate-limit-raised", [("max-rps 10;", "max-rps 11;")], {"cart.1", "cart.2"}),
    ("rate-limit-raised", [('key "route"', 'key "route"; on-limit "log-only"')], {"cart.1", "cart.2"}),
    ("rate-limit-raised", [("max-rps 1000 ", "max-rps 1001 ")], set()),
    ("limits-raised", [("max-body-size 2000000", "max-body-size 2000001")], set()),
    ("limits-cut", [("max-body-size 2000000", "max-body-size 1999999")], set()),
    ("route-removed", [(FEED, "")], {"feed"}),
    ("host-removed", [('host "www.shop.example"; path-prefix "/cart"', 'path-prefix "/cart"')], {"cart.1"}),
    ("host-removed", [('path "/feed"', 'host "feed.example"; path "/feed"')], {"feed"}),
    ("match-changed", [('method "GET"', 'method "POST"')], {"docs"}),
    ("match-changed", [('path "/feed"', 'path "/food"')], {"feed"}),
    ("catch-all-added", [(FEED, FEED + '    route "all" { priority "low"; upstream "web" }\n')], {"all"}),
    (
        "catch-all-added",
        [(FEED, FEED + '    route "all" { matches { path-prefix "/" }; upstream "web" }\n')],
        {"all"},
    ),
    ("catch-all-added", [('host "shop.example"; path-prefix "/" }', 'path-prefix "/" }')], {"site"}),
    ("priority-changed", [("priority 10\n", "priority 11\n")], {"site"}),
    ("destination-changed", [('"/feed" }; upstream "web"', '"/feed" }; upstream "api"')], {"feed"}),
    (
        "many-routes-changed",
        [('"/img"', '"/i"'), ('"/docs"', '"/d"'), ('"/feed"', '"/f"')],
        {"images", "docs", "feed"},
    ),
    ("targets-replaced", [("10.0.1.1:80", "10.0.1.2:80")], {"images", "docs", "feed", "site"}),
    (
        "targets-halved",
        [('        target "10.0.0.1:80"\n        target "10.0.0.2:80"\n', "")],
        {"cart.1", "cart.2"},
    ),
    ("balancing-changed", [("weight=1", "weight=2")], {"images", "docs", "feed", "site"}),
    ("balancing-changed", [('"weighted"', '"random"')], {"images", "docs", "feed", "site"}),
    ("breaker-loosened", [("failure-threshold 5", "failure-threshold 6")], {"cart.1", "cart.2"}),
    ("timeouts-cut", [("read 20", "read 19")], {"cart.1", "cart.2"}),
    ("timeouts-cut", [("upstream-timeout-secs 30", "upstream-timeout-secs 3")], {"cart.1", "cart.2"}),
    ("timeouts-cut", [("request-timeout-secs 30", "request-timeout-secs 3")], set()),
    (
        "timeouts-cut",
        [
            (
                '    filter "cross"',
                '    filter "hurry" { type "timeout"; connect-timeout-secs 1 }\n    filter "cross"',
            ),
            ('"/feed" };', '"/feed" }; filters "hurry";'),
        ],
        {"feed"},
    ),
    ("retries-raised", [("max-attempts 2", "max-attempts 3")], {"site"}),
    ("tls-changed", [("/c/a.pem", "/c/b.pem")], set()),
    ("tls-changed", [("weight=1;", 'weight=1; tls { sni "w" };')], {"images", "docs", "feed", "site"}),
    ("listener-changed", [("127.0.0.1:8081", "0.0.0.0:8081")], set()),
    (
        "listener-added",
        [('    listener "local"', '    listener "more" { address "0.0.0.0:80" }\n    listener "local"')],
        set(),
    ),
    ("cors-opened", [('"/feed" };', '"/feed" }; filters "cross";')], {"feed"}),
    ("security-header-removed", [(HSTS, "")], {"site"}),
    ("cache-enabled", [("enabled #false", "enabled #true")], {"images"}),
    ("restart-needed", [], set()),
    ("environment-removed", [], set()),
]
UNUSUAL = {"upstream-emptied", "restart-needed", "environment-removed"}


def rules(risk: Risk) -> set[str]:
    return {reason.rule for reason in risk.reasons}


@pytest.mark.parametrize(("rule", "edits", "routes"), [case for case in CASES if case[0] not in UNUSUAL])
def test_a_rule_holds(rule: str, edits: list[tuple[str, str]], routes: set[str]) -> None:
    risk = assess(difference(BASE, edited(*edits)))
    reasons = [reason for reason in risk.reasons if reason.rule == rule]
    assert reasons, risk
    assert all(reason.reason for reason in reasons)
    if routes:
        assert set().union(*(reason.routes for reason in reasons)) == routes
    assert risk.level == max(reason.level for reason in risk.reasons)


OF_CERTIFICATES = {
    "certificate-names-lost",
    "certificate-issuer-changed",
    "certificate-ends-earlier",
    "certificate-renewed",
}


def test_every_rule_has_a_case_and_ids_are_unique() -> None:
    # The text of a configuration does not tell what stands behind a path or a placeholder: test_compile_tls.py and
    # test_compile_secrets.py have these.
    of_certificates = {rule.id for rule in RULES if rule.id.startswith("certificate-")}
    assert of_certificates == OF_CERTIFICATES
    of_secrets = {rule.id for rule in RULES if rule.id.startswith("secret-")}
    assert of_secrets == {"secret-rotated", "secret-went-back"}
    assert {case[0] for case in CASES} | of_certificates | of_secrets | OF_EXPOSURE == {
        rule.id for rule in RULES
    }
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param(
            [(ALL, 'filters "shield" "slow-down" "wait"')], {"auth-removed", "many-routes-changed"}, id="auth"
        ),
        pytest.param([("max-rps 10;", "max-rps 9;")], set(), id="a lower rate limit"),
        pytest.param([("read 20", "read 21")], set(), id="a longer timeout"),
        pytest.param([("failure-threshold 5", "failure-threshold 4")], set(), id="a tighter breaker"),
        pytest.param(
            [('target "10.0.0.3:80"', 'target "10.0.0.3:80"\n        target "10.0.0.4:80"')],
            set(),
            id="a target more",
        ),
        pytest.param([('        target "10.0.0.3:80"\n', "")], set(), id="a target fewer of three"),
        pytest.param([("max-attempts 2", "max-attempts 1")], set(), id="fewer attempts"),
        pytest.param([('"/feed" };', '"/feed" }; filters "login";')], set(), id="auth added"),
        pytest.param(
            [(FEED, FEED + '    route "news" { matches { path "/news" }; upstream "web" }\n')],
            set(),
            id="a route more",
        ),
        pytest.param(
            [
                (
                    'host "shop.example"; path-prefix "/" }',
                    'host "shop.example"; host "m.shop.example"; path-prefix "/" }',
                )
            ],
            set(),
            id="a host more",
        ),
        pytest.param([('"cart.1"', '"basket"')], set(), id="a new name"),
        pytest.param(
            [('agent "authn"; failure-mode "closed"', 'agent "authn"')], set(), id="the default written out"
        ),
        pytest.param([("worker-threads 0", "worker-threads 1")], set(), id="a setting of no risk"),
    ],
)
def test_no_more_rules_hold_than_should(edits: list[tuple[str, str]], expected: set[str]) -> None:
    found = rules(assess(difference(BASE, edited(*edits))))
    assert found - {"many-routes-changed"} == expected - {"many-routes-changed"}


def test_nothing_changed_is_low() -> None:
    assert assess(difference(BASE, BASE)) == Risk(Level.low, ())


def test_a_new_environment_has_nothing_to_lose() -> None:
    assert assess(compare_environments("prod", None, environment(BASE))) == Risk(Level.low, ())


def test_the_share_of_routes_is_of_those_that_it_ran() -> None:
    # The control plane's own routes go away with an environment, and are no part of what people wrote.
    base = edited(
        ('namespace "ops"', 'namespace "sentinel-control"'), ("ops-health", "sentinel-control-health")
    )
    (reason,) = [
        reason
        for reason in assess(compare_environments("prod", environment(base), None)).reasons
        if reason.rule == "many-routes-changed"
    ]
    assert "(100 %)" in reason.reason


def test_an_environment_that_is_gone_is_critical() -> None:
    risk = assess(compare_environments("prod", environment(BASE), None))
    assert "environment-removed" in rules(risk)
    assert risk.level is Level.critical


def test_a_restart_is_a_risk() -> None:
    found = compare_environments("prod", environment(BASE), environment(BASE, restart_key="other"))
    risk = assess(found)
    assert rules(risk) == {"restart-needed"}
    assert risk.level is Level.medium
    assert "cart.1" in risk.reasons[0].routes


def test_an_upstream_without_targets_is_critical() -> None:
    from reconciler.compile.diff.changes import Difference
    from reconciler.compile.diff.compare import compare_models
    from reconciler.compile.diff.model import read_model

    old, _ = read_model(BASE.encode(), "a")
    new, _ = read_model(edited(('target "10.0.1.1:80" weight=1;', "")).encode(), "b")
    assert old is not None
    assert new is not None
    risk = assess(Difference("prod", compare_models(old, new), False, "", old, new))
    reason = next(r for r in risk.reasons if r.rule == "upstream-emptied")
    assert reason.routes == ("docs", "feed", "images", "site")


def test_a_file_of_an_agent_is_a_guard() -> None:
    path = "agents/prod/auth/jwt.json"
    before, after = (environment(BASE, files={path: content}) for content in (b"1", b"2"))
    assert rules(assess(compare_environments("prod", before, after))) == {"guard-changed"}


def test_reasons_are_told_worst_first_and_in_json() -> None:
    found = assess(difference(BASE, edited((ALL, 'filters "shield" "wait"'), ("read 20", "read 1"))))
    levels = [reason.level for reason in found.reasons]
    assert levels == sorted(levels, reverse=True)
    assert found.to_json()["level"] == "critical"
    assert found.to_json()["reasons"][0]["rule"] == "auth-removed"


def test_the_page_tells_every_rule() -> None:
    page = render_risk()
    assert all(f"| `{rule.id}` | {rule.level.name} | {rule.meaning} |" in page for rule in RULES)
