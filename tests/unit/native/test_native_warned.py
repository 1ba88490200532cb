"""What the real proxy accepts and ignores, mangles or never does: accepted here too, with a warning at the place."""
# ruff: noqa: E501 -- each case is one line of a table.

from __future__ import annotations

import pytest

from tests.unit.native.native_documents import check, codes, document, errors

WARNED = [
    # Trap 2: unknown names.
    ("a typo in system", "system", "worker-thread 4", "W-NAT-001"),
    ("a typo in a route", "route", "web-socket #true", "W-NAT-001"),
    ("a circuit breaker in a route", "route", "circuit-breaker { failures 1 }", "W-NAT-001"),
    ("a typo in listeners", "listeners", 'lister "x" { }', "W-NAT-001"),
    ("a body limit with -bytes", "limits", "max-body-size-bytes 1", "W-NAT-001"),
    ("a type of an agent as a child", "agent", 'type "waf"', "W-NAT-001"),
    # Trap 3: wrong types.
    ("threads in quotes", "system", 'worker-threads "4"', "W-NAT-002"),
    ("truth in quotes", "cache of a route", 'enabled "true"', "W-NAT-002"),
    ("a status that is a number", "health check of type http", "expected-status 200", "W-NAT-002"),
    ("a share that is a float", "shadow", "percentage 12.5", "W-NAT-002"),
    ("a share that is no number", "shadow", 'percentage "half"', "W-NAT-003"),
    ("seconds with a unit", "listener", 'request-timeout-secs "30s"', "W-NAT-002"),
    ("a float where an integer belongs", "listener", "request-timeout-secs 1e3", "W-NAT-002"),
    ("a schema version that is a number", "document", "schema-version 1.0", "W-NAT-002"),
    ("a value that is missing", "system", "worker-threads", "W-NAT-002"),
    ("a truth that is null", "system", "auto-reload #null", "W-NAT-002"),
    # Trap 4: balancing.
    ("balancing with a hyphen", "upstream", 'load-balancing "least-connections"', "W-NAT-003"),
    ("round robin with a hyphen", "upstream", 'load-balancing "round-robin"', "W-NAT-003"),
    ("balancing nobody knows", "upstream", 'load-balancing "fastest"', "W-NAT-003"),
    ("balancing that is no string", "upstream", "load-balancing 1", "W-NAT-002"),
    ("least connections", "upstream", 'load-balancing "Least_Connections"', "W-NAT-016"),
    ("ip hash", "upstream", 'load-balancing "iphash"', "W-NAT-016"),
    ("maglev", "upstream", 'load-balancing "maglev"', "W-NAT-016"),
    ("sticky without a block", "upstream", 'load-balancing "sticky"', "W-NAT-011"),
    ("sticky that falls back to sticky", "load-balancing", 'fallback "sticky_session"', "W-NAT-011"),
    ("a block that only sticky has", "upstream", 'load-balancing "random" { cookie-name "x" }', "W-NAT-012"),
    ("a cookie's time nobody reads", "load-balancing", 'cookie-ttl "soon"', "W-NAT-003"),
    ("a weight that round robin ignores", "upstream", 'target "127.0.0.1:2" weight=5', "W-NAT-016"),
    ("a weight in quotes", "upstream", 'target "127.0.0.1:2" weight="5"', "W-NAT-002"),
    ("a weight that wraps", "upstream", 'target "127.0.0.1:2" weight=-1', "W-NAT-004"),
    ("a target that is dropped", "upstream", 'target weight=1 "127.0.0.1:2"', "W-NAT-012"),
    ("a target with a scheme", "upstream", 'target "http://web:80"', "W-NAT-019"),
    ("an address beside targets", "upstream", 'address "127.0.0.1:2"', "W-NAT-012"),
    # Trap 5: CORS.
    ("options of cors", "filter of type cors", 'allowed-origins "https://a.example"', "W-NAT-001"),
    # Trap 6: policies.
    ("a timeout in policies", "policies", "timeout-secs 30", "W-NAT-001"),
    ("a cache in policies", "policies", "cache { enabled #true }", "W-NAT-001"),
    # Trap 11: matches.
    ("two paths", "matches", 'path "/a"; path "/b"', "W-NAT-008"),
    ("two prefixes", "matches", 'path-prefix "/a"; path-prefix "/b"', "W-NAT-008"),
    ("a path outside its prefix", "matches", 'path-prefix "/a"; path "/b"', "W-NAT-008"),
    ("two methods in two lines", "matches", 'method "GET"; method "POST"', "W-NAT-008"),
    ("two methods in one line", "matches", 'method "GET" "POST"', "W-NAT-008"),
    ("two values of a header", "matches", 'header "A" "1"; header "a" "2"', "W-NAT-008"),
    ("a query", "matches", 'query-param "q" "1"', "W-NAT-008"),
    ("a host in capitals", "matches", 'host "Shop.example"', "W-NAT-008"),
    ("a header that is a number", "matches", 'header "X-Version" 2', "W-NAT-002"),
    ("a header with two values", "matches", 'header "X" "1" "2"', "W-NAT-012"),
    ("a method that is no string", "matches", 'path "/a"; method 1', "W-NAT-002"),
    ("an unknown condition", "matches", 'path "/a"; client-ip "10.0.0.0/8"', "W-NAT-001"),
    ("a look-ahead", "matches", 'path-regex #"^/(?!admin)"#', "W-NAT-009"),
    ("a backreference", "matches", 'path-regex #"^/(a)\\1"#', "W-NAT-009"),
    ("a group that is never closed", "matches", 'path-regex "^/(a"', "W-NAT-009"),
    # Values that wrap.
    ("a status that wraps", "filter of type rate-limit", "status-code 70000", "W-NAT-004"),
    ("a negative timeout", "timeouts", "connect -1", "W-NAT-004"),
    ("codes that wrap", "cache of a route", "cacheable-status-codes 200 99999", "W-NAT-004"),
    # Repeated children.
    ("a child twice", "listener", "request-timeout-secs 1; request-timeout-secs 2", "W-NAT-005"),
    ("a block twice", "route", "policies { }; policies { }", "W-NAT-005"),
    ("system twice", "document", "system { }", "W-NAT-005"),
    ("limits twice", "document", "limits { }; limits { }", "W-NAT-005"),
    ("an agent's timeout twice", "agent", "timeout-ms 0; timeout-ms 5", "W-NAT-005"),
    ("two transports", "agent", 'unix-socket "/tmp/a"', "W-NAT-005"),
    ("a header twice", "header policy", 'set { A "1"; A "2" }', "W-NAT-005"),
    ("an upstream twice in one block", "upstreams", 'upstream "u" { target "a:1" }; upstream "u" { target "b:1" }', "W-NAT-005"),
    ("a namespaced route twice", "namespace", 'routes { route "r" { priority 10 }; route "r" { priority 10 } }', "W-NAT-005"),
    # Unchecked references.
    ("a shadow to nothing", "route", 'shadow { upstream "no" }', "W-NAT-007"),
    ("a fallback to nothing", "fallback", 'fallback-upstream "no"', "W-NAT-007"),
    ("a model to nothing", "model-routing", 'model "m" upstream="no"', "W-NAT-007"),
    ("a default model to nothing", "model-routing", 'default-upstream "no"', "W-NAT-007"),
    ("a guardrail without its agent", "guardrails", 'pii-detection { agent "no" }', "W-NAT-007"),
    ("a namespaced filter without its agent", "namespace", 'filters { filter "f" { type "agent"; agent "no" } }', "W-NAT-007"),
    # Listeners that serve nothing.
    ("https without tls", "listener", 'protocol "https"', "W-NAT-010"),
    ("tls without https", "listener", 'tls { cert-file "/c"; key-file "/k" }', "W-NAT-010"),
    ("h2", "listener", 'protocol "h2"', "W-NAT-010"),
    ("h3", "listener", 'protocol "H3"', "W-NAT-010"),
    ("an address without IP", "listeners", 'listener "x" { address "localhost:80" }', "W-NAT-019"),
    ("the address of the metrics", "listeners", 'listener "x" { address "0.0.0.0:9090" }', "W-NAT-019"),
    ("a namespace on every address", "listeners", 'listener "x" { address "0.0.0.0:1"; namespace "n" }\n}\nnamespace "n" {', "W-NAT-016"),
    # Ineffective and inert.
    ("a limit by client", "filter of type rate-limit", 'key "client-ip"', "W-NAT-016"),
    ("a limit by header", "filter of type rate-limit", 'key "header:x-key"', "W-NAT-016"),
    ("a limit in redis", "filter of type rate-limit", 'backend "redis"; key "route"', "W-NAT-016"),
    ("algorithms nobody knows", "filter of type compress", 'algorithms "gzip,lzma"', "W-NAT-003"),
    ("a log level", "logging", 'level "debug"', "W-NAT-006"),
    ("sni", "tls", 'sni { cert-file "/c"; key-file "/k" }', "W-NAT-016"),
    ("a namespace's upstream", "namespace", 'upstreams { upstream "u" { target "a:1" } }', "W-NAT-016"),
    ("a service's routes", "service", 'routes { }', "W-NAT-016"),
    # Entries nobody reads.
    ("a property of a listener", "listeners", 'listener "x" port=1 { address "127.0.0.1:9" }', "W-NAT-012"),
    ("a second value", "system", "worker-threads 4 5", "W-NAT-012"),
    ("a property as a value", "listener", "request-timeout-secs seconds=5", "W-NAT-012"),
    ("a value of a block", "document", "limits 5 { }", "W-NAT-012"),
    ("a block of a value", "system", "worker-threads 4 { max 1 }", "W-NAT-012"),
    ("filters defined in a route", "route", 'filters { filter "x" { type "cors" } }', "W-NAT-012"),
    ("half a sample header", "shadow", 'sample-header "X"', "W-NAT-012"),
    ("a model without a pattern", "model-routing", 'model upstream="app"', "W-NAT-012"),
    ("a health check's path outside its type", "health-check", 'path "/x"', "W-NAT-001"),
    ("a health check of another type", "health-check", 'type "https"', "W-NAT-003"),
    # Log lines of the proxy.
    ("a newer schema", "document", 'schema-version "2.0"', "W-NAT-017"),
    ("the old name of system", "document", "server { }", "W-NAT-017"),
    ("a route that serves nothing", "routes", 'route "r" { matches { path "/x" } }', "W-NAT-018"),
    ("an upstream nobody uses", "upstreams", 'upstream "u" { target "a:1" }', "W-NAT-018"),
    ("an include that is not followed", "document", 'include "conf.d/*.kdl"', "W-NAT-015"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "text", "code"),
    [pytest.param(place, text, code, id=name) for name, place, text, code in WARNED],
)
def test_accepted_with_a_warning(place: str, text: str, code: str) -> None:
    whole = document(place, text)
    findings = check(whole)
    first = text.split("\n")[0]
    line = next(number for number, content in enumerate(whole.split("\n"), 1) if content == first)
    assert errors(findings) == []
    here = [f for f in findings if (f.place is not None and f.place.line == line) or f.code == code]
    assert code in [f.code for f in here]
    assert all(f.hint for f in findings)


