"""What the real proxy refuses, rule by rule: refused here, at the place, with the code."""
# ruff: noqa: E501 -- each case is one line of a table.

from __future__ import annotations

import pytest

from reconciler.compile.native.checking import check_native
from tests.unit.native.native_documents import MINIMAL, check, codes, document, errors

AGENT = 'agent "a" { grpc "http://127.0.0.1:1" }'

REFUSED = [
    # The top level (grammar notes, 0.2 and 2.1).
    ("an unknown block at the top", "document", "logging { }", "E-NAT-003"),
    ("a route at the top", "document", 'route "x" { }', "E-NAT-003"),
    ("settings of another proxy", "document", "settings { }", "E-NAT-003"),
    ("a schema version below", "document", 'schema-version "0.9"', "E-NAT-015"),
    ("a schema version of three parts", "document", 'schema-version "1.0.0"', "E-NAT-015"),
    ("a schema version of one part", "document", 'version "1"', "E-NAT-015"),
    ("a waf without mode", "document", "waf { }", "E-NAT-014"),
    ("a waf in detection", "document", 'waf { mode "detection" }', "E-NAT-014"),
    ("a waf in prevention", "document", 'waf { mode "PREVENTION" }', "E-NAT-014"),
    ("a waf of another mode", "document", 'waf { mode "monitor" }', "E-NAT-007"),
    ("a waf mode of another type", "document", "waf { mode #false }", "E-NAT-014"),
    # Limits.
    ("a small body limit", "limits", "max-body-size 1048575", "E-NAT-008"),
    ("no header bytes", "limits", "max-header-size 0", "E-NAT-008"),
    ("no headers", "limits", "max-header-count 0", "E-NAT-008"),
    ("a route cache of 0", "system", "route-cache-size 0", "E-NAT-008"),
    # Names given twice.
    ("two listeners of one name", "listeners", 'listener "http" { address "127.0.0.1:1" }', "E-NAT-009"),
    ("two listeners on one address", "listeners", 'listener "b" { address "127.0.0.1:8080" }', "E-NAT-009"),
    ("two routes of one name", "routes", 'route "app" { matches { path "/x" }; upstream "app" }', "E-NAT-009"),
    ("an upstream in two blocks", "upstreams", 'upstream "app" { target "127.0.0.1:1" }', "E-NAT-009"),
    ("a filter in two blocks", "filters", 'filter "f" { type "cors" }\n} \n filters { filter "f" { type "cors" }', "E-NAT-009"),
    ("two agents of one name", "agents", f"{AGENT}; {AGENT}", "E-NAT-009"),
    ("two namespaces of one name", "document", 'namespace "n" { }; namespace "n" { }', "E-NAT-009"),
    ("two services of one name", "namespace", 'service "s" { }; service "s" { }', "E-NAT-009"),
    # References.
    ("a route to no upstream", "routes", 'route "r" { matches { path "/x" }; upstream "no" }', "E-NAT-010"),
    ("a builtin route to no upstream", "routes", 'route "r" { matches { path "/x" }; upstream "no"; builtin-handler "health" }', "E-NAT-010"),
    ("a route with no such filter", "route", 'filters "no"', "E-NAT-010"),
    ("a filter with no such agent", "filters", 'filter "f" { type "agent"; agent "no" }', "E-NAT-010"),
    ("a listener with no such route", "listener", 'default-route "no"', "E-NAT-010"),
    ("a listener with no such namespace", "listener", 'namespace "no"', "E-NAT-010"),
    ("a namespaced route to no upstream", "namespace", 'routes { route "r" { matches { path "/" }; upstream "no" } }', "E-NAT-010"),
    ("a namespaced route with no such filter", "namespace", 'routes { route "r" { filters "no" } }', "E-NAT-010"),
    ("an export of nothing", "exports", 'upstreams "no"', "E-NAT-010"),
    ("an export of a global upstream", "exports", 'upstreams "app"', "E-NAT-010"),
    # Routes.
    ("a route without a name", "routes", 'route { matches { path "/" } }', "E-NAT-006"),
    ("a route that matches nothing", "routes", 'route "r" { upstream "app" }', "E-NAT-011"),
    ("a route whose condition is no string", "routes", 'route "r" { matches { path 1 }; upstream "app" }', "E-NAT-011"),
    ("a route with priority 11", "routes", 'route "r" { priority 11; upstream "app" }', "E-NAT-011"),
    ("static files and an upstream", "route", 'static-files { root "/" }', "E-NAT-012"),
    ("static files without root", "routes", 'route "r" { matches { path "/x" }; static-files { } }', "E-NAT-006"),
    ("retries with a timeout", "retry-policy", "timeout-ms 5000", "E-NAT-005"),
    ("retries with backoff", "retry-policy", "backoff-base-ms 100", "E-NAT-005"),
    ("retries of status codes", "retry-policy", "retryable-status-codes 502 503", "E-NAT-005"),
    ("no attempts", "retry-policy", "max-attempts 0", "E-NAT-008"),
    ("negative attempts", "retry-policy", "max-attempts -4", "E-NAT-008"),
    ("attempts beyond 32 bits", "retry-policy", "max-attempts 4294967296", "E-NAT-008"),
    ("attempts as a string", "retry-policy", 'max-attempts "three"', "E-NAT-006"),
    ("attempts without a value", "retry-policy", "max-attempts", "E-NAT-006"),
    ("a quoted name in a strict block", "retry-policy", '"max-attempts" 3', "E-NAT-005"),
    ("a shadow without upstream", "route", "shadow { percentage 10 }", "E-NAT-006"),
    ("a sample header that is no string", "shadow", 'sample-header "X" 1', "E-NAT-006"),
    ("two schemas", "api-schema", 'schema-file "/a"; schema-content "b"', "E-NAT-012"),
    ("another provider", "inference", 'provider "mistral"', "E-NAT-007"),
    ("another estimation", "rate-limit of inference", 'estimation-method "bytes"', "E-NAT-007"),
    ("tokens without a number", "inference", "rate-limit { requests-per-minute 1 }", "E-NAT-006"),
    ("a budget without limit", "inference", "budget { }", "E-NAT-006"),
    ("another period", "budget", 'period "weekly"', "E-NAT-007"),
    ("another strategy", "routing", 'strategy "random"', "E-NAT-007"),
    ("a price of one side", "pricing", 'model "m" { input-cost-per-million 1 }', "E-NAT-006"),
    ("a price without a pattern", "pricing", "model { input-cost-per-million 1; output-cost-per-million 1 }", "E-NAT-006"),
    ("a model without upstream", "model-routing", 'model "gpt-4" provider="openai"', "E-NAT-006"),
    ("a guardrail without agent", "guardrails", "prompt-injection { enabled #true }", "E-NAT-006"),
    ("another guardrail action", "prompt-injection", 'action "redact"', "E-NAT-007"),
    ("another action on personal data", "pii-detection", 'action "warn"', "E-NAT-007"),
    ("another failure mode of a guardrail", "pii-detection", 'failure-mode "fail-open"', "E-NAT-007"),
    ("a fallback without a name", "fallback", "fallback-upstream { }", "E-NAT-006"),
    # Listeners.
    ("a listener without a name", "listeners", 'listener { address "127.0.0.1:1" }', "E-NAT-006"),
    ("an address as a property", "listeners", 'listener "x" address="127.0.0.1:1"', "E-NAT-006"),
    ("another protocol", "listener", 'protocol "tcp"', "E-NAT-007"),
    ("http2 outside services", "listener", 'protocol "http2"', "E-NAT-007"),
    ("tls without files", "listener", 'protocol "https"; tls { }', "E-NAT-006"),
    ("tls with half of the files", "listener", 'tls { cert-file "/c" }', "E-NAT-006"),
    ("sni without files", "tls", 'sni { hostnames "a.example" }', "E-NAT-006"),
    ("sni with both kinds of names", "sni", 'hostnames "a"; priority-hostnames "b"', "E-NAT-012"),
    ("sni with files and acme", "sni", 'acme { email "ops"; domains "c.example" }', "E-NAT-012"),
    ("acme without email", "tls", 'acme { domains "a.example" }', "E-NAT-006"),
    ("acme without domains", "tls", 'acme { email "ops" }', "E-NAT-006"),
    ("acme with domains that are none", "tls", 'acme { email "ops"; domains 1 }', "E-NAT-006"),
    ("a wildcard by http-01", "acme", 'domains "*.b.example"', "E-NAT-017"),
    ("dns-01 without provider", "acme", 'challenge-type "dns"', "E-NAT-017"),
    ("a domain twice", "acme", 'domains "B.example"', "E-NAT-017"),
    ("another key type", "acme", 'key-type "rsa"', "E-NAT-007"),
    ("eab without key", "acme", 'eab { kid "k" }', "E-NAT-006"),
    ("another dns provider", "acme", 'dns-provider { type "route53"; credentials-env "T" }', "E-NAT-007"),
    ("a dns provider without credentials", "acme", 'dns-provider { type "hetzner" }', "E-NAT-006"),
    ("a webhook without url", "acme", 'dns-provider { type "webhook"; credentials-env "T" }', "E-NAT-006"),
    # Upstreams.
    ("an upstream without a name", "upstreams", 'upstream { target "127.0.0.1:1" }', "E-NAT-006"),
    ("an upstream without targets", "upstreams", 'upstream "u" { }', "E-NAT-006"),
    ("an upstream whose targets are dropped", "upstreams", 'upstream "u" { target weight=1 "127.0.0.1:1" }', "E-NAT-006"),
    ("a target without port", "upstreams", 'upstream "u" { target "web" }', "E-NAT-013"),
    ("a target with a path", "upstreams", 'upstream "u" { target "http://web:80/x" }', "E-NAT-013"),
    ("a target with a port beyond", "upstreams", 'upstream "u" { target "web:65536" }', "E-NAT-013"),
    ("a circuit breaker of another name", "circuit-breaker", "failures 5", "E-NAT-005"),
    ("a circuit breaker of 0", "circuit-breaker", "failure-threshold 0", "E-NAT-008"),
    ("a circuit breaker as a string", "circuit-breaker", 'timeout-seconds "30s"', "E-NAT-006"),
    # Filters.
    ("a filter without type", "filters", 'filter "f" { max-rps 1 }', "E-NAT-006"),
    ("a filter without a name", "filters", 'filter { type "cors" }', "E-NAT-006"),
    ("a filter of another type", "filters", 'filter "f" { type "jwt" }', "E-NAT-007"),
    ("a filter type in capitals", "filters", 'filter "f" { type "CORS" }', "E-NAT-007"),
    ("another backend of a rate limit", "filter of type rate-limit", 'backend "etcd"', "E-NAT-007"),
    ("a geo filter without database", "filters", 'filter "f" { type "geo" }', "E-NAT-006"),
    ("an agent filter without agent", "filters", 'filter "f" { type "agent" }', "E-NAT-006"),
    # Agents.
    ("an agent without a name", "agents", 'agent { grpc "http://127.0.0.1:1" }', "E-NAT-006"),
    ("an agent without transport", "agents", 'agent "a" { timeout-ms 1 }', "E-NAT-006"),
    ("an agent without block", "agents", 'agent "a"', "E-NAT-006"),
    ("a socket without path", "agents", 'agent "a" { unix-socket }', "E-NAT-006"),
    ("an event nobody sends", "agent", 'events "request_body_chunk"', "E-NAT-007"),
    ("another failure mode", "agent", 'failure-mode "ignore"', "E-NAT-007"),
    ("another body mode", "agent", 'request-body-mode "chunked"', "E-NAT-007"),
    ("a threshold that is no number", "agent", 'response-body-mode "hybrid:64k"', "E-NAT-007"),
    ("no time for an agent", "agent", "timeout-ms 0", "E-NAT-008"),
    ("no time for a chunk", "agent", "chunk-timeout-ms 0", "E-NAT-008"),
    ("no bytes for an agent", "agent", "max-request-body-bytes 0", "E-NAT-008"),
    ("no bytes from an agent", "agent", "max-response-body-bytes 0", "E-NAT-008"),
    ("a circuit breaker of an agent", "agent", "circuit-breaker { threshold 1 }", "E-NAT-005"),
    # The rest.
    ("a paranoia level of 5", "ruleset", "paranoia-level 5", "E-NAT-008"),
    ("an exclusion without rules", "ruleset", "exclusion { rule-ids 920350 }", "E-NAT-006"),
    ("another scope of an exclusion", "exclusion", 'scope "method=GET"', "E-NAT-007"),
    ("a global limit without number", "rate-limits", "global { burst 1 }", "E-NAT-006"),
    ("another key of a rate limit", "rate-limits", 'key "cookie"', "E-NAT-007"),
    ("another backend of a cache", "cache", 'backend "redis"', "E-NAT-007"),
    ("a disk cache without path", "cache", 'backend "Disk"', "E-NAT-006"),
    ("tracing without backend", "bare tracing", "sampling-rate 1", "E-NAT-006"),
    ("another backend of tracing", "bare tracing", 'backend "datadog" { endpoint "x" }', "E-NAT-007"),
    ("a backend of tracing without endpoint", "bare tracing", 'backend "otlp"', "E-NAT-006"),
    ("a backend of tracing without type", "bare tracing", 'backend { endpoint "x" }', "E-NAT-006"),
    ("a namespace without a name", "document", "namespace { }", "E-NAT-006"),
    ("a namespace without block", "document", 'namespace "n"', "E-NAT-006"),
    ("a namespace with a colon", "document", 'namespace "a:b" { }', "E-NAT-018"),
    ("a service with a colon", "namespace", 'service "a:b" { }', "E-NAT-018"),
    ("an unknown block in a namespace", "namespace", "observability { }", "E-NAT-005"),
    ("listeners in a service", "service", "listeners { }", "E-NAT-005"),
    ("an unknown export", "exports", 'routes "r"', "E-NAT-005"),
    ("a service's listener without address", "service", "listener { }", "E-NAT-006"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "text", "code"),
    [pytest.param(place, text, code, id=name) for name, place, text, code in REFUSED],
)
def test_refused(place: str, text: str, code: str) -> None:
    whole = document(place, text)
    findings = check(whole)
    first = text.split("\n")[0]
    line = next(number for number, content in enumerate(whole.split("\n"), 1) if content == first)
    refusals = [f for f in findings if f.is_error]
    assert code in [f.code for f in refusals]
    assert {f.place.line - line for f in refusals if f.place} <= set(range(-3, text.count("\n") + 4))
    assert all(f.message and f.expected and f.hint for f in refusals)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(MINIMAL.replace("system { }", ""), "E-NAT-004", id="no system"),
        pytest.param("system { }", "E-NAT-004", id="no listeners"),
        pytest.param("system { }; listeners { }", "E-NAT-004", id="empty listeners"),
        pytest.param(
            'system { }; listeners { lister "http" { address "127.0.0.1:1" } }',
            "E-NAT-004",
            id="a typo alone",
        ),
        pytest.param("", "E-NAT-004", id="an empty file"),
    ],
)
def test_what_every_configuration_needs(text: str, code: str) -> None:
    assert code in errors(check(text))


