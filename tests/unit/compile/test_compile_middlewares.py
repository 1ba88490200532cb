"""Every type of middleware: the resource in, what the proxy gets out; and middlewares in services."""

from __future__ import annotations

import pytest

from reconciler.config.findings import Severity
from tests.unit.compile.compiled import compiled, config, kdl, nodes, objected, told, top, written


def middleware(body: str, name: str = "m") -> str:
    return f'middleware "{name}" {{\n{body}\n}}\n'


def service(*lines: str, name: str = "s") -> str:
    return f'service "{name}" {{\nupstream "orders"\n' + "\n".join(lines) + "\n}\n"


USED = service('middleware "m"')


def filters_of(text: str, route: str = "s") -> tuple[object, ...]:
    """The filters that a route names."""
    found = [child for child in nodes(text, "routes")[route].children if child.name == "filters"]
    return found[0].arguments if found else ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            'rate-limit {\n    requests-per-second 100\n    by "path"\n}',
            """
            filter "m" {
                type "rate-limit"
                max-rps 100
                key "path"
                on-limit "reject"
                status-code 429
            }
            """,
        ),
        (
            'cors {\n    origins "*"\n}',
            """
            filter "m" {
                type "cors"
            }
            """,
        ),
        (
            'cors {\n    origins "https://shop.example"\n    methods "GET" "POST"\n    headers "Authorization"\n'
            '    expose-headers "X-Total"\n    credentials #true\n    max-age "10m"\n}',
            """
            filter "m" {
                type "headers"
                phase "response"
                set {
                    Access-Control-Allow-Credentials "true"
                    Access-Control-Allow-Headers "Authorization"
                    Access-Control-Allow-Methods "GET, POST"
                    Access-Control-Allow-Origin "https://shop.example"
                    Access-Control-Expose-Headers "X-Total"
                    Access-Control-Max-Age "600"
                }
            }
            """,
        ),
        (
            'compression {\n    min-size "2KiB"\n}',
            """
            filter "m" {
                type "compress"
                min-size 2048
            }
            """,
        ),
        (
            'path-rewrite {\n    prefix "/v2"\n    host "orders.internal"\n}',
            """
            filter "m" {
                type "url-rewrite"
                hostname "orders.internal"
                replace-prefix-match "/v2"
            }
            """,
        ),
        (
            'path-rewrite {\n    path "/index"\n}',
            """
            filter "m" {
                type "url-rewrite"
                replace-full-path "/index"
            }
            """,
        ),
        (
            'redirect {\n    scheme "https"\n}',
            """
            filter "m" {
                type "redirect"
                status-code 302
                scheme "https"
            }
            """,
        ),
        (
            'security-headers {\n    hsts "365d"\n    hsts-subdomains #true\n    frame "same-origin"\n'
            '    referrer "no-referrer"\n    content-security-policy "default-src \'self\'"\n'
            '    permissions-policy "camera=()"\n}',
            """
            filter "m" {
                type "headers"
                phase "response"
                set {
                    Content-Security-Policy "default-src 'self'"
                    Permissions-Policy "camera=()"
                    Referrer-Policy "no-referrer"
                    Strict-Transport-Security "max-age=31536000; includeSubDomains"
                    X-Content-Type-Options "nosniff"
                    X-Frame-Options "SAMEORIGIN"
                }
            }
            """,
        ),
        (
            'security-headers {\n    no-sniff #false\n    frame "any"\n}',
            """
            filter "m" {
                type "headers"
                phase "response"
                set {
                    Referrer-Policy "strict-origin-when-cross-origin"
                }
            }
            """,
        ),
    ],
)
def test_types_that_become_one_filter(body: str, expected: str) -> None:
    text = config(middleware(body), USED)
    assert written(text, "filters", "m") == kdl(expected)
    assert filters_of(text) == ("m",)


