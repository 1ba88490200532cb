"""Every feature of a service: the resource in, what the proxy gets out."""

from __future__ import annotations

import pytest

from reconciler.config.codes import CODES
from reconciler.config.findings import Severity
from tests.unit.compile.compiled import compiled, config, kdl, nodes, objected, told, top, written


def service(body: str, name: str = "s") -> str:
    return f'service "{name}" {{\n{body}\n}}\n'


def test_headers_are_conditions_of_every_route() -> None:
    text = config(service('methods "GET" "POST"\nheader "X-Version" "2"\nheader "X-Beta"\nupstream "orders"'))
    assert list(nodes(text, "routes")) == ["s.1", "s.2"]
    assert written(text, "routes", "s.1") == kdl("""
        route "s.1" {
            priority 50
            matches {
                header "X-Beta"
                header "X-Version" "2"
                path-prefix "/"
                method "GET"
            }
            upstream "orders"
        }
        """)


def test_services_that_differ_in_headers_do_not_match_the_same_requests() -> None:
    plain, beta = service('upstream "orders"'), service('header "X-Beta"\nupstream "next"', "beta")
    assert told(plain, beta) == []
    assert told(plain, service('upstream "next"', "beta"))[0].startswith("E-CMP-005")
    again = service('header "x-beta"\nupstream "orders"', "again")
    assert told(beta, again)[0].startswith("E-CMP-005")


def test_a_redirect_needs_no_upstream() -> None:
    source = service(
        'redirect {\n    status 308\n    scheme "https"\n    host "www.a.example"\n    port 8443\n}'
    )
    text = config(source)
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path-prefix "/"
            }
            filters "s.redirect"
        }
        """)
    assert written(text, "filters", "s.redirect") == kdl("""
        filter "s.redirect" {
            type "redirect"
            status-code 308
            scheme "https"
            port 8443
            hostname "www.a.example"
        }
        """)
    (finding,) = objected(source)
    assert (finding.code, finding.severity) == ("W-CMP-002", Severity.info)
    assert "query" in finding.message


def test_a_redirect_replaces_a_path_or_its_prefix() -> None:
    text = config(
        service('path "/a"\nredirect {\n    path "/b"\n}'),
        service('path-prefix "/c"\nredirect {\n    prefix "/d"\n}', "t"),
    )
    assert 'replace-full-path "/b"' in written(text, "filters", "s.redirect")
    assert 'replace-prefix-match "/d"' in written(text, "filters", "t.redirect")


def test_a_prefix_can_be_replaced_only_where_one_matched() -> None:
    source = service('path "/a"\nredirect {\n    prefix "/b"\n}')
    assert "E-CMP-010 2.kdl:4:12" in told(source)


def test_static_files() -> None:
    text = config(service('static {\n    root "/srv/www"\n    listing #true\n    fallback "index.html"\n}'))
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path-prefix "/"
            }
            static-files {
                root "/srv/www"
                index "index.html"
                directory-listing #true
                cache-control "public, max-age=3600"
                compress #true
                fallback "index.html"
            }
        }
        """)


def test_a_maintenance_page_is_a_file_and_says_what_is_lost() -> None:
    source = service('maintenance {\n    root "/srv/down"\n    page "down.html"\n}')
    assert written(config(source), "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path-prefix "/"
            }
            static-files {
                root "/srv/down"
                index "down.html"
                cache-control "no-store"
                fallback "down.html"
            }
        }
        """)
    assert told(source) == ["W-CMP-002 2.kdl:2:1"]
    impossible = service('maintenance {\n    root "/srv/down"\n    status 503\n}')
    assert "E-CMP-006 2.kdl:4:5" in told(impossible)


def test_maintenance_in_one_environment() -> None:
    down = 'maintenance {\n        root "/srv/down"\n    }'
    source = service(f'upstream "orders"\nfor "production" {{\n    remove "upstream"\n    {down}\n}}')
    assert 'upstream "orders"' in written(config(source), "routes", "s")
    assert "static-files" in written(config(source, environment=1), "routes", "s")


def test_a_cache_stands_in_the_route_and_switches_the_cache_on() -> None:
    text = config(
        service(
            'hosts "a.example"\nupstream "orders"\ncache {\n    ttl "5m"\n    max-size "1MiB"\n    methods "GET"\n'
            '    statuses 200 301\n    exclude-extensions "mp4"\n    exclude-paths "/cart/*"\n}'
        )
    )
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                host "a.example"
                path-prefix "/"
            }
            upstream "orders"
            cache {
                enabled #true
                default-ttl-secs 300
                max-size-bytes 1048576
                cache-private #false
                stale-while-revalidate-secs 60
                stale-if-error-secs 300
                cacheable-methods "GET"
                cacheable-status-codes 200 301
                exclude-extensions "mp4"
                exclude-paths "/cart/*"
            }
        }
        """)
    assert top(text, "cache") == kdl("""
        cache {
            enabled #true
            backend "memory"
            max-size 104857600
        }
        """)
    assert top(config(service('upstream "orders"')), "cache") == ""