def test_the_whole_is_told_at_once() -> None:
    text = document(
        "document", 'logging { }\nwaf { }\nroutes { route "r" { upstream "no" } }\nlimits { max-body-size 1 }'
    )
    assert codes(check(text)) == ["E-NAT-003", "E-NAT-014", "E-NAT-011", "E-NAT-010", "E-NAT-008"]


def test_places_are_those_of_the_token() -> None:
    findings = check(document("route", '    filters "nö" "no"'))
    assert [(f.code, f.place.column if f.place else 0) for f in findings if f.is_error] == [
        ("E-NAT-010", 13),
        ("E-NAT-010", 18),
    ]


def test_hints_name_the_nearest() -> None:
    findings = check(document("document", "upstream {}\nlistenrs {}\n"))
    assert [f.hint for f in findings if f.is_error] == [
        "write it into an upstreams block",
        "did you mean 'listeners'?",
    ]


def test_a_file_that_is_no_text() -> None:
    (finding,) = check_native(b"system { }\n\xff", "x.kdl")
    assert (finding.code, str(finding.place)) == ("E-NAT-002", "x.kdl:2:1")


def test_a_file_nested_beyond_all_reason() -> None:
    findings = check("a {" * 100_000)
    assert codes(findings) == ["E-NAT-002"]
