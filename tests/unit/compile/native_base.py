"""A native configuration with a little of everything, and compiled environments made of text."""

from __future__ import annotations

from reconciler.compile.compiler import CompiledEnvironment
from reconciler.compile.diff.changes import Difference
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.native.checking import check_document
from reconciler.compile.native.reading import read_document

BASE = """\
system { worker-threads 0 }
listeners {
    listener "public" {
        address "0.0.0.0:443"
        protocol "https"
        request-timeout-secs 30
        tls { cert-file "/c/a.pem"; key-file "/c/a.key" }
    }
    listener "local" { address "127.0.0.1:8081" }
}
upstreams {
    upstream "api" {
        target "10.0.0.1:80"
        target "10.0.0.2:80"
        target "10.0.0.3:80"
        timeouts { connect 5; read 20; write 20 }
        tls { sni "api.internal" }
        circuit-breaker { failure-threshold 5; success-threshold 2; timeout-seconds 15; half-open-max-requests 1 }
    }
    upstream "web" { target "10.0.1.1:80" weight=1; load-balancing "weighted" }
}
filters {
    filter "login" { type "agent"; agent "authn"; failure-mode "closed" }
    filter "second" { type "agent"; agent "authn"; failure-mode "closed" }
    filter "shield" { type "agent"; agent "crs"; failure-mode "closed" }
    filter "slow-down" { type "rate-limit"; max-rps 10; key "route" }
    filter "wait" { type "timeout"; connect-timeout-secs 3; upstream-timeout-secs 30 }
    filter "cross" { type "cors" }
    filter "sentinel-config-0000000000000000" { type "log" }
}
agents {
    agent "authn" type="auth" {
        unix-socket "/run/a.sock"; failure-mode "closed"; events "request_headers" "request_body" }
    agent "crs" type="waf" { unix-socket "/run/w.sock"; failure-mode "closed"; events "request_headers" }
}
routes {
    route "cart.1" {
        priority 100
        matches { host "shop.example"; host "www.shop.example"; path-prefix "/cart" }
        upstream "api"
        filters "login" "shield" "slow-down" "wait"
    }
    route "cart.2" {
        priority 100
        matches { host "shop.example"; host "www.shop.example"; path-prefix "/checkout" }
        upstream "api"
        filters "login" "shield" "slow-down" "wait"
    }
    route "images" { matches { path-prefix "/img" }; upstream "web"; cache { enabled #false } }
    route "docs" { matches { path-prefix "/docs"; method "GET" }; upstream "web" }
    route "feed" { matches { path "/feed" }; upstream "web" }
    route "site" {
        priority 10
        matches { host "shop.example"; path-prefix "/" }
        upstream "web"
        retry-policy { max-attempts 2 }
        policies { response-headers { set { Strict-Transport-Security "max-age=1" } } }
    }
}
waf { mode "off"; body-inspection { inspect-request-body #true; max-inspection-bytes 100000 } }
limits { max-body-size 2000000 }
rate-limits { global { max-rps 1000 } }
namespace "ops" { routes { route "ops-health" { matches { path "/health" }; builtin-handler "health" } } }
"""


def environment(
    text: str, *, restart_key: str = "same", files: dict[str, bytes] | None = None
) -> CompiledEnvironment:
    """A compiled environment with this configuration, which the proxy has to accept."""
    nodes, findings = read_document(text.encode(), "sentinel.kdl")
    assert nodes is not None
    assert findings == ()
    assert [str(f) for f in check_document(nodes, "sentinel.kdl").findings if f.is_error] == []
    return CompiledEnvironment("prod", text.encode(), "0" * 16, restart_key, files or {})


def edited(*edits: tuple[str, str], base: str = BASE) -> str:
    """The base with each text replaced, which has to stand in it."""
    for old, new in edits:
        assert old in base, old
        base = base.replace(old, new)
    return base


def difference(before: str, after: str) -> Difference:
    """What differs between two configurations."""
    return compare_environments("prod", environment(before), environment(after))
