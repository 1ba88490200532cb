"""Resources of the kind proxy: merged with what the compiler writes, held against the proxy's grammar."""

from __future__ import annotations

import pytest

from reconciler.compile.compiler import compile_snapshot
from reconciler.compile.native.checking import check_native
from reconciler.compile.topology.graph import topology
from reconciler.config.findings import Finding
from reconciler.config.kdl import parse_kdl
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.writing import write_snapshot
from tests.unit.compile.compiled import (
    UPSTREAMS,
    compiled,
    config,
    kdl,
    nodes,
    objected,
    told,
    top,
    written,
)
from tests.unit.config.trees import read, sound

SERVICE = 'service "s" { upstream "orders" }\n'


def proxy(inside: str) -> str:
    """A proxy resource whose content begins in the second line, first column."""
    return f'proxy "p" {{\n{inside}\n}}\n'


def test_parts_are_merged_with_what_other_resources_become() -> None:
    text = config(
        SERVICE,
        proxy(
            'listeners { listener "ops" { address "127.0.0.1:8081"; namespace "ops" } }\n'
            'routes { route "up" { matches { path "/up" }; upstream "pooled"; filters "note" } }\n'
            'upstreams { upstream "pooled" { target "10.0.9.1:80"; connection-pool { idle-timeout 3 } } }\n'
            'filters { filter "note" { type "log" } }\n'
            'agents { agent "login" type="auth" { unix-socket "/run/x/login.sock" } }\n'
            'namespace "ops" { routes { route "h" { matches { path "/h" }; builtin-handler "health" } } }\n'
            "rate-limits { global { max-rps 5000 } }\n"
        ),
    )
    assert list(nodes(text, "routes")) == ["s", "up"]
    assert list(nodes(text, "upstreams")) == ["orders", "pooled"]
    assert list(nodes(text, "listeners")) == ["http", "ops", "sentinel-control"]
    assert next(iter(nodes(text, "filters"))) == "note"
    assert written(text, "agents", "login") == kdl("""
        agent "login" type="auth" {
            unix-socket "/run/x/login.sock"
        }
    """)
    assert text.count("\nroutes {") == text.count("\nupstreams {") == 1
    assert [n.arguments[0] for n in parse_kdl(text, "a")[0] or () if n.name == "namespace"] == [
        "ops",
        "sentinel-control",
    ]
    assert "max-rps 5000" in top(text, "rate-limits")


def test_blocks_that_nobody_chose_give_way_and_the_metrics_stay() -> None:
    text = config(
        'service "s" { hosts "a.example"; path-prefix "/s"; upstream "orders"; cache { ttl "5m" } }\n',
        proxy(
            "system { worker-threads 4 }\n"
            "cache { max-size 1048576 }\n"
            'observability { logging { access-log { file "/var/log/a.log" } } }\n'
        ),
    )
    assert top(text, "system") == kdl("""
        system {
            worker-threads 4
        }
    """)
    assert top(text, "cache") == kdl("""
        cache {
            max-size 1048576
        }
    """)
    assert top(text, "observability") == kdl("""
        observability {
            logging {
                access-log {
                    file "/var/log/a.log"
                }
            }
            metrics {
                enabled #true
                address "127.0.0.1:9902"
                path "/metrics"
            }
        }
    """)


def test_native_parts_alone_are_enough() -> None:
    base = 'project "p"\nenvironment "dev" { proxy-version "0.6.20" }\n'
    tree = base + proxy(
        'listeners { listener "a" { address "0.0.0.0:80" } }\n'
        'upstreams { upstream "u" { target "a:1" } }\n'
        'routes { route "r" { matches { path "/" }; upstream "u" } }\n'
    )
    snapshot, findings = read_snapshot([SourceFile("a.kdl", tree.encode())])
    assert snapshot is not None, findings
    compilation, findings = compile_snapshot(snapshot)
    assert findings == ()
    assert compilation is not None
    assert check_native(compilation.environments[0].config) == ()