def test_headers_of_requests_and_of_answers_are_two_filters() -> None:
    body = (
        'headers {\n    request {\n        set "X-Edge" "shop"\n    }\n    response {\n        rename "X-Old" "X-New"\n'
        '        add "Vary" "Origin"\n        remove "Server"\n    }\n}'
    )
    text = config(middleware(body), USED)
    assert filters_of(text) == ("m.request", "m.response")
    assert written(text, "filters", "m.request") == kdl("""
        filter "m.request" {
            type "headers"
            phase "request"
            set {
                X-Edge "shop"
            }
        }
        """)
    assert written(text, "filters", "m.response") == kdl("""
        filter "m.response" {
            type "headers"
            phase "response"
            rename {
                X-Old "X-New"
            }
            add {
                Vary "Origin"
            }
            remove "Server"
        }
        """)


def test_a_cache_stands_in_the_routes() -> None:
    text = config(middleware('cache {\n    ttl "5m"\n}'), service('hosts "a.example"', 'middleware "m"'))
    assert filters_of(text) == ()
    assert "default-ttl-secs 300" in written(text, "routes", "s")
    assert top(text, "cache").startswith("cache {")


def test_custom_and_transform_are_agents() -> None:
    text = config(
        middleware(
            'custom {\n    grpc "http://127.0.0.1:50051"\n    events "log" "request-headers"\n    timeout "2s"\n'
            '    failure-mode "open"\n    concurrency 5\n}'
        ),
        middleware('transform {\n    socket "/run/zentinel/t.sock"\n    max-body "64KiB"\n}', "t"),
        service('middleware "t"', 'middleware "m"'),
    )
    assert filters_of(text) == ("t", "m")
    assert written(text, "filters", "m") == kdl("""
        filter "m" {
            type "agent"
            agent "m"
            failure-mode "open"
        }
        """)
    assert written(text, "agents", "m") == kdl("""
        agent "m" type="custom" {
            grpc "http://127.0.0.1:50051"
            timeout-ms 2000
            failure-mode "open"
            events "log" "request_headers"
            max-concurrent-calls 5
        }
        """)
    assert written(text, "agents", "t") == kdl("""
        agent "t" type="custom" {
            unix-socket "/run/zentinel/t.sock"
            timeout-ms 1000
            failure-mode "closed"
            events "request_headers" "request_body" "response_headers" "response_body"
            max-concurrent-calls 100
            max-request-body-bytes 65536
            max-response-body-bytes 65536
        }
        """)
    assert top(text, "waf") == kdl("""
        waf {
            mode "off"
            body-inspection {
                inspect-request-body #true
                inspect-response-body #true
                max-inspection-bytes 65536
            }
        }
        """)


def test_a_transform_may_see_one_side_alone() -> None:
    text = config(middleware('transform {\n    socket "/run/zentinel/t.sock"\n    response #false\n}'), USED)
    assert 'events "request_headers" "request_body"\n' in written(text, "agents", "m")
    assert "inspect-response-body #false" in top(text, "waf")
    assert "max-inspection-bytes 1048576" in top(text, "waf")


def test_agents_that_want_no_bodies_need_no_inspection() -> None:
    text = config(middleware('custom {\n    socket "/run/zentinel/c.sock"\n}'), USED)
    assert top(text, "waf") == ""
    assert 'events "request_headers"' in written(text, "agents", "m")


def test_a_body_limit_holds_for_the_whole_proxy() -> None:
    limit = middleware('body-limit {\n    size "8MiB"\n}')
    text = config(limit, USED, service('path "/t"', 'middleware "m"', name="t"))
    assert top(text, "limits") == "limits {\n    max-body-size 8388608\n}\n"
    assert [code for code in told(limit, USED) if code.startswith("E-")] == []


