"""Resource in, proxy configuration out. Every text also passes the check of the proxy's own grammar."""

from __future__ import annotations

import pytest

from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.compile.accepted import objections
from tests.unit.config.trees import SERVICE, UPSTREAM, sound, template, template_attached


def compiled(*texts: str) -> Compilation:
    compilation, findings = compile_snapshot(sound(*texts))
    assert findings == ()
    assert compilation is not None
    for environment in compilation.environments:
        assert objections(environment.config) == []
    return compilation


def section(config: bytes, name: str) -> str:
    """The inside of a top-level block, without its indentation."""
    lines = config.decode().splitlines()
    start = lines.index(f"{name} {{")
    end = lines.index("}", start)
    return "".join(line[4:] + "\n" for line in lines[start + 1 : end])


WHOLE = """\
schema-version "1.0"
system {
    worker-threads 0
    auto-reload #false
}
listeners {
    listener "http" {
        address "0.0.0.0:8080"
        protocol "http"
        request-timeout-secs 60
        keepalive-timeout-secs 75
    }
    listener "sentinel-control" {
        address "127.0.0.1:9901"
        protocol "http"
        namespace "sentinel-control"
    }
}
upstreams {
    upstream "orders" {
        target "10.0.0.1:80"
        load-balancing "round_robin"
    }
}
filters {
    filter "sentinel-config-@" {
        type "log"
    }
}
routes {
    route "orders" {
        priority 50
        matches {
            path-prefix "/orders"
        }
        upstream "orders"
    }
}
namespace "sentinel-control" {
    routes {
        route "sentinel-control-health" {
            matches {
                path "/health"
            }
            builtin-handler "health"
        }
        route "sentinel-control-config" {
            matches {
                path "/config"
            }
            builtin-handler "config"
        }
        route "sentinel-control-metrics" {
            matches {
                path "/metrics"
            }
            builtin-handler "metrics"
        }
    }
}
observability {
    metrics {
        enabled #true
        address "127.0.0.1:9902"
        path "/metrics"
    }
}
"""


def test_a_whole_configuration() -> None:
    for environment in compiled(SERVICE, UPSTREAM).environments:
        assert environment.config.decode() == WHOLE.replace("@", environment.config_id)


@pytest.mark.parametrize(
    ("service", "routes", "filters"),
    [
        pytest.param(
            'service "a" {\n    upstream "orders"\n}\n',
            'route "a" {\n    priority 50\n    matches {\n        path-prefix "/"\n    }\n    upstream "orders"\n}\n',
            "",
            id="everything",
        ),
        pytest.param(
            'service "a" {\n    hosts "b.example" "a.example"\n    path "/x"\n    path-regex #"^/\\d"#\n'
            '    methods "POST" "GET"\n    upstream "orders"\n    priority 7\n}\n',
            "".join(
                f'route "a.{n}" {{\n    priority 7\n    matches {{\n        host "a.example"\n'
                '        host "b.example"\n'
                f'        {path}\n        method "{method}"\n    }}\n    upstream "orders"\n}}\n'
                for n, (path, method) in enumerate(
                    [
                        ('path "/x"', "GET"),
                        ('path "/x"', "POST"),
                        ('path-regex "^/\\\\d"', "GET"),
                        ('path-regex "^/\\\\d"', "POST"),
                    ],
                    1,
                )
            ),
            "",
            id="alternatives become routes",
        ),
        pytest.param(
            'service "a" {\n    upstream "orders"\n    attempts 3\n    timeouts {\n        connect "2s"\n'
            '        response "1m"\n    }\n    request-headers {\n        set "X-B" "say \\"hi\\""\n'
            '        set "X-A" "1"\n        add "true" "\\\\"\n        remove "x-c"\n    }\n}\n',
            'route "a" {\n    priority 50\n    matches {\n        path-prefix "/"\n    }\n    upstream "orders"\n'
            '    filters "a.timeouts"\n    retry-policy {\n        max-attempts 3\n    }\n    policies {\n'
            '        request-headers {\n            set {\n                X-A "1"\n'
            '                X-B "say \\"hi\\""\n            }\n            add {\n                "true" "\\\\"\n'
            '            }\n            remove "x-c"\n        }\n    }\n}\n',
            'filter "a.timeouts" {\n    type "timeout"\n    connect-timeout-secs 2\n    upstream-timeout-secs 60\n}\n',
            id="everything that changes a request",
        ),
    ],
)
def test_services(service: str, routes: str, filters: str) -> None:
    (environment, _) = compiled(service, UPSTREAM).environments
    assert section(environment.config, "routes") == routes
    marker = f'filter "sentinel-config-{environment.config_id}" {{\n    type "log"\n}}\n'
    assert section(environment.config, "filters") == filters + marker


UPSTREAM_FULL = """\
upstream "orders" {
    target "10.0.0.2:80"
    target "10.0.0.1:80" weight=3
    load-balancing "weighted"
    health-check {
        path "/healthz"
        expected-status 204
        host "orders.internal"
    }
    circuit-breaker {
        failure-threshold 9
    }
    timeouts {
        read "1m"
    }
}
"""


def test_an_upstream_with_everything() -> None:
    (environment, _) = compiled(SERVICE, UPSTREAM_FULL).environments
    assert section(environment.config, "upstreams") == (
        'upstream "orders" {\n    target "10.0.0.1:80" weight=3\n    target "10.0.0.2:80" weight=1\n'
        '    load-balancing "weighted"\n    health-check {\n        type "http" {\n            path "/healthz"\n'
        '            expected-status "204"\n            host "orders.internal"\n        }\n        interval-secs 10\n'
        "        timeout-secs 5\n        healthy-threshold 2\n        unhealthy-threshold 3\n    }\n"
        "    timeouts {\n        connect 10\n        read 60\n        write 30\n    }\n"
        "    circuit-breaker {\n        failure-threshold 9\n        success-threshold 2\n        timeout-seconds 30\n"
        "        half-open-max-requests 1\n    }\n}\n"
    )


@pytest.mark.parametrize(
    ("word", "proxy"),
    [
        ("round-robin", "round_robin"),
        ("random", "random"),
        ("weighted", "weighted"),
        ("power-of-two-choices", "power_of_two_choices"),
        ("peak-ewma", "peak_ewma"),
        ("weighted-least-connections", "weighted_least_connections"),
    ],
)
def test_load_balancing_words(word: str, proxy: str) -> None:
    text = UPSTREAM.replace("\n}", f'\n    load-balancing "{word}"\n}}')
    assert f'load-balancing "{proxy}"' in compiled(SERVICE, text).environments[0].config.decode()


def test_a_tcp_check_has_no_block() -> None:
    text = UPSTREAM.replace("\n}", '\n    health-check {\n        type "tcp"\n    }\n}')
    assert (
        'type "tcp"\n            interval-secs 10' in compiled(SERVICE, text).environments[0].config.decode()
    )


def test_the_template_compiles_and_passes_the_proxys_grammar() -> None:
    snapshot, _ = read_snapshot(
        [*(SourceFile(path, text.encode()) for path, text in template().items()), *template_attached()]
    )
    assert snapshot is not None
    compilation, findings = compile_snapshot(snapshot)
    assert findings == ()
    assert compilation is not None
    assert [e.name for e in compilation.environments] == ["dev", "staging", "production"]
    assert [objections(e.config) for e in compilation.environments] == [[], [], []]
    assert len({e.config for e in compilation.environments}) == 3
