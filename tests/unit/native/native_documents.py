"""Small configurations of the real proxy, with one place each where a test puts something."""

from __future__ import annotations

from reconciler.compile.native.checking import check_native
from reconciler.config.findings import Finding

MINIMAL = """
system { }
listeners {
    listener "http" { address "127.0.0.1:8080" }
}
upstreams {
    upstream "app" { target "127.0.0.1:3000" }
}
routes {
    route "app" {
        matches { path-prefix "/" }
        upstream "app"
    }
}
"""

_ROUTE = 'routes { route "second" { @\nmatches { path "/second" }; upstream "app" } }'
_BARE_ROUTE = 'routes { route "second" { @ } }'
_UPSTREAM = (
    'upstreams { upstream "second" { @\ntarget "127.0.0.1:1" } }\n'
    'routes { route "second" { matches { path "/second" }; upstream "second" } }'
)
_LISTENER = 'listeners { listener "second" { @\naddress "127.0.0.1:8081" } }'
_TLS = _LISTENER.replace("@", 'tls { @ }; protocol "https"')
_ACME = _TLS.replace("@", 'acme { @\nemail "ops"; domains "b.example" }')
_PROVIDER = _TLS.replace(
    "@", 'acme { email "ops"; domains "b.example"; challenge-type "dns-01"; dns-provider { @ } }'
)
_AGENT = 'agents { agent "second" type="auth" { @\ngrpc "http://127.0.0.1:1" } }'
_INFERENCE = _ROUTE.replace("@", "inference { @ }")
_GUARD = _INFERENCE.replace("@", "guardrails { @ }") + '\nagents { agent "g" { grpc "http://127.0.0.1:1" } }'
_SPACE = 'namespace "space" { @ }'