def test_a_body_limit_of_some_services_is_impossible() -> None:
    limit = middleware('body-limit {\n    size "8MiB"\n}')
    assert "E-CMP-006 3.kdl:3:12" in told(limit, USED, service('path "/t"', name="t"))
    other = service(
        'path "/t"', 'middleware "m" {\n    body-limit {\n        size "9MiB"\n    }\n}', name="t"
    )
    errors = [code for code in told(limit, USED, other) if code.startswith("E-CMP-006")]
    assert errors == ["E-CMP-006 3.kdl:3:12", "E-CMP-006 4.kdl:4:12"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('access-control {\n    deny "192.0.2.0/24"\n}', "E-CMP-006 2.kdl:2:1"),
        ('cors {\n    origins "https://a.example" "https://b.example"\n}', "E-CMP-006 2.kdl:3:5"),
        ('rate-limit {\n    requests-per-second 1\n    by "client-ip"\n}', "W-CMP-001 2.kdl:4:5"),
        ('cors {\n    origins "https://a.example"\n}', "W-CMP-002 2.kdl:3:5"),
        ('redirect {\n    scheme "https"\n}', "W-CMP-002 2.kdl:2:1"),
        ('cors {\n    origins "*"\n    credentials #true\n}', "E-VAL-009 2.kdl:4:5"),
        ('cors {\n    origins "*" "https://a.example"\n}', "E-VAL-009 2.kdl:3:13"),
        ('cors {\n    origins "*"\n    max-age "1h"\n}', "E-VAL-009 2.kdl:4:5"),
        ("redirect {\n    status 308\n}", "E-VAL-009 2.kdl:2:1"),
        ('path-rewrite {\n    path "/a"\n    prefix "/b"\n}', "E-VAL-009 2.kdl:4:5"),
        ('security-headers {\n    frame "deny"\n    hsts-preload #true\n}', "E-VAL-009 2.kdl:4:5"),
        ('custom {\n    events "log"\n}', "E-VAL-009 2.kdl:2:1"),
        (
            'custom {\n    socket "/run/a/b.sock"\n    grpc "http://127.0.0.1:1"\n}',
            "E-VAL-009 2.kdl:4:5",
        ),
        (
            'transform {\n    socket "/run/a/b.sock"\n    request #false\n    response #false\n}',
            "E-VAL-009 2.kdl:5:5",
        ),
        (
            'headers {\n    request {\n        set "X-A" "1"\n        set "x-a" "2"\n    }\n}',
            "E-VAL-008 2.kdl:5:13",
        ),
        ('compression {\n    min-size "2KiB"\n}\ncache {\n    ttl "1m"\n}', "E-VAL-009 2.kdl:2:1"),
        ('description "nothing"', "E-KND-003 2.kdl:1:1"),
        ('body-limit {\n    size "1KiB"\n}', "E-VAL-003 2.kdl:3:10"),
        ('custom {\n    socket "run/x.sock"\n}', "E-VAL-004 2.kdl:3:12"),
    ],
)
def test_what_a_middleware_cannot_be(body: str, expected: str) -> None:
    assert told(middleware(body), service()) == [expected]


def test_the_agent_for_addresses_is_named() -> None:
    (finding,) = objected(middleware('access-control {\n    deny "192.0.2.0/24"\n}'), service())
    assert finding.severity is Severity.error
    assert "denylist" in finding.hint


def test_time_limits_can_be_shared() -> None:
    text = config(middleware('timeouts {\n    connect "2s"\n    response "20s"\n}'), USED)
    assert written(text, "filters", "m") == kdl("""
        filter "m" {
            type "timeout"
            connect-timeout-secs 2
            upstream-timeout-secs 20
        }
        """)
    assert filters_of(text) == ("m",)
    own = service('timeouts {\n    response "3s"\n}', 'middleware "m"')
    assert told(middleware('timeouts {\n    connect "2s"\n}'), own) == ["E-CMP-008 3.kdl:6:12"]


def test_a_stream_takes_the_time_limits_of_its_middleware() -> None:
    stream = service('protocol "streaming"', 'middleware "m"')
    text = config(middleware('timeouts {\n    response "20s"\n}'), stream)
    assert filters_of(text) == ("m",)
    assert filters_of(config(middleware("rate-limit {\n    requests-per-second 2\n}"), stream)) == (
        "s.timeouts",
        "m",
    )


