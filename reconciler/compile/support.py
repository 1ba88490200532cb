"""What the proxy does with each feature of the language, by the proxy's version. One table, published and enforced.

A feature is native (the proxy does it), by agent (a process beside the proxy does it), ineffective (the proxy accepts
it and does not do it: a warning, W-CMP-001) or impossible (an error, E-CMP-006, with what to do instead). A feature
that works and loses something on the way says so (W-CMP-002, an information).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from reconciler.compile.feature import Feature, Level, row
from reconciler.compile.tls_support import CERTIFICATES, LISTENERS, UPSTREAM_TLS
from reconciler.config.findings import Severity
from reconciler.config.report import Problem

_NATIVE, _AGENT, _INEFFECTIVE, _IMPOSSIBLE = Level.native, Level.agent, Level.ineffective, Level.impossible

_SERVICE: tuple[Feature, ...] = (
    row(
        "service.match",
        _NATIVE,
        "Choosing by host, path, method, header and priority",
        "a route for each path and method",
    ),
    row("service.upstream", _NATIVE, "Sending requests to an upstream"),
    row(
        "service.redirect",
        _NATIVE,
        "Answering with a redirect",
        "a redirect filter",
        loses="the query string of the request is not kept",
    ),
    row(
        "service.static",
        _NATIVE,
        "Serving files of the node",
        "new static routes need a restart of the proxy",
    ),
    row(
        "service.maintenance",
        _NATIVE,
        "A page for everything",
        "a file of the node; new static routes need a restart of the proxy",
        loses="it is answered with 200, and other files of its folder can be asked for",
    ),
    row(
        "service.maintenance.status",
        _IMPOSSIBLE,
        "A page with a status of its own, such as 503",
        "it has no fixed answers, and files are answered with 200",
        instead="remove the status, or send the requests to a small upstream that answers 503",
    ),
    row(
        "service.timeouts",
        _NATIVE,
        "Time limits of one service",
        "a timeout filter; the whole request has none",
    ),
    row(
        "service.attempts", _NATIVE, "Looking for another target", "no back-off and no conditions can be set"
    ),
    row("service.cache", _NATIVE, "Keeping answers", "the cache's key is the path and query alone"),
    row(
        "service.cache.hosts",
        _NATIVE,
        "Keeping answers of several hosts",
        "the cache's key has no host",
        loses="every host of the service gets the same answers",
    ),
    row("service.shadow", _NATIVE, "Copying requests to a second upstream"),
    row(
        "service.split",
        _NATIVE,
        "Splitting requests between upstreams",
        "one upstream with all targets and scaled weights",
        loses="health checks, timeouts, circuit breakers and load balancing of the parts; the first's hold for all",
    ),
    row("service.websocket", _NATIVE, "Websockets"),
    row("service.grpc", _NATIVE, "gRPC", "over TLS to the targets; plain HTTP/2 cannot be spoken"),
    row("service.graphql", _NATIVE, "GraphQL", "as plain HTTP; queries are not looked at"),
    row(
        "service.streaming",
        _NATIVE,
        "Streams and server-sent events",
        "long time limits, no cache, no compression",
    ),
    row(
        "service.inference",
        _NATIVE,
        "Token limits, budgets, costs and model routing",
        "read when the proxy starts",
    ),
    row(
        "service.rate-limit",
        _NATIVE,
        "A limit of requests for each route or path",
        "counted by each proxy for itself",
    ),
    row(
        "rate-limit.client-ip",
        _INEFFECTIVE,
        "A limit of requests for each client",
        "all clients share one bucket, because the limit is asked before the client is known",
        instead='write by "route" or by "path", or use a rate limiting agent through a custom middleware',
    ),
    row(
        "rate-limit.header",
        _INEFFECTIVE,
        "A limit of requests for each value of a header",
        "all requests share one bucket, because the limit is asked before the headers are known",
        instead='write by "route" or by "path", or use a rate limiting agent through a custom middleware',
    ),
)

_UPSTREAM: tuple[Feature, ...] = (
    row(
        "upstream.load-balancing",
        _NATIVE,
        "Round robin, random, weighted, power of two choices, peak EWMA and weighted least connections",
    ),
    row(
        "upstream.load-balancing.least-connections",
        _INEFFECTIVE,
        "Least connections",
        "the counters are never incremented, so the first healthy target is taken; it cannot be chosen",
        instead="power-of-two-choices",
    ),
    row(
        "upstream.load-balancing.ip-hash",
        _INEFFECTIVE,
        "Hashes of the client's address, consistent hashes, Maglev and sticky sessions",
        "the choice is made without the request, so one target is taken for all; they cannot be chosen",
        instead="round-robin, and keep sessions in the application",
    ),
    row(
        "upstream.health-check",
        _INEFFECTIVE,
        "Leaving out targets whose probes fail",
        "probes run and are logged, and their result reaches no choice of a target",
        instead="circuit-breaker, which leaves a target out after failed requests",
    ),
    row("upstream.circuit-breaker", _NATIVE, "Leaving out targets after failed requests", "for each target"),
    row("upstream.timeouts", _NATIVE, "Time limits of connecting, reading and writing"),
)

_MIDDLEWARE: tuple[Feature, ...] = (
    row("middleware.rate-limit", _NATIVE, "A limit of requests for each route or path", "one for a service"),
    row(
        "middleware.cors",
        _NATIVE,
        "Cross-origin requests from everywhere",
        "the proxy's fixed filter: any origin and header, no credentials, preflights answered for a day",
    ),
    row(
        "middleware.cors.one-origin",
        _NATIVE,
        "Cross-origin requests from one origin",
        "fixed response headers",
        loses="the proxy does not answer preflights itself: the service has to answer OPTIONS with a 2xx status",
    ),
    row(
        "middleware.cors.origins",
        _IMPOSSIBLE,
        "Cross-origin requests from several origins, but not all",
        "the proxy's filter allows every origin, and a fixed header can name one",
        instead='name one origin, or "*", or let the service or an agent (custom middleware) answer',
    ),
    row("middleware.cache", _NATIVE, "Keeping answers", "as service.cache"),
    row(
        "middleware.compression",
        _NATIVE,
        "Compressing answers",
        "types, algorithms and level are the proxy's own",
    ),
    row("middleware.headers", _NATIVE, "Changing headers", "fixed values, no variables"),
    row(
        "middleware.access-control",
        _IMPOSSIBLE,
        "Allowing and denying client addresses",
        "the proxy has no filter for addresses",
        instead="run the denylist or ip-reputation agent and name its socket in a custom middleware, or filter in "
        "front of the proxy",
    ),
    row("middleware.path-rewrite", _NATIVE, "Replacing a path or its prefix", "expressions are not possible"),
    row(
        "middleware.redirect",
        _NATIVE,
        "Answering with a redirect",
        "a redirect filter",
        loses="the query string of the request is not kept",
    ),
    row("middleware.timeouts", _NATIVE, "Time limits", "as service.timeouts"),
    row("middleware.native", _NATIVE, "A filter in the proxy's own language", "a filter of a proxy resource"),
    row("middleware.security-headers", _NATIVE, "Response headers for browsers", "a headers filter"),
    row(
        "middleware.body-limit",
        _NATIVE,
        "A limit of request bodies",
        "one limit of the whole proxy, so every service of the environment has to carry the same",
        loses="a request beyond it is answered with 500 in place of 413",
    ),
    row(
        "middleware.body-limit.some",
        _IMPOSSIBLE,
        "A limit of request bodies for some services",
        "the proxy has one limit for all",
        instead="give every service of the environment a body-limit of the same size, or use an agent",
    ),
    row(
        "middleware.transform",
        _AGENT,
        "Changing bodies of requests and responses",
        "a transform agent at a socket",
    ),
    row("middleware.custom", _AGENT, "Whatever an agent of one's own does", "an agent at a socket"),
    row(
        "middleware.custom.plugins",
        _AGENT,
        "Plugins in WebAssembly or Lua",
        "the bundle carries the files, and a list of them for the agent; the agent has to read the list",
    ),
)

_POLICIES: tuple[Feature, ...] = (
    row("service.auth", _AGENT, "Asking who may use a service", "an agent filter on each of its routes"),
    row(
        "service.waf", _AGENT, "Searching the requests of a service", "an agent filter on each of its routes"
    ),
    row(
        "service.auth.unasked",
        _IMPOSSIBLE,
        "Authentication before files of the node, pages and redirects",
        "the proxy answers these before it asks an agent",
        instead="leave auth out, or send the requests to an upstream",
    ),
    row(
        "service.waf.unasked",
        _IMPOSSIBLE,
        "A WAF before files of the node, pages and redirects",
        "the proxy answers these before it asks an agent",
        instead="leave waf out, or send the requests to an upstream",
    ),
    row(
        "waf-policy",
        _AGENT,
        "Searching requests for attacks",
        "zentinelsec or another agent that reads SecLang, with the OWASP CRS 4 of the node, at "
        "/run/zentinel/sentinel-waf-NAME.sock",
    ),
    row(
        "auth-policy.jwt",
        _AGENT,
        "Bearer tokens signed with a shared secret",
        "the auth agent at /run/zentinel/sentinel-auth-NAME.sock",
    ),
    row("auth-policy.oidc", _AGENT, "Bearer tokens of an OpenID Connect or OAuth 2 provider", "as jwt"),
    row("auth-policy.api-key", _AGENT, "API keys", "as jwt"),
    row("auth-policy.basic", _AGENT, "User and password", "as jwt"),
    row(
        "auth-policy.introspection",
        _IMPOSSIBLE,
        "Asking a provider about a token",
        "the auth agent cannot ask",
        instead="use oidc { issuer; jwks-url }, which checks tokens with the provider's public keys",
    ),
    row(
        "auth-policy.mtls",
        _IMPOSSIBLE,
        "Certificates of clients",
        "its listeners ask no client for one, although its grammar has client-auth",
        instead="end TLS in front of the proxy, or use oidc or api-key",
    ),
)


def _by_name(rows: Iterable[Feature]) -> Mapping[str, Feature]:
    found: dict[str, Feature] = {}
    for feature in rows:
        if feature.name in found:
            raise ValueError(f"the feature '{feature.name}' stands in the table twice")
        found[feature.name] = feature
    return MappingProxyType(found)


FEATURES: Mapping[str, Feature] = _by_name(
    (*LISTENERS, *_SERVICE, *_UPSTREAM, *UPSTREAM_TLS, *_MIDDLEWARE, *_POLICIES, *CERTIFICATES)
)
"""Every feature by its name."""


@cache
def support_problem(name: str, version: str) -> Problem | None:
    """What the user of a feature has to be told on a version of the proxy, or None. Raises KeyError for other names."""
    feature = FEATURES[name]
    level = feature.level(version)
    if level is Level.impossible:
        return Problem(
            "E-CMP-006",
            f"{_lower(feature.what)}: not possible with the proxy {version}, because {feature.note}",
            "a feature that the proxy has",
            feature.instead,
        )
    if level is Level.ineffective:
        return Problem(
            "W-CMP-001",
            f"{_lower(feature.what)}: accepted by the proxy {version} and not done, because {feature.note}",
            "a feature that has an effect",
            feature.instead,
            Severity.warning,
        )
    if feature.loses:
        return Problem(
            "W-CMP-002",
            f"{_lower(feature.what)}: {feature.loses}",
            "",
            "see docs/language/support.md",
            Severity.info,
        )
    return None


def _lower(text: str) -> str:
    return text if text[1:2].isupper() else text[0].lower() + text[1:]