@pytest.mark.parametrize(
    ("inside", "findings"),
    [
        # What the proxy refuses, and what it would ignore: each at its token.
        ('routes { route "r" { matches { path "/" }; upstream "none" } }', ["E-NAT-010 2.kdl:2:53"]),
        ("system { worker-thread 4 }", ["W-NAT-001 2.kdl:2:10"]),
        ('limits { max-body-size "2MB" }', ["W-NAT-002 2.kdl:2:24"]),
        ("limits { max-body-size 1000 }", ["E-NAT-008 2.kdl:2:24"]),
        ('upstreams { upstream "u" { target "a:1" } }', ["W-NAT-018 2.kdl:2:13"]),
        ('filters { filter "f" { type "cache" } }', ["E-NAT-007 2.kdl:2:29"]),
        ("limits { }\nlimits { max-header-count 3 }", ["W-NAT-005 2.kdl:2:1"]),
        # Collisions with other resources, and what is reserved.
        ('routes { route "s" { matches { path "/x" }; upstream "orders" } }', ["E-CMP-040 2.kdl:2:16"]),
        ('routes { route "s.2" { matches { path "/x" }; upstream "orders" } }', ["E-CMP-040 2.kdl:2:16"]),
        ('filters { filter "s.timeouts" { type "log" } }', ["E-CMP-040 2.kdl:2:18"]),
        ('filters { filter "limit" { type "log" } }', ["E-CMP-040 2.kdl:2:18"]),
        ('agents { agent "ask" { unix-socket "/run/a.sock" } }', ["E-CMP-040 2.kdl:2:16"]),
        (
            'upstreams { upstream "next" { target "a:1" } }',
            ["W-NAT-018 2.kdl:2:13", "E-CMP-040 2.kdl:2:22"],
        ),
        ('listeners { listener "http" { address "127.0.0.1:81" } }', ["E-CMP-040 2.kdl:2:22"]),
        ('listeners { listener "a" { address "127.0.0.1:8080" } }', ["E-CMP-003 2.kdl:2:36"]),
        ('listeners { listener "a" { address "127.0.0.1:9901" } }', ["E-CMP-003 2.kdl:2:36"]),
        ('listeners { listener "a" { address "0.0.0.0:9902" } }', ["E-CMP-003 2.kdl:2:36"]),
        ('listeners { listener "a" { address "x:1" } }', ["W-NAT-019 2.kdl:2:36"]),
        ('filters { filter "sentinel-config-0" { type "log" } }', ["E-CMP-042 2.kdl:2:18"]),
        ('namespace "sentinel-control" { routes { } }', ["E-CMP-042 2.kdl:2:11"]),
        (
            'listeners { listener "a" { address "127.0.0.1:81"; namespace "sentinel-control" } }',
            ["E-NAT-010 2.kdl:2:62"],
        ),
        ("system { auto-reload #true }", ["E-CMP-042 2.kdl:2:22"]),
        ("observability { metrics { } }", ["E-CMP-042 2.kdl:2:17"]),
        # What the language itself refuses: blocks that there are not, and secrets in names.
        ('schema-version "1.0"', ["E-KND-002 2.kdl:2:1"]),
        ('include "a.kdl"', ["E-KND-002 2.kdl:2:1"]),
        ('accept "E-NAT-001"', ["E-VAL-004 2.kdl:2:8"]),
        ('limits { "${secret:x}" 1 }', ["E-VAL-021 2.kdl:2:1"]),
        ('filters { filter "f" { type "log"; level "${secret-file:x}" } }', ["E-REF-001 2.kdl:2:42"]),
    ],
)
def test_what_is_wrong_is_told_at_its_token(inside: str, findings: list[str]) -> None:
    middlewares = (
        'middleware "limit" { rate-limit { requests-per-second 3 } }\n'
        'middleware "ask" { custom { socket "/run/x/ask.sock" } }\n'
    )
    texts = (proxy(inside), SERVICE + middlewares)
    found = objected(*texts)
    assert [f"{f.code} {f.place}" for f in found if f.place and f.place.path == "2.kdl"] == findings
    assert all(f.is_error and (f.hint or f.code == "W-NAT-018") for f in found)


def error(inside: str, *texts: str) -> Finding:
    (finding,) = (f for f in objected(proxy(inside), *texts) if f.is_error)
    return finding


def test_a_collision_names_both_sides() -> None:
    route = error('routes { route "s" { matches { path "/x" }; upstream "orders" } }', SERVICE)
    assert "native route 's'" in route.message
    assert "service 's'" in route.message
    address = error('listeners { listener "a" { address "127.0.0.1:8080" } }', SERVICE)
    assert "the listener 'http' on 0.0.0.0:8080" in address.message
    limit = 'middleware "small" { body-limit { size "2MiB" } }\n'
    used = 'service "s" { upstream "orders"; middleware "small" }\n'
    limits = error("limits { max-header-count 5 }", limit, used)
    assert limits.code == "E-CMP-041"
    assert "the middleware 'small' of the service 's'" in limits.message
    waf = error(
        'waf { mode "off" }',
        'middleware "ask" { custom { socket "/run/x/ask.sock" } }\n',
        'service "s" { upstream "orders"; middleware "ask" }\n',
    )
    assert waf.code == "E-CMP-041"
    assert "the middleware 'ask'" in waf.message


def test_two_proxy_resources_cannot_both_set_what_holds_for_all() -> None:
    other = 'proxy "q" {\n    system { worker-threads 2 }\n}\n'
    (finding,) = objected(proxy("system { worker-threads 4 }"), other, SERVICE)
    assert str(finding.place) == "3.kdl:2:5"
    assert "the proxy 'p'" in finding.message