NATIVE = 'proxy "p" {\n    filters { filter "login page" { type "log" } }\n}\n'


def test_a_native_filter_keeps_its_place_among_the_middlewares() -> None:
    native = middleware('native {\n    filter "login page"\n}', "mm")
    text = config(
        FIRST, SECOND, native, NATIVE, service('middleware "zz"', 'middleware "mm"', 'middleware "aa"')
    )
    assert filters_of(text) == ("zz", "login page", "aa")
    assert text.count('filter "login page"') == 1


def test_a_native_filter_has_to_be_there() -> None:
    native = middleware('native {\n    filter "login pge"\n}')
    (finding,) = objected(native, NATIVE, USED)
    assert (finding.code, str(finding.place)) == ("E-CMP-043", "2.kdl:3:12")
    assert "'login page'" in finding.hint


def test_a_native_limit_of_a_service_is_read_at_the_start() -> None:
    native = middleware('native {\n    filter "f"\n}')
    parts = 'proxy "p" {\n    filters {\n        filter "f" { type "TYPE"; MORE }\n    }\n}\n'

    def keys(kind: str, more: str) -> tuple[str, str]:
        filters = parts.replace("TYPE", kind).replace("MORE", more)
        without, named = (compiled(native, filters, one).environments[0] for one in (service(), USED))
        return without.restart_key, named.restart_key

    limit = keys("rate-limit", 'max-rps 3; key "route"')
    assert limit[0] != limit[1]
    log = keys("log", "log-body #false")
    assert log[0] == log[1]


FIRST = middleware("rate-limit {\n    requests-per-second 5\n    status 503\n}", "zz")
SECOND = middleware('cors {\n    origins "*"\n}', "aa")


def test_middlewares_keep_the_order_of_the_service() -> None:
    text = config(FIRST, SECOND, service('middleware "zz"', 'middleware "aa"'))
    assert filters_of(text) == ("zz", "aa")
    other = config(FIRST, SECOND, service('middleware "aa"', 'middleware "zz"'))
    assert filters_of(other) == ("aa", "zz")


def test_services_share_the_filter_of_a_middleware() -> None:
    text = config(FIRST, service('middleware "zz"'), service('path "/t"', 'middleware "zz"', name="t"))
    assert text.count('filter "zz"') == 1
    assert filters_of(text) == filters_of(text, "t") == ("zz",)


def test_a_service_changes_single_fields() -> None:
    changed = 'middleware "zz" {\n    rate-limit {\n        requests-per-second 7\n    }\n}'
    text = config(FIRST, service(changed), service('path "/t"', 'middleware "zz"', name="t"))
    assert filters_of(text) == ("s.middleware.zz",)
    assert filters_of(text, "t") == ("zz",)
    assert written(text, "filters", "s.middleware.zz") == kdl("""
        filter "s.middleware.zz" {
            type "rate-limit"
            max-rps 7
            key "route"
            on-limit "reject"
            status-code 503
        }
        """)


def test_a_middleware_may_differ_in_an_environment() -> None:
    limit = middleware(
        'rate-limit {\n    requests-per-second 5\n}\nfor "production" {\n    rate-limit {\n'
        "        requests-per-second 50\n    }\n}"
    )
    assert "max-rps 5\n" in written(config(limit, USED), "filters", "m")
    assert "max-rps 50\n" in written(config(limit, USED, environment=1), "filters", "m")


