"""Rules of what a change lets through, copies away, spends or believes."""

from __future__ import annotations

import pytest

from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.risk import assess
from tests.unit.compile.native_base import BASE, edited, environment

OF_EXPOSURE = {
    "header-let-through",
    "shadow-added",
    "spending-raised",
    "websocket-enabled",
    "trust-changed",
    "plugin-changed",
}
FEED = '"/feed" }; upstream "web"'
BUDGET = 'budget { period "daily"; limit 100; enforce #true }'
ALL = 'filters "login" "shield" "slow-down" "wait"'
RICH = edited(
    (
        FEED,
        f'{FEED}; policies {{ request-headers {{ remove "X-User"; set {{ X-Edge "e" }} }} }}; '
        f'inference {{ provider "openai"; rate-limit {{ tokens-per-minute 10 }}; {BUDGET} }}',
    ),
    (
        'filter "cross"',
        'filter "strip" { type "headers"; phase "request"; remove "X-Role" }\n    filter "cross"',
    ),
    ('"/docs"; method "GET" };', '"/docs"; method "GET" }; filters "strip";'),
)
SHADOW = f'{FEED}; shadow {{ upstream "api" }}'


def hits(before: str, after: str, rule: str) -> set[str]:
    """The routes that a rule names; a dot alone when it holds and names none."""
    found = assess(compare_environments("prod", environment(before), environment(after)))
    return {name for reason in found.reasons if reason.rule == rule for name in (reason.routes or (".",))}


@pytest.mark.parametrize(
    ("rule", "edit", "routes"),
    [
        ("header-let-through", ('remove "X-User"; ', ""), {"feed"}),
        ("header-let-through", ('set { X-Edge "e" }', ""), {"feed"}),
        ("header-let-through", ('remove "X-User"; set', "set"), {"feed"}),
        ("header-let-through", ('filters "strip";', ""), {"docs"}),
        ("header-let-through", ('remove "X-User"; set {', 'set { X-User "none";'), set()),
        ("header-let-through", ('phase "request"', 'phase "response"'), {"docs"}),
        ("shadow-added", (FEED, SHADOW), {"feed"}),
        ("spending-raised", ("limit 100;", "limit 101;"), {"feed"}),
        ("spending-raised", ("limit 100;", "limit 99;"), set()),
        ("spending-raised", ("tokens-per-minute 10", "tokens-per-minute 11"), {"feed"}),
        ("spending-raised", ("enforce #true", "enforce #false"), {"feed"}),
        ("spending-raised", ('"daily"', '"hourly"'), {"feed"}),
        ("spending-raised", ('"daily"', '"monthly"'), set()),
        ("spending-raised", (BUDGET, ""), {"feed"}),
        ("websocket-enabled", (ALL, f"{ALL}; websocket #true"), {"cart.1", "cart.2"}),
        ("websocket-enabled", (FEED, f"{FEED}; websocket #true"), set()),
    ],
)
def test_a_rule_holds_for_its_routes_and_for_no_others(
    rule: str, edit: tuple[str, str], routes: set[str]
) -> None:
    assert hits(RICH, edited(edit, base=RICH), rule) == routes
    assert hits(RICH, RICH, rule) == set()


def test_a_shadow_that_goes_is_no_risk_and_another_one_is() -> None:
    with_shadow = edited((FEED, SHADOW))
    assert hits(with_shadow, BASE, "shadow-added") == set()
    elsewhere = edited(('shadow { upstream "api" }', 'shadow { upstream "web" }'), base=with_shadow)
    assert hits(with_shadow, elsewhere, "shadow-added") == {"feed"}


@pytest.mark.parametrize(
    ("path", "rule"), [("trust/partners.pem", "trust-changed"), ("plugins/greet.wasm", "plugin-changed")]
)
def test_other_content_under_a_name(path: str, rule: str) -> None:
    before, after = (environment(BASE, files={path: content}) for content in (b"1", b"2"))
    found = assess(compare_environments("prod", before, after))
    assert [reason.rule for reason in found.reasons] == [rule]
    assert assess(compare_environments("prod", before, before)).reasons == ()


def test_a_new_plugin_is_told_and_one_that_goes_is_not() -> None:
    with_plugin = environment(BASE, files={"plugins/a.lua": b"1"})
    found = assess(compare_environments("p", environment(BASE), with_plugin))
    assert [reason.rule for reason in found.reasons] == ["plugin-changed"]
    assert assess(compare_environments("p", with_plugin, environment(BASE))).reasons == ()