def test_hosts_that_would_share_kept_answers() -> None:
    def keeping(name: str, host: str, path: str) -> str:
        return service(
            f'hosts {host}\npath-prefix "{path}"\nupstream "orders"\ncache {{\n    ttl "5m"\n}}', name
        )

    one = keeping("one", '"a.example"', "/x")
    assert told(one, keeping("two", '"b.example"', "/x/y")) == ["E-CMP-009 3.kdl:5:1"]
    assert told(one, keeping("two", '"b.example"', "/xy")) == []
    assert told(one, keeping("two", '"a.example"', "/x/y")) == []
    assert told(keeping("two", '"a.example" "b.example"', "/x")) == ["W-CMP-002 2.kdl:5:1"]
    assert told(keeping("two", '"*.a.example"', "/x")) == ["W-CMP-002 2.kdl:5:1"]


def test_a_shadow() -> None:
    text = config(
        service(
            'upstream "orders"\nshadow {\n    upstream "next"\n    percent 5\n    header "X-Shadow" "yes"\n'
            '    timeout "2s"\n    body #true\n    max-body "64KiB"\n}'
        ),
        service('path "/t"\nupstream "orders"\nshadow {\n    upstream "next"\n}', "t"),
    )
    shadow = nodes(text, "routes")["s"].children[-1]
    assert shadow.name == "shadow"
    assert [(child.name, *child.arguments) for child in shadow.children] == [
        ("upstream", "next"),
        ("percentage", 5),
        ("sample-header", "X-Shadow", "yes"),
        ("timeout-ms", 2000),
        ("buffer-body", True),
        ("max-body-bytes", 65536),
    ]
    plain = nodes(text, "routes")["t"].children[-1]
    assert [(child.name, *child.arguments) for child in plain.children] == [
        ("upstream", "next"),
        ("percentage", 100),
        ("timeout-ms", 5000),
    ]


def test_a_shadow_leads_somewhere() -> None:
    source = service('upstream "orders"\nshadow {\n    upstream "nxt"\n}')
    assert told(source) == ["E-REF-001 2.kdl:4:14"]


def test_a_split_is_one_upstream_with_scaled_weights() -> None:
    source = service('split "orders" weight=80\nsplit "next" weight=20')
    text = config(source)
    assert 'upstream "s.split"' in written(text, "routes", "s")
    assert written(text, "upstreams", "s.split") == kdl("""
        upstream "s.split" {
            target "10.0.0.1:80" weight=8
            target "10.0.0.2:80" weight=1
            target "10.0.0.3:80" weight=1
            load-balancing "weighted"
        }
        """)
    (finding,) = objected(source)
    assert (finding.code, str(finding.place)) == ("W-CMP-002", "2.kdl:2:1")
    assert "health checks" in finding.message


