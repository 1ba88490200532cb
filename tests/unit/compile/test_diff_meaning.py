"""The semantic diff: what makes a difference, what makes none, and in which order it is told."""

from __future__ import annotations

import pytest

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.diff.text import difference_text
from reconciler.errors import Refused
from tests.unit.compile.native_base import BASE, difference, edited, environment


def told(difference: Difference) -> list[str]:
    return [f"{c.action} {c.area} {c.kind} {c.name}" for c in difference.changes]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("worker-threads 0", "worker-threads 0 /* all of them */", id="a comment"),
        pytest.param('path "/feed"', 'path #"/feed"#', id="another spelling of a string"),
        pytest.param(
            'host "shop.example"; host "www.shop.example"',
            'host "www.shop.example"; host "shop.example"',
            id="the order of hosts",
        ),
        pytest.param(
            'target "10.0.0.1:80"\n        target "10.0.0.2:80"',
            'target "10.0.0.2:80"\n        target "10.0.0.1:80" weight=1',
            id="the order of targets and a default",
        ),
        pytest.param(
            'load-balancing "weighted"',
            'load-balancing "weighted-round-robin"',
            id="two spellings of one algorithm",
        ),
        pytest.param(
            'upstream "web" { target "10.0.1.1:80" weight=1;',
            'upstream "web" { targets { target { address "10.0.1.1:80" } };',
            id="another form of a target",
        ),
        pytest.param("success-threshold 2; ", "", id="a default left out"),
        pytest.param(
            'listener "local" { address "127.0.0.1:8081" }',
            'listener "local" { protocol "http"; address "127.0.0.1:8081"; keepalive-timeout-secs 75 }',
            id="defaults written out",
        ),
        pytest.param("priority 10\n", 'priority "low"\n', id="a priority by its word"),
        pytest.param(
            'upstream "web"\n        retry-policy',
            'upstream "web"\n        websocket #false\n        retry-policy',
            id="a flag that is the default",
        ),
        pytest.param(
            "set { Strict-Transport-Security", "set { strict-transport-security", id="capitals of a header"
        ),
        pytest.param("sentinel-config-0000000000000000", "sentinel-config-1111111111111111", id="the marker"),
        pytest.param(
            'filter "cross" { type "cors" }',
            'filter "cross" { type "cors"; allowed-origins "x" }',
            id="what the proxy ignores",
        ),
        pytest.param("max-rps 10;", "max-rps 10; burst 7;", id="what the proxy reads and never uses"),
        pytest.param('method "GET"', 'method "GET" "POST"', id="a second method, which does not count"),
        pytest.param(
            "{ failure-threshold 5; success-threshold 2; timeout-seconds 15; half-open-max-requests 1 }",
            "{ failure-threshold 5; timeout-seconds 15 }",
            id="a breaker's defaults",
        ),
    ],
)
def test_the_same_meaning_is_no_change(old: str, new: str) -> None:
    found = difference(BASE, edited((old, new)))
    assert told(found) == []
    assert found.raw != ""
    assert not found.same
    assert "the same by meaning" in difference_text(found)


def test_the_very_same_is_the_same() -> None:
    found = difference(BASE, BASE)
    assert found.same
    assert "no difference" in difference_text(found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('path "/feed"', 'path "/feeds"', ["changed route route feed"]),
        ("weight=1", "weight=2", ["changed upstream upstream web"]),
        (
            'upstream "web" { target',
            'upstream "web" { health-check { type "tcp" }; target',
            ["changed upstream upstream web"],
        ),
        ('sni "api.internal"', 'sni "other.internal"', ["changed tls upstream api"]),
        ('        tls { sni "api.internal" }\n', "", ["removed tls upstream api"]),
        (
            'target "10.0.1.1:80" weight=1;',
            'target "10.0.1.1:80" weight=1; tls { sni "w" };',
            ["added tls upstream web"],
        ),
        ("max-rps 10;", "max-rps 20;", ["changed limit filter slow-down"]),
        ("global { max-rps 1000 }", "global { max-rps 2000 }", ["changed limit setting rate-limits"]),
        ('filter "cross" { type "cors" }\n', "", ["removed filter filter cross"]),
        ("max-body-size 2000000", "max-body-size 3000000", ["changed limit setting limits"]),
        ('unix-socket "/run/a.sock"', 'unix-socket "/run/b.sock"', ["changed auth agent authn"]),
        ('path "/health"', 'path "/healthz"', ["changed route route ops:ops-health"]),
        ("worker-threads 0", "worker-threads 2", ["changed setting setting system"]),
        (
            'filters "login" "shield" "slow-down" "wait"',
            'filters "shield" "login" "slow-down" "wait"',
            ["changed route route cart.1", "changed route route cart.2"],
        ),
    ],
)
def test_a_change_is_told_where_it_belongs(old: str, new: str, expected: list[str]) -> None:
    assert told(difference(BASE, edited((old, new)))) == expected