def test_two_proxy_resources_cannot_define_one_route() -> None:
    route = 'routes { route "r" { matches { path "/r" }; upstream "orders" } }'
    (finding,) = objected(proxy(route), 'proxy "q" {\n    ' + route + "\n}\n", SERVICE)
    assert finding.code == "E-NAT-009"
    assert "2.kdl:2" in finding.message
    assert finding.place is not None
    assert finding.place.path == "3.kdl"


def test_what_is_accepted_is_a_warning_in_that_resource_alone() -> None:
    inert = 'filters { filter "f" { type "timeout"; request-timeout-secs 5 } }'
    assert told(proxy(inert), SERVICE) == ["W-NAT-006 2.kdl:2:40"]
    assert error(inert, SERVICE).is_error
    accepting = proxy(f'accept "W-NAT-006"\n{inert}')
    (warning,) = objected(accepting, SERVICE)
    assert not warning.is_error
    other = accepting.replace('"p"', '"q"').replace('"f"', '"g"').replace('accept "W-NAT-006"', "")
    assert [f.is_error for f in objected(accepting, SERVICE, other)] == [False, True]


def test_an_environment_can_have_other_parts() -> None:
    text = proxy(
        "limits { max-header-count 50 }\nrate-limits { global { max-rps 9 } }\n"
        'for "dev" { limits { max-header-count 7 }; remove "rate-limits" }'
    )
    dev, production = (config(SERVICE, text, environment=number) for number in (0, 1))
    assert "max-header-count 7" in top(dev, "limits")
    assert "max-header-count 50" in top(production, "limits")
    assert top(dev, "rate-limits") == ""
    assert "max-rps 9" in top(production, "rate-limits")
    only = proxy('limits { max-header-count 50 }\nonly "dev"')
    assert top(config(SERVICE, only, environment=1), "limits") == ""
    bad = proxy('limits { }\nfor "dev" { limits { max-body-size 1 } }')
    (finding,) = objected(bad, SERVICE)
    assert str(finding.place) == "2.kdl:3:36"
    assert "(in dev)" in finding.message


def test_native_routes_use_upstream_resources_and_services_native_upstreams() -> None:
    text = config(
        'service "s" { upstream "pooled" }\n',
        proxy(
            'upstreams { upstream "pooled" { target "10.0.9.1:80" } }\n'
            'routes { route "r" { matches { path "/r" }; upstream "orders"; shadow { upstream "next" } } }'
        ),
    )
    assert list(nodes(text, "upstreams")) == ["next", "orders", "pooled"]
    assert 'upstream "pooled"' in written(text, "routes", "s")


def test_an_upstream_that_only_a_namespace_names_is_used() -> None:
    spaces = (
        'accept "W-NAT-016"\n'
        'namespace "n" { routes { route "r" { matches { path "/r" }; upstream "orders" } }\n'
        'service "inner" { routes { route "q" { matches { path "/q" }; upstream "next" } } } }\n'
        'listeners { listener "n" { address "127.0.0.1:81"; namespace "n" } }\n'
        "routes { }"
    )
    text = compiled(proxy(spaces)).environments[0].config.decode()
    assert set(nodes(text, "upstreams")) == {"orders", "next"}


def test_a_split_needs_upstream_resources() -> None:
    native = proxy('upstreams { upstream "pooled" { target "10.0.9.1:80" } }')
    service = 'service "s" {\n    split "orders" weight=1\n    split "pooled" weight=1\n}\n'
    assert "E-REF-001 3.kdl:3:11" in told(native, service)


def test_a_native_upstream_is_there_only_where_its_resource_is() -> None:
    native = proxy('only "dev"\nupstreams { upstream "pooled" { target "10.0.9.1:80" } }')
    assert "E-REF-001 3.kdl:1:24" in told(native, 'service "s" { upstream "pooled" }\n')


def test_grpc_needs_tls_of_a_native_upstream_too() -> None:
    native = 'upstreams { upstream "pooled" { target "10.0.9.1:80"@ } }'
    service = 'service "s" { protocol "grpc"; upstream "pooled" }\n'
    assert told(proxy(native.replace("@", "")), service) == ["E-CMP-011 3.kdl:1:41"]
    assert told(proxy(native.replace("@", '; tls { sni "a.example" }')), service) == []


def restart_key(inside: str) -> str:
    return compiled(SERVICE, proxy(inside)).environments[0].restart_key


