"""`routes`. Source: `config/src/kdl/routes.rs` and `retrypolicy_helper.rs`."""

from __future__ import annotations

from types import MappingProxyType

from reconciler.compile.native.grammar.inference import INFERENCE
from reconciler.compile.native.grammar.rows import (
    INEFFECTIVE,
    INERT,
    RELOAD,
    block,
    several,
    text,
    truth,
    whole,
)
from reconciler.compile.native.shape import Block, Kind, Repeat, Row, Unknown, Words

HEADER_ROWS = (
    Row("rename", Kind.headers, effect=RELOAD),
    Row("set", Kind.headers, effect=RELOAD),
    Row("add", Kind.headers, effect=RELOAD),
    several("remove", effect=RELOAD),
)
"""In the order in which the proxy applies them."""

_HEADERS = Block("header policy", HEADER_ROWS)

_SEPARATE = "write it as a filter, and name the filter in the route's filters"

POLICIES = Block(
    "policies",
    (
        block("request-headers", _HEADERS, effect=RELOAD),
        block("response-headers", _HEADERS, effect=RELOAD),
    ),
    elsewhere=MappingProxyType(
        {
            "timeout-secs": f'{_SEPARATE}: type "timeout"',
            "rate-limit": f'{_SEPARATE}: type "rate-limit"',
            "cache": "write it into the route itself",
            "max-body-size": "write it into the limits block, for all routes",
            "failure-mode": 'write it into the filter of type "agent"',
            "buffer-requests": "nothing replaces it in KDL",
            "buffer-responses": "nothing replaces it in KDL",
        }
    ),
)

MATCHES = Block(
    "matches",
    (
        text("path", repeat=Repeat.all, effect=RELOAD),
        text("path-prefix", repeat=Repeat.all, effect=RELOAD),
        text("path-regex", repeat=Repeat.all, effect=RELOAD),
        text("host", repeat=Repeat.all, effect=RELOAD),
        Row("method", Kind.free, repeat=Repeat.all, effect=RELOAD),
        Row("header", Kind.free, repeat=Repeat.all, effect=RELOAD),
        Row("query-param", Kind.free, repeat=Repeat.all, effect=RELOAD),
    ),
    elsewhere=MappingProxyType(
        {
            "methods": "write method once; one route matches one method",
            "headers": 'write header "Name" "value"',
            "hosts": "write host once for each name",
            "prefix": "write path-prefix",
            "regex": "write path-regex",
        }
    ),
)

STATIC_FILES = Block(
    "static-files",
    (
        text("root", required=True),
        text("index", "index.html"),
        truth("directory-listing", "#false"),
        text("cache-control", "public, max-age=3600"),
        truth("compress", "#true"),
        text("fallback"),
    ),
)

ROUTE_CACHE = Block(
    "cache of a route",
    (
        truth("enabled", "#false"),
        whole("default-ttl-secs", "3600"),
        whole("max-size-bytes", "10485760"),
        truth("cache-private", "#false"),
        whole("stale-while-revalidate-secs", "60"),
        whole("stale-if-error-secs", "300"),
        several("cacheable-methods", default="GET HEAD"),
        several("cacheable-status-codes", Kind.integers, "200 203 204 206 300 301 308 404 410", width="u16"),
        several("exclude-extensions"),
        several("exclude-paths"),
        several("vary-headers", effect=INERT),
        several("ignore-query-params", effect=INERT),
    ),
)

SHADOW = Block(
    "shadow",
    (
        text("upstream", required=True, effect=RELOAD),
        Row("percentage", Kind.share, "100", effect=RELOAD),
        Row("sample-header", Kind.pair, effect=RELOAD),
        whole("timeout-ms", "5000", effect=RELOAD),
        truth("buffer-body", "#false", effect=RELOAD),
        whole("max-body-bytes", "1048576", effect=RELOAD),
    ),
)

API_SCHEMA = Block(
    "api-schema",
    (
        text("schema-file"),
        text("schema-content"),
        Row("request-schema", Kind.free),
        Row("response-schema", Kind.free),
        truth("validate-requests", "#true"),
        truth("validate-responses", "#false"),
        truth("strict-mode", "#false"),
    ),
)

