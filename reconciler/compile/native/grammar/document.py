"""The top level, namespaces and services. Source: `config/src/kdl/mod.rs` and `namespace.rs`."""

from __future__ import annotations

from types import MappingProxyType

from reconciler.compile.native.grammar.agents import AGENTS
from reconciler.compile.native.grammar.filters import FILTERS
from reconciler.compile.native.grammar.listeners import LISTENERS, SERVICE_LISTENER
from reconciler.compile.native.grammar.observability import OBSERVABILITY
from reconciler.compile.native.grammar.routes import ROUTES
from reconciler.compile.native.grammar.rows import INEFFECTIVE, INERT, block, several, text
from reconciler.compile.native.grammar.stores import CACHE, LIMITS, RATE_LIMITS, WAF
from reconciler.compile.native.grammar.system import SYSTEM
from reconciler.compile.native.grammar.upstreams import UPSTREAMS
from reconciler.compile.native.shape import Block, Effect, Kind, Repeat, Row, Unknown

_LAST = Repeat.last
_UNSERVED = "the request path looks at global resources alone"

EXPORTS = Block(
    "exports",
    (
        several("upstreams", repeat=_LAST),
        several("agents", repeat=_LAST),
        several("filters", repeat=_LAST),
    ),
    unknown=Unknown.refused,
)

_SCOPED = (
    block("upstreams", UPSTREAMS, repeat=_LAST, effect=INEFFECTIVE, note=_UNSERVED),
    block("agents", AGENTS, repeat=_LAST, effect=INEFFECTIVE, note=_UNSERVED),
    block("filters", FILTERS, repeat=_LAST, effect=INEFFECTIVE, note=_UNSERVED),
    block("limits", LIMITS, repeat=_LAST, effect=INERT, note="the global limits count"),
)

SERVICE = Block(
    "service",
    (
        block(
            "listener", SERVICE_LISTENER, repeat=_LAST, effect=INEFFECTIVE, note="its address is never bound"
        ),
        block(
            "routes", ROUTES, repeat=_LAST, effect=INEFFECTIVE, note="a listener's namespace has no services"
        ),
        *_SCOPED,
    ),
    unknown=Unknown.refused,
    identified=True,
    arguments=1,
)

NAMESPACE = Block(
    "namespace",
    (
        block(
            "listeners",
            LISTENERS,
            repeat=_LAST,
            effect=INEFFECTIVE,
            note="their addresses are never bound; a global listener names the namespace",
        ),
        block("routes", ROUTES, repeat=_LAST),
        *_SCOPED,
        block("service", SERVICE, repeat=Repeat.all),
        block("exports", EXPORTS, repeat=_LAST),
    ),
    unknown=Unknown.refused,
    identified=True,
    arguments=1,
)

DOCUMENT = Block(
    "document",
    (
        text("schema-version", "1.0", repeat=_LAST),
        text("version", "1.0", repeat=_LAST),
        block("system", SYSTEM, repeat=_LAST),
        block("server", SYSTEM, repeat=_LAST, effect=Effect.deprecated, note="write system"),
        block("listeners", LISTENERS, repeat=Repeat.all),
        block("routes", ROUTES, repeat=Repeat.all),
        block("upstreams", UPSTREAMS, repeat=Repeat.all),
        block("filters", FILTERS, repeat=Repeat.all),
        block("agents", AGENTS, repeat=Repeat.all),
        block("waf", WAF, repeat=_LAST),
        block("namespace", NAMESPACE, repeat=Repeat.all),
        block("limits", LIMITS, repeat=_LAST),
        block("observability", OBSERVABILITY, repeat=_LAST),
        block("rate-limits", RATE_LIMITS, repeat=_LAST),
        block("cache", CACHE, repeat=_LAST),
        Row("include", Kind.free, repeat=Repeat.all),
    ),
    unknown=Unknown.refused,
    elsewhere=MappingProxyType(
        {
            "route": "write it into a routes block",
            "upstream": "write it into an upstreams block",
            "listener": "write it into a listeners block",
            "filter": "write it into a filters block",
            "agent": "write it into an agents block",
            "service": "write it into a namespace block",
            "tls": "write it into the listener, or into the upstream",
            "logging": "write it into an observability block",
            "metrics": "write it into an observability block",
            "tracing": "write it into an observability block",
            "settings": "write system",
            "admin": "write a listener on 127.0.0.1 with a namespace of builtin-handler routes",
            "upstream_groups": "write upstreams",
        }
    ),
)