def test_what_is_lost_is_told_first() -> None:
    found = difference(
        BASE,
        edited(
            ('    route "feed" { matches { path "/feed" }; upstream "web" }\n', ""),
            ('"login" "shield"', '"shield"'),
            ("weight=1", "weight=2"),
            ('route "docs"', 'route "news" { matches { path "/news" }; upstream "web" }\n    route "docs"'),
        ),
    )
    assert told(found) == [
        "removed route route feed",
        "removed auth route cart.1",
        "removed auth route cart.2",
        "changed upstream upstream web",
        "added route route news",
    ]
    lines = difference_text(found).splitlines()
    assert lines[1] == "  routes removed:"
    assert lines.index("  authentication removed:") < lines.index("  upstreams changed:")
    assert any(line.startswith("--- a/sentinel.kdl") for line in lines)
    assert not any(line.startswith("---") for line in difference_text(found, raw=False).splitlines())


def test_a_route_that_only_got_another_number_is_the_same_route() -> None:
    first = BASE[BASE.index('    route "cart.1"') : BASE.index('    route "cart.2"')]
    found = difference(BASE, edited((first, ""), ('"cart.2"', '"cart"')))
    assert told(found) == ["removed route route cart.1", "changed route route cart"]
    assert found.changes[1].was == "cart.2"
    assert found.changes[1].fields == ()
    assert found.changes[1].routes == ("cart", "cart.2")


def test_a_change_names_the_routes_it_has_to_do_with() -> None:
    found = difference(BASE, edited(("max-rps 10;", "max-rps 20;"), ("weight=1", "weight=2")))
    routes = {c.name: c.routes for c in found.changes}
    assert routes == {"slow-down": ("cart.1", "cart.2"), "web": ("docs", "feed", "images", "site")}
    agent = difference(BASE, edited(('"/run/w.sock"', '"/run/v.sock"')))
    assert agent.changes[0].routes == ("cart.1", "cart.2")


def test_an_environment_may_be_new_or_gone() -> None:
    new = compare_environments("prod", None, environment(BASE))
    assert {c.action for c in new.changes} == {Action.added}
    assert "  is new" in difference_text(new)
    assert new.raw.startswith("--- /dev/null\n+++ b/sentinel.kdl\n")
    gone = compare_environments("prod", environment(BASE), None)
    assert {c.action for c in gone.changes} == {Action.removed}
    assert not gone.restart
    assert gone.to_json()["exists"] == {"before": True, "after": False}


def test_files_of_agents_are_compared_too() -> None:
    found = compare_environments(
        "prod",
        environment(BASE, files={"a.json": b"1\n", "b.json": b"2", "d.bin": b"\xff\x00"}),
        environment(BASE, files={"a.json": b"3\n", "c.json": b"2", "d.bin": b"\xff\x01"}),
    )
    assert told(found) == [
        "removed file file b.json",
        "changed file file a.json",
        "changed file file d.bin",
        "added file file c.json",
    ]
    assert "-1\n+3\n" in found.raw
    assert "Binary files a/d.bin and b/d.bin differ" in found.raw
    assert "\\ No newline at end of file" in found.raw


def test_a_restart_is_told() -> None:
    found = compare_environments("prod", environment(BASE), environment(BASE, restart_key="other"))
    assert found.restart
    assert "restarted" in difference_text(found)


def test_a_hostile_name_does_not_reach_the_terminal() -> None:
    found = difference(BASE, edited(('path "/feed"', 'path "/\\u{1b}[31m"')))
    assert "\x1b" not in difference_text(found)


def test_a_configuration_that_cannot_be_read_is_refused() -> None:
    from reconciler.compile.compiler import CompiledEnvironment

    broken = CompiledEnvironment("prod", b"listeners {", "0" * 16, "k", {})
    with pytest.raises(Refused, match="E-CMP-090"):
        compare_environments("prod", broken, environment(BASE))


def test_fields_are_told_with_both_values() -> None:
    found = difference(
        BASE,
        edited(
            ("read 20", "read 5"), ('host "www.shop.example"; path-prefix "/cart"', 'path-prefix "/cart"')
        ),
    )
    text = difference_text(found, raw=False)
    assert "timeouts.read: 20 → 5" in text
    assert "matches.host: -'www.shop.example'" in text
    fields = found.to_json()["changes"][0]["fields"]
    assert fields == [
        {"path": "matches.host", "before": ["shop.example", "www.shop.example"], "after": ["shop.example"]}
    ]