_TRIGGERS = Block(
    "triggers",
    (
        truth("on-health-failure", "#true", effect=RELOAD),
        truth("on-budget-exhausted", "#false", effect=RELOAD),
        whole("on-latency-threshold-ms", effect=RELOAD),
        several("on-error-codes", Kind.integers, width="u16", effect=RELOAD),
        truth("on-connection-error", "#true", effect=RELOAD),
    ),
)

_FALLBACK_UPSTREAM = Block(
    "fallback-upstream",
    (
        text(
            "provider",
            "generic",
            words=Words(("openai", "anthropic", "generic"), falls_to="generic"),
            effect=RELOAD,
        ),
        truth("skip-if-unhealthy", "#false", effect=RELOAD),
        Row("model-mapping", Kind.headers, effect=RELOAD),
    ),
    identified=True,
    arguments=1,
)

FALLBACK = Block(
    "fallback",
    (
        whole("max-attempts", "3", "u32", effect=RELOAD),
        block("triggers", _TRIGGERS, effect=RELOAD),
        block("fallback-upstream", _FALLBACK_UPSTREAM, repeat=Repeat.all, effect=RELOAD),
    ),
)

RETRY_POLICY = Block(
    "retry-policy",
    (whole("max-attempts", "1", "u32", positive=True, repeat=Repeat.last, effect=RELOAD),),
    unknown=Unknown.refused,
    as_written=True,
)

ROUTE = Block(
    "route",
    (
        block("matches", MATCHES, effect=RELOAD),
        Row(
            "priority",
            Kind.level,
            "50",
            words=Words(("low", "normal", "high", "critical"), fold=True, falls_to="50"),
            width="i32",
            effect=RELOAD,
        ),
        text("upstream", effect=RELOAD),
        several("filters", effect=RELOAD),
        block("static-files", STATIC_FILES),
        text(
            "builtin-handler",
            words=Words(
                (
                    "status",
                    "health",
                    "metrics",
                    "not-found",
                    "not_found",
                    "config",
                    "upstreams",
                    "cache-purge",
                    "cache_purge",
                    "cache-stats",
                    "cache_stats",
                ),
                falls_to="none",
            ),
            effect=RELOAD,
        ),
        block("api-schema", API_SCHEMA),
        block("inference", INFERENCE),
        block("cache", ROUTE_CACHE),
        block("shadow", SHADOW, effect=RELOAD),
        block("fallback", FALLBACK, effect=RELOAD),
        block("retry-policy", RETRY_POLICY, effect=RELOAD),
        block("policies", POLICIES, effect=RELOAD),
        truth("websocket", "#false", effect=RELOAD),
        truth("websocket-inspection", "#false", effect=RELOAD),
        truth("waf-enabled", "#false", effect=INERT),
        Row(
            "service-type",
            Kind.free,
            effect=INEFFECTIVE,
            note="the type follows from static-files, builtin-handler, api-schema and inference",
        ),
    ),
    unknown=Unknown.logged,
    identified=True,
    arguments=1,
    elsewhere=MappingProxyType(
        {
            "match": "write matches",
            "builtin": "write builtin-handler",
            "agents": 'write a filter of type "agent", and name it in the filters',
            "rate-limit": 'write a filter of type "rate-limit", and name it in the filters',
            "timeout": 'write a filter of type "timeout", and name it in the filters',
            "timeout-secs": 'write a filter of type "timeout", and name it in the filters',
            "redirect": 'write a filter of type "redirect", and name it in the filters',
            "rewrite": 'write a filter of type "url-rewrite", and name it in the filters',
            "circuit-breaker": "write it into the upstream",
            "error-pages": "KDL cannot set them",
            "request-headers": "write it into a policies block",
            "response-headers": "write it into a policies block",
        }
    ),
)

ROUTES = Block("routes", (block("route", ROUTE, repeat=Repeat.all, effect=RELOAD),))