def test_a_split_keeps_the_weights_within_its_parts_and_the_first_part_s_settings() -> None:
    heavy = (
        'upstream "heavy" {\n    target "10.1.0.1:80" weight=3\n    target "10.1.0.2:80"\n'
        '    load-balancing "weighted"\n    timeouts {\n        read "7s"\n    }\n}\n'
    )
    text = config(heavy, service('split "heavy" weight=2\nsplit "next" weight=1\nsplit "orders" weight=0'))
    assert written(text, "upstreams", "s.split") == kdl("""
        upstream "s.split" {
            target "10.0.0.2:80" weight=1
            target "10.0.0.3:80" weight=1
            target "10.1.0.1:80" weight=3
            target "10.1.0.2:80" weight=1
            load-balancing "weighted"
            timeouts {
                connect 10
                read 7
                write 30
            }
        }
        """)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('split "orders" weight=1', "2.kdl:2:7"),
        ('split "orders" weight=0\nsplit "next" weight=0', "2.kdl:3:7"),
        ('upstream "orders"\nsplit "orders" weight=1\nsplit "next" weight=1', "2.kdl:3:1"),
        ('redirect {\n    scheme "https"\n}\nattempts 2', "2.kdl:5:1"),
        ('redirect {\n    scheme "https"\n}\nwebsocket #true', "2.kdl:5:1"),
        ("redirect {\n    status 308\n}", "2.kdl:2:1"),
        ('redirect {\n    status 304\n    scheme "https"\n}', "2.kdl:3:12"),
        ('redirect {\n    path "/a"\n    prefix "/b"\n}', "2.kdl:4:5"),
        ('redirect {\n    host "*.a.example"\n}', "2.kdl:3:10"),
        ('methods "GET"\nprotocol "grpc"\nupstream "orders"', "2.kdl:2:9"),
        ('methods "GET"\nprotocol "graphql"\nupstream "orders"', "2.kdl:2:9"),
        ('protocol "streaming"\nupstream "orders"\ncache {\n    ttl "5m"\n}', "2.kdl:4:1"),
        (
            'upstream "orders"\nrate-limit {\n    requests-per-second 1\n    header "X-Key"\n}',
            "2.kdl:5:5",
        ),
        ('upstream "orders"\nrate-limit {\n    requests-per-second 1\n    by "header"\n}', "2.kdl:5:5"),
        ('upstream "orders"\nrate-limit {\n    requests-per-second 1\n    max-delay "2s"\n}', "2.kdl:5:5"),
        ('static {\n    root "/srv/../etc"\n}', "2.kdl:3:10"),
        ('upstream "orders"\nrequest-headers {\n    set "X-A" "1"\n    remove "x-a"\n}', "2.kdl:5:12"),
    ],
)
def test_values_that_do_not_go_together(body: str, place: str) -> None:
    findings = objected(service(body))
    assert [str(finding.place) for finding in findings if finding.is_error] == [place]
    assert all(finding.code in CODES and finding.hint for finding in findings)


def test_a_service_without_anything_to_do_lacks_an_upstream() -> None:
    assert told(service('path "/a"')) == ["E-KND-003 2.kdl:1:1"]


def test_a_split_between_upstreams_with_different_tls_is_refused() -> None:
    (finding,) = (
        f
        for f in objected(
            'upstream "safe" {\n    target "10.9.0.1:443"\n    tls {\n        sni "safe.internal"\n    }\n}\n',
            service('split "orders" weight=1\nsplit "safe" weight=1'),
        )
        if f.is_error
    )
    assert (finding.code, str(finding.place)) == ("E-CMP-012", "3.kdl:3:7")


def test_websockets() -> None:
    assert "    websocket #true\n" in written(
        config(service('upstream "orders"\nwebsocket #true')), "routes", "s"
    )
    assert "websocket" not in config(service('upstream "orders"'))


def test_grpc_needs_tls() -> None:
    assert told(service('protocol "grpc"\nupstream "orders"')) == ["E-CMP-011 2.kdl:3:10"]
    safe = 'upstream "safe" {\n    target "10.9.0.1:443"\n    tls {\n        sni "safe.internal"\n    }\n}\n'
    text = config(safe, service('protocol "grpc"\nmethods "POST"\nupstream "safe"'))
    assert 'upstream "safe"' in written(text, "routes", "s")
    assert "tls {" in written(text, "upstreams", "safe")
    split = 'split "orders" weight=1\nsplit "next" weight=1'
    assert [code for code in told(service(f'protocol "grpc"\n{split}')) if code.startswith("E-")] == [
        "E-CMP-011 2.kdl:3:7",
        "E-CMP-011 2.kdl:4:7",
    ]


