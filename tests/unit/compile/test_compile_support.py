"""The table of what the proxy does with each feature, and the findings that come of it."""

from __future__ import annotations

import pytest

from reconciler.compile.support import FEATURES, Feature, Level, support_problem
from reconciler.compile.support_page import render_support
from reconciler.config.findings import Severity
from reconciler.config.proxies import PROXY_VERSIONS


def test_every_feature_has_a_level_on_every_version() -> None:
    for feature in FEATURES.values():
        for version in PROXY_VERSIONS:
            assert feature.level(version) in Level


def test_whatever_is_not_done_says_why_and_what_to_do_instead() -> None:
    for feature in FEATURES.values():
        for version in PROXY_VERSIONS:
            if feature.level(version) in (Level.ineffective, Level.impossible):
                assert feature.note, feature.name
                assert feature.instead, feature.name


def test_what_is_impossible_is_an_error_and_what_has_no_effect_a_warning() -> None:
    impossible = support_problem("middleware.access-control", "0.6.20")
    assert impossible is not None
    assert (impossible.code, impossible.severity) == ("E-CMP-006", Severity.error)
    assert "denylist" in impossible.hint
    ineffective = support_problem("rate-limit.client-ip", "0.6.20")
    assert ineffective is not None
    assert (ineffective.code, ineffective.severity) == ("W-CMP-001", Severity.warning)
    loses = support_problem("service.redirect", "0.6.20")
    assert loses is not None
    assert (loses.code, loses.severity) == ("W-CMP-002", Severity.info)
    assert support_problem("service.websocket", "0.6.20") is None


def test_a_level_holds_from_its_version_on() -> None:
    feature = Feature("a", "A", (("0.6.9", Level.impossible), ("0.6.10", Level.native)))
    assert feature.level("0.6.9") is Level.impossible
    assert feature.level("0.6.10") is Level.native
    assert feature.level("0.7.0") is Level.native
    with pytest.raises(KeyError):
        feature.level("0.6.8")


def test_the_page_has_a_row_for_every_feature() -> None:
    page = render_support()["docs/language/support.md"]
    for name, feature in FEATURES.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert str(feature.level(PROXY_VERSIONS[-1])) in row