PLACES: dict[str, str] = {
    "document": "@",
    "system": "system { @ }",
    "listeners": "listeners { @ }",
    "listener": _LISTENER,
    "tls": _TLS.replace("@", '@\ncert-file "/c"; key-file "/k"'),
    "sni": _TLS.replace("@", 'sni { @\ncert-file "/d"; key-file "/l" }; cert-file "/c"; key-file "/k"'),
    "acme": _ACME,
    "eab": _ACME.replace("@", 'eab { @\nkid "k"; hmac-key "h" }'),
    "dns-provider": _PROVIDER.replace("@", '@\ntype "hetzner"; credentials-env "T"'),
    "propagation": _PROVIDER.replace("@", 'type "hetzner"; credentials-env "T"; propagation { @ }'),
    "upstreams": "upstreams { @ }",
    "upstream": _UPSTREAM,
    "target": _UPSTREAM.replace("@", 'target "127.0.0.1:2" { @ }'),
    "targets": _UPSTREAM.replace("@", "targets { @ }"),
    "health-check": _UPSTREAM.replace("@", "health-check { @ }"),
    "health check of type http": _UPSTREAM.replace("@", 'health-check { type "http" { @ } }'),
    "health check of type grpc": _UPSTREAM.replace("@", 'health-check { type "grpc" { @ } }'),
    "health check of type inference": _UPSTREAM.replace("@", 'health-check { type "inference" { @ } }'),
    "connection-pool": _UPSTREAM.replace("@", "connection-pool { @ }"),
    "timeouts": _UPSTREAM.replace("@", "timeouts { @ }"),
    "tls of an upstream": _UPSTREAM.replace("@", "tls { @ }"),
    "http-version": _UPSTREAM.replace("@", "http-version { @ }"),
    "circuit-breaker": _UPSTREAM.replace("@", "circuit-breaker { @ }"),
    "load-balancing": _UPSTREAM.replace("@", 'load-balancing "sticky" { @ }'),
    "routes": "routes { @ }",
    "route": _ROUTE,
    "bare route": _BARE_ROUTE,
    "matches": _BARE_ROUTE.replace("@", 'upstream "app"; matches { @\n path-prefix "/" }'),
    "static-files": _BARE_ROUTE.replace("@", 'matches { path "/second" }; static-files { @\nroot "/" }'),
    "cache of a route": _ROUTE.replace("@", "cache { @ }"),
    "shadow": _ROUTE.replace("@", 'shadow { @\nupstream "app" }'),
    "api-schema": _ROUTE.replace("@", "api-schema { @ }"),
    "fallback": _ROUTE.replace("@", "fallback { @ }"),
    "triggers": _ROUTE.replace("@", "fallback { triggers { @ } }"),
    "fallback-upstream": _ROUTE.replace("@", 'fallback { fallback-upstream "app" { @ } }'),
    "retry-policy": _ROUTE.replace("@", "retry-policy { @ }"),
    "policies": _ROUTE.replace("@", "policies { @ }"),
    "header policy": _ROUTE.replace("@", "policies { request-headers { @ } }"),
    "inference": _INFERENCE,
    "rate-limit of inference": _INFERENCE.replace("@", "rate-limit { @\ntokens-per-minute 1 }"),
    "budget": _INFERENCE.replace("@", "budget { @\nlimit 1 }"),
    "cost-attribution": _INFERENCE.replace("@", "cost-attribution { @ }"),
    "pricing": _INFERENCE.replace("@", "cost-attribution { pricing { @ } }"),
    "model of a pricing": _INFERENCE.replace(
        "@",
        'cost-attribution { pricing { model "m" { @\ninput-cost-per-million 1; output-cost-per-million 2.5 } } }',
    ),
    "routing": _INFERENCE.replace("@", "routing { @ }"),
    "model-routing": _INFERENCE.replace("@", "model-routing { @ }"),
    "guardrails": _GUARD,
    "prompt-injection": _GUARD.replace("@", 'prompt-injection { @\nagent "g" }'),
    "pii-detection": _GUARD.replace("@", 'pii-detection { @\nagent "g" }'),
    "filters": "filters { @ }",
    "agents": "agents { @ }",
    "agent": _AGENT,
    "waf": 'waf { @\nmode "off" }',
    "ruleset": 'waf { mode "off"; ruleset { @ } }',
    "exclusion": 'waf { mode "off"; ruleset { exclusion { @\nrule-ids "1" } } }',
    "body-inspection": 'waf { mode "off"; body-inspection { @ } }',
    "limits": "limits { @ }",
    "rate-limits": "rate-limits { @ }",
    "global": "rate-limits { global { @\nmax-rps 1 } }",
    "cache": "cache { @ }",
    "observability": "observability { @ }",
    "logging": "observability { logging { @ } }",
    "access-log": "observability { logging { access-log { @ } } }",
    "error-log": "observability { logging { error-log { @ } } }",
    "audit-log": "observability { logging { audit-log { @ } } }",
    "metrics": "observability { metrics { @ } }",
    "tracing": 'observability { tracing { @\nbackend "otlp" { endpoint "http://c:1" } } }',
    "bare tracing": "observability { tracing { @ } }",
    "namespace": _SPACE,
    "service": _SPACE.replace("@", 'service "inner" { @ }'),
    "exports": _SPACE.replace("@", "exports { @ }"),
    "listener of a service": _SPACE.replace(
        "@", 'service "inner" { listener { @\naddress "127.0.0.1:8082" } }'
    ),
    "unix-socket": 'agents { agent "second" { unix-socket "/tmp/s" { @ } } }',
    "grpc": 'agents { agent "second" { grpc "http://127.0.0.1:1" { @ } } }',
    "http": 'agents { agent "second" { http "http://127.0.0.1:1" { @ } } }',
    "readiness": _UPSTREAM.replace("@", 'health-check { type "inference" { readiness { @ } } }'),
    "backend": 'observability { tracing { backend "otlp" { @\nendpoint "http://c:1" } } }',
}
for _name in ("inference-probe", "model-status", "queue-depth", "warmth-detection"):
    PLACES[_name] = PLACES["readiness"].replace("@", f"{_name} {{ @ }}")
_EXTRA = {"geo": 'database-path "/g.mmdb"', "agent": 'agent "g"'}
for _kind in (
    "rate-limit headers cors compress timeout log geo agent redirect url-rewrite".split()  # noqa: SIM905
):
    PLACES[f"filter of type {_kind}"] = (
        f'filters {{ filter "second" {{ @\ntype "{_kind}"; {_EXTRA.get(_kind, "")} }} }}\n'
        'agents { agent "g" { grpc "http://127.0.0.1:1" } }'
    )


def document(place: str, text: str = "") -> str:
    """The minimal configuration with `text` in a block. Line breaks keep the text on a line of its own."""
    return MINIMAL + PLACES[place].replace("@", f"\n{text}\n") + "\n"


def check(text: str) -> tuple[Finding, ...]:
    """All findings of a configuration."""
    return check_native(text.encode(), "test.kdl")


def codes(findings: tuple[Finding, ...]) -> list[str]:
    """Their codes, in order of place."""
    return [finding.code for finding in findings]


def errors(findings: tuple[Finding, ...]) -> list[str]:
    """The codes of those that refuse."""
    return [finding.code for finding in findings if finding.is_error]