def test_graphql_is_plain_http() -> None:
    text = config(service('protocol "graphql"\npath "/graphql"\nupstream "orders"'))
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path "/graphql"
            }
            upstream "orders"
        }
        """)


def test_streams_wait_an_hour_unless_told_otherwise() -> None:
    text = config(
        service('protocol "streaming"\nupstream "orders"'),
        service('path "/t"\nprotocol "streaming"\nupstream "orders"\ntimeouts {\n    response "10m"\n}', "t"),
    )
    assert written(text, "filters", "s.timeouts") == kdl("""
        filter "s.timeouts" {
            type "timeout"
            upstream-timeout-secs 3600
        }
        """)
    assert "upstream-timeout-secs 600" in written(text, "filters", "t.timeouts")


def test_time_limits() -> None:
    text = config(
        service('upstream "orders"\ntimeouts {\n    connect "2s"\n    response "15s"\n}\nattempts 3')
    )
    assert written(text, "filters", "s.timeouts") == kdl("""
        filter "s.timeouts" {
            type "timeout"
            connect-timeout-secs 2
            upstream-timeout-secs 15
        }
        """)
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path-prefix "/"
            }
            upstream "orders"
            filters "s.timeouts"
            retry-policy {
                max-attempts 3
            }
        }
        """)


def test_header_policies() -> None:
    text = config(
        service(
            'upstream "orders"\nrequest-headers {\n    rename "X-Old" "X-New"\n    set "X-Edge" "shop"\n}\n'
            'response-headers {\n    add "Vary" "Origin"\n    remove "Server"\n}'
        )
    )
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path-prefix "/"
            }
            upstream "orders"
            policies {
                request-headers {
                    rename {
                        X-Old "X-New"
                    }
                    set {
                        X-Edge "shop"
                    }
                }
                response-headers {
                    add {
                        Vary "Origin"
                    }
                    remove "Server"
                }
            }
        }
        """)


def test_heavy_weights_are_rounded() -> None:
    heavy = 'upstream "heavy" {\n    target "10.1.0.1:80" weight=997\n    target "10.1.0.2:80" weight=3\n'
    text = config(
        heavy + '    load-balancing "weighted"\n}\n',
        service('split "heavy" weight=999\nsplit "orders" weight=1'),
    )
    weights = [
        child.properties["weight"]
        for child in nodes(text, "upstreams")["s.split"].children
        if child.name == "target"
    ]
    assert weights == [1, 1000, 3]


def test_a_rate_limit_of_a_service() -> None:
    text = config(
        service(
            'upstream "orders"\nrate-limit {\n    requests-per-second 20\n    by "path"\n    on-limit "delay"\n'
            '    max-delay "3s"\n    status 503\n    message "Slow down"\n}'
        )
    )
    assert 'filters "s.rate-limit"' in written(text, "routes", "s")
    assert written(text, "filters", "s.rate-limit") == kdl("""
        filter "s.rate-limit" {
            type "rate-limit"
            max-rps 20
            key "path"
            on-limit "delay"
            status-code 503
            message "Slow down"
            max-delay-ms 3000
        }
        """)


@pytest.mark.parametrize(
    ("by", "key"),
    [('by "client-ip"', "client-ip"), ('by "header"\n    header "X-Key"', "header:X-Key")],
)
def test_limits_by_client_are_written_and_said_to_have_no_effect(by: str, key: str) -> None:
    source = service(f'upstream "orders"\nrate-limit {{\n    requests-per-second 20\n    {by}\n}}')
    assert f'key "{key}"' in written(config(source, told=1), "filters", "s.rate-limit")
    (finding,) = objected(source)
    assert (finding.code, str(finding.place)) == ("W-CMP-001", "2.kdl:5:5")
    assert finding.severity is Severity.warning


def test_inference() -> None:
    text = config(
        service(
            """\