@pytest.mark.parametrize(
    ("before", "after", "restart"),
    [
        ('routes { route "r" { matches { path "/a" }; upstream "orders" } }', ("/a", "/b"), False),
        (
            'routes { route "r" { matches { path "/a" }; upstream "orders"; policies { } } }',
            ("policies { }", "retry-policy { max-attempts 2 }; websocket #true"),
            False,
        ),
        (
            'routes { route "r" { matches { path "/a" }; static-files { root "/srv/a" } } }',
            ("/srv/a", "/srv/b"),
            True,
        ),
        (
            'routes { route "r" { matches { path "/a" }; upstream "orders"; cache { enabled #true } } }\n'
            "cache { }",
            ("enabled #true", "enabled #true; default-ttl-secs 5"),
            True,
        ),
        (
            'routes { route "r" { matches { path "/a" }; upstream "orders"; filters "f" } }\n'
            'filters { filter "f" { type "headers"; remove "A" } }',
            ('"A"', '"B"'),
            False,
        ),
        (
            'routes { route "r" { matches { path "/a" }; upstream "orders"; filters "f" } }\n'
            'filters { filter "f" { type "rate-limit"; max-rps 5; key "route" } }',
            ("max-rps 5", "max-rps 6"),
            True,
        ),
        (
            'routes { route "r" { matches { path "/a" }; upstream "orders"; filters "f" } }\n'
            'filters { filter "f" { type "rate-limit"; max-rps 5; key "route" } }',
            ('; filters "f"', ""),
            True,
        ),
        (
            'routes { route "r" { matches { path "/a" }; upstream "u" } }\n'
            'upstreams { upstream "u" { target "a:1" } }',
            ("a:1", "b:1"),
            False,
        ),
        (
            'routes { route "r" { matches { path "/a" }; upstream "u" } }\n'
            'upstreams { upstream "u" { target "a:1"; circuit-breaker { failure-threshold 3 } } }',
            ("failure-threshold 3", "failure-threshold 4"),
            False,
        ),
        ("limits { max-header-count 5 }", ("5", "6"), False),
        ("system { worker-threads 5 }", ("5", "6"), True),
        ('listeners { listener "a" { address "127.0.0.1:81" } }', (":81", ":82"), True),
        ('agents { agent "a" { unix-socket "/run/a.sock" } }', ("a.sock", "b.sock"), True),
        ("rate-limits { global { max-rps 5 } }", ("5", "6"), True),
        ('observability { logging { access-log { file "/a" } } }', ('"/a"', '"/b"'), True),
        (
            'namespace "n" { routes { route "r" { matches { path "/a" }; builtin-handler "health" } } }',
            ("/a", "/b"),
            False,
        ),
        ('namespace "n" { routes { } }', ('"n"', '"m"'), True),
    ],
)
def test_what_is_read_at_the_start_changes_the_restart_key(
    before: str, after: tuple[str, str], restart: bool
) -> None:
    changed = before.replace(*after)
    assert changed != before
    first, second = (compiled(SERVICE, proxy(inside)).environments[0] for inside in (before, changed))
    assert (first.restart_key != second.restart_key) is restart
    assert first.config_id != second.config_id


def test_order_of_resources_and_comments_mean_nothing() -> None:
    one = proxy(
        'limits { max-header-count 5 }\nroutes { route "b" { matches { path "/b" }; upstream "orders" } }'
    )
    two = 'proxy "a" { // why\n routes { route "a" { matches { path "/a" }; upstream "orders" } } }\n'
    assert config(SERVICE, one, two) == config(two, one + "// x\n", SERVICE)
    assert list(nodes(config(SERVICE, one, two), "routes")) == ["s", "a", "b"]


def test_canonical_text_reads_back_with_empty_blocks_and_quirks() -> None:
    text = proxy(
        'namespace "n" { }\nlimits\n"rate-limits" { global { max-rps 0x10 } }\n'
        'filters { filter "f" { type "headers"; set { "X Y" "a\\nb" } } }\n'
        'upstreams { upstream "u" { load-balancing "sticky" { }; target "a:1" weight=2 } }'
    )
    snapshot = sound(UPSTREAMS, text)
    again = read(write_snapshot(snapshot).split("\nproxy ", 1)[1].join(["proxy ", ""]))[0]
    assert again is not None
    assert again.resources[("proxy", "p")] == snapshot.resources[("proxy", "p")]
    written_text = write_snapshot(snapshot)
    assert 'namespace "n" { }' in written_text
    assert 'load-balancing "sticky" { }' in written_text
    assert "    limits\n" in written_text


def test_native_routes_are_part_of_the_topology() -> None:
    graph = topology(
        sound(
            UPSTREAMS,
            proxy(
                'upstreams { upstream "pooled" { target "10.0.9.1:80" } }\n'
                'routes { route "r" { matches { path "/r" }; upstream "orders" } }'
            ),
            'service "s" { upstream "pooled" }\n',
        ).rendering("dev")
    )
    edges = {(edge.start.id, edge.end.id) for edge in graph.edges}
    assert {
        ("proxy/p", "upstream/orders"),
        ("service/s", "upstream/pooled"),
        ("upstream/pooled", "target/10.0.9.1:80"),
    } <= edges