def test_a_middleware_that_nothing_names_is_not_written() -> None:
    text = config(FIRST, service())
    assert "zz" not in text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['middleware "zzz"'], "E-REF-001 4.kdl:3:12"),
        (['middleware "zz"', 'middleware "zz"'], "E-VAL-008 4.kdl:4:12"),
        (['middleware "zz" {\n    cors {\n        origins "*"\n    }\n}'], "E-CMP-007 4.kdl:4:5"),
        (
            ["rate-limit {\n    requests-per-second 1\n}", 'middleware "zz"'],
            "E-CMP-008 4.kdl:6:12",
        ),
        (
            ['middleware "zz" {\n    rate-limit {\n        max-delay "2s"\n    }\n}'],
            "E-VAL-009 4.kdl:5:9",
        ),
        (
            ['middleware "zz" {\n    rate-limit {\n        by "client-ip"\n    }\n}'],
            "W-CMP-001 4.kdl:5:9",
        ),
        (
            ['middleware "zz" {\n    rate-limit {\n        request-per-second 3\n    }\n}'],
            "E-KND-002 4.kdl:5:9",
        ),
    ],
)
def test_what_a_service_cannot_do_with_middlewares(lines: list[str], expected: str) -> None:
    assert told(FIRST, SECOND, service(*lines)) == [expected]


def test_one_rate_limit_for_a_service() -> None:
    again = middleware("rate-limit {\n    requests-per-second 9\n}", "again")
    (finding,) = objected(FIRST, again, service('middleware "zz"', 'middleware "again"'))
    assert (finding.code, str(finding.place)) == ("E-CMP-008", "4.kdl:4:12")
    assert "'zz'" in finding.message


def test_streams_are_not_compressed() -> None:
    zipped = middleware('compression {\n    min-size "2KiB"\n}')
    assert told(zipped, service('protocol "streaming"', 'middleware "m"')) == ["E-CMP-010 3.kdl:4:12"]


def test_a_prefix_is_rewritten_only_where_one_matched() -> None:
    rewrite = middleware('path-rewrite {\n    prefix "/"\n}')
    assert told(rewrite, service('path-regex "^/a"', 'middleware "m"')) == ["E-CMP-010 3.kdl:4:12"]
    assert told(rewrite, service('path-prefix "/a"', 'middleware "m"')) == []


def test_ids_of_filters_cannot_meet() -> None:
    headers = 'headers {\n    request {\n        set "X-A" "1"\n    }\n}'
    text = config(
        middleware(headers, "a"),
        middleware(headers, "request"),
        middleware(headers, "b-request"),
        service('middleware "a"', name="b"),
        service(
            'path "/a"',
            f'middleware "request" {{\n{headers.replace("1", "2")}\n}}',
            'middleware "b-request"',
            name="a",
        ),
    )
    names = list(nodes(text, "filters"))
    assert len(names) == len(set(names)) == 4


def test_limits_and_agents_restart_the_proxy() -> None:
    plain = compiled(service()).environments[0].restart_key
    for body, restarts in (
        ("rate-limit {\n    requests-per-second 9\n}", True),
        ('custom {\n    socket "/run/a/b.sock"\n}', True),
        ('cors {\n    origins "*"\n}', False),
        ('headers {\n    response {\n        remove "Server"\n    }\n}', False),
    ):
        key = compiled(middleware(body), USED).environments[0].restart_key
        assert (key != plain) is restarts, body


def test_a_middleware_that_redirects_is_a_destination() -> None:
    redirect = middleware('redirect {\n    scheme "https"\n}')
    text = config(redirect, 'service "s" {\n    middleware "m"\n}\n')
    assert filters_of(text) == ("m",)
    assert "upstream" not in written(text, "routes", "s")
    native = 'proxy "p" {\n    filters { filter "f" { type "redirect"; scheme "https" } }\n}\n'
    assert told(middleware('native {\n    filter "f"\n}'), native, 'service "s" { middleware "m" }\n') == []


def test_any_other_middleware_is_none() -> None:
    native = 'proxy "p" {\n    filters { filter "f" { type "log" } }\n}\n'
    for body in ("rate-limit {\n    requests-per-second 2\n}", 'native {\n    filter "f"\n}'):
        assert told(middleware(body), native, 'service "s" { middleware "m" }\n') == ["E-CMP-044 4.kdl:1:9"]