ACCEPTED = [
    ("a priority of 10 without matches", "routes", 'route "r" { priority 10; upstream "app" }'),
    ("a priority of Low without matches", "routes", 'route "r" { priority "Low"; upstream "app" }'),
    ("a negative priority", "route", "priority -50"),
    ("two hosts", "matches", 'host "a.example"; host "b.example"'),
    ("a prefix below a prefix", "matches", 'path-prefix "/a"; path-prefix "/a/b"'),
    ("a path below its prefix", "matches", 'path-prefix "/a/"; path "/a/b"'),
    ("a header that has to be there", "matches", 'header "X"'),
    ("a redirect without upstream", "routes", 'route "r" { matches { path "/x" }; filters "f" }\n}\nfilters { filter "f" { type "redirect" }'),
    ("targets in a block", "upstream", 'targets { target { address "a:1"; weight 1 }; target address="b:2" }'),
    ("a target of an odd port", "upstream", 'target "[::1]:0080"'),
    ("weights that count", "upstream", 'load-balancing "weighted-round-robin"; target "a:1" weight=3'),
    ("a share in a string", "shadow", 'percentage "12.5"'),
    ("a share in an integer", "shadow", "percentage 10"),
    ("a sample header", "shadow", 'sample-header "X" "yes"'),
    ("memcache", "filter of type rate-limit", 'key "route"; backend "local"; on-limit "delay"'),
    ("an event with a hyphen", "agent", 'events "request-headers" "websocket-frame" "request_complete"'),
    ("hybrid with a number", "agent", 'request-body-mode "hybrid:1024"; response-body-mode "hybrid"'),
    ("a type as a property", "agents", 'agent "x" type="anything" { unix-socket path="/tmp/x" }'),
    ("a socket in a block", "agents", 'agent "x" { unix-socket { path "/tmp/x" } }'),
    ("a schema of any depth", "api-schema", 'request-schema { a { b { c { d 1 2 x=#true } } } }'),
    ("mappings in a line", "fallback-upstream", 'model-mapping "a" "b"'),
    ("quoted names of headers", "header policy", 'set { "X-API-Version" "v1" }'),
    ("a builtin with underscore", "routes", 'route "r" { matches { path "/x" }; builtin-handler "cache_stats" }'),
    ("cached methods", "cache of a route", 'enabled #true; cacheable-methods "GET"; cacheable-status-codes 200'),
    ("a body limit of one MiB", "limits", "max-body-size 1048576"),
    ("an empty namespace", "document", 'namespace "n" { }'),
    ("an exclusion with arguments", "ruleset", 'exclusion "1" "2" { scope "HOST=a" }'),
    ("a qualified name", "namespace", 'routes { route "r" { priority 10; upstream "space:s:u" } }\nservice "s" { upstreams { upstream "u" { target "a:1" } } }'),
    ("an exported name", "document", 'namespace "a" { upstreams { upstream "u" { target "a:1" } }; exports { upstreams "u" } }\nnamespace "b" { routes { route "r" { priority 10; upstream "u" } } }'),
    ("a namespaced target of any form", "namespace", 'upstreams { upstream "u" { target "web" } }'),
    ("a namespaced agent of no time", "namespace", 'agents { agent "a" { grpc "x"; timeout-ms 0 } }'),
    ("small limits of a namespace", "namespace", "limits { max-body-size 1 }"),
    ("http2 in a service", "service", 'listener "x" { address "127.0.0.1:1"; protocol "http2" }'),
    ("a replaced agent timeout", "agent", "timeout-ms 0; timeout-ms 5"),
    ("a waf that a later one replaces", "document", 'waf { mode "detection" }; waf { mode "OFF" }'),
    ("limits that later ones replace", "document", "limits { max-body-size 1 }; limits { }"),
    ("an upstream that a later one replaces", "upstreams", 'upstream "u" { target "web" }; upstream "u" { target "a:1" }'),
    ("a second child that would be refused", "listener", 'protocol "http"; protocol "tcp"'),
    ("a header value that says nothing", "document", 'version "1.0"; schema-version "1.0"'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "text"), [pytest.param(place, text, id=name) for name, place, text in ACCEPTED]
)
def test_accepted(place: str, text: str) -> None:
    assert errors(check(document(place, text))) == []


QUIET = (
    "memcache",
    "weights that count",
    "two hosts",
    "a redirect without upstream",
    "cached methods",
    "a target of an odd port",
)


@pytest.mark.parametrize(
    ("place", "text"), [pytest.param(place, text, id=name) for name, place, text in ACCEPTED if name in QUIET]
)
def test_accepted_without_a_word(place: str, text: str) -> None:
    assert codes(check(document(place, text))) == []


def test_many_warnings_are_bounded() -> None:
    findings = check(document("system", "\n".join(f"unknown-{n} 1" for n in range(5000))))
    assert len(findings) == 500


def test_a_refusal_is_not_lost_among_warnings() -> None:
    findings = check(document("system", "\n".join(f"unknown-{n} 1" for n in range(5000))) + "\nlogging { }")
    assert errors(findings) == ["E-NAT-003"]