upstream "orders"
inference {
    provider "openai"
    model-header "X-Model"
    rate-limit {
        tokens-per-minute 1000
        requests-per-minute 60
        estimate-by "tiktoken"
    }
    budget {
        period "monthly"
        limit 5000000
    }
    cost {
        currency "EUR"
        model "gpt-4*" input="10" output="30.5"
    }
    model-routing {
        model "zeta" upstream="next" provider="anthropic"
        model "alpha" upstream="orders"
        default "orders"
    }
    fallback {
        upstream "next" provider="anthropic"
        on-status 503 429
        on-budget-exhausted #true
    }
}"""
        )
    )
    assert written(text, "routes", "s") == kdl("""
        route "s" {
            priority 50
            matches {
                path-prefix "/"
            }
            upstream "orders"
            inference {
                provider "openai"
                model-header "X-Model"
                rate-limit {
                    tokens-per-minute 1000
                    requests-per-minute 60
                    burst-tokens 10000
                    estimation-method "tiktoken"
                }
                budget {
                    period "monthly"
                    limit 5000000
                    enforce #true
                    rollover #false
                    max-tenants 10000
                }
                cost-attribution {
                    enabled #true
                    default-input-cost 1.0
                    default-output-cost 2.0
                    currency "EUR"
                    pricing {
                        model "gpt-4*" {
                            input-cost-per-million 10.0
                            output-cost-per-million 30.5
                        }
                    }
                }
                model-routing {
                    model "zeta" provider="anthropic" upstream="next"
                    model "alpha" upstream="orders"
                    default-upstream "orders"
                }
            }
            fallback {
                max-attempts 3
                triggers {
                    on-connection-error #true
                    on-budget-exhausted #true
                    on-error-codes 429 503
                }
                fallback-upstream "next" {
                    provider "anthropic"
                }
            }
        }
        """)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('model-routing {\n        model "a" upstream="nxt"\n    }', "E-REF-001 2.kdl:5:28"),
        ('fallback {\n        upstream "nxt"\n    }', "E-REF-001 2.kdl:5:18"),
        (
            'fallback {\n        upstream "next"\n        on-budget-exhausted #true\n    }',
            "E-VAL-009 2.kdl:6:9",
        ),
    ],
)
def test_inference_names_what_exists(body: str, expected: str) -> None:
    assert told(service(f'upstream "orders"\ninference {{\n    {body}\n}}')) == [expected]


@pytest.mark.parametrize(
    "body",
    [
        'static {\n    root "/srv/www"\n}',
        'hosts "a.example"\nupstream "orders"\ncache {\n    ttl "5m"\n}',
        'upstream "orders"\nrate-limit {\n    requests-per-second 2\n}',
        'upstream "orders"\ninference {\n    provider "openai"\n}',
    ],
)
def test_what_is_read_at_the_start_alone_restarts_the_proxy(body: str) -> None:
    plain = compiled(service('upstream "orders"')).environments[0].restart_key
    assert compiled(service(body)).environments[0].restart_key != plain


def test_what_is_read_again_does_not_restart_the_proxy() -> None:
    plain = compiled(service('upstream "orders"')).environments[0].restart_key
    for body in (
        'redirect {\n    scheme "https"\n}',
        'upstream "orders"\nwebsocket #true',
        'upstream "orders"\nshadow {\n    upstream "next"\n}',
        'split "orders" weight=1\nsplit "next" weight=1',
    ):
        assert compiled(service(body)).environments[0].restart_key == plain


@pytest.mark.parametrize(
    "body",
    [
        'upstream "next"',
        'upstream "orders"\nshadow {\n    upstream "next"\n}',
        'upstream "orders"\ninference {\n    model-routing {\n        model "a" upstream="next"\n    }\n}',
        'upstream "orders"\ninference {\n    model-routing {\n        model "a" upstream="orders"\n'
        '        default "next"\n    }\n}',
        'upstream "orders"\ninference {\n    fallback {\n        upstream "next"\n    }\n}',
    ],
)
def test_an_upstream_is_written_when_a_route_names_it(body: str) -> None:
    assert "next" in nodes(config(service(body)), "upstreams")


def test_an_upstream_that_no_route_names_is_not_written() -> None:
    assert list(nodes(config(service('upstream "orders"')), "upstreams")) == ["orders"]


@pytest.mark.parametrize("part", ["request-headers", "response-headers"])
def test_a_header_is_changed_once(part: str) -> None:
    body = f'upstream "orders"\n{part} {{\n    add "X-A" "1"\n    add "x-a" "2"\n}}'
    assert told(service(body)) == ["E-VAL-008 2.kdl:5:9"]
