"""What the proxy does with each feature of the language, by the proxy's version. One table, published and enforced.

A feature is native (the proxy does it), by agent (a process beside the proxy does it), ineffective (the proxy accepts
it and does not do it: a warning, W-CMP-001) or impossible (an error, E-CMP-006, with what to do instead). A feature
that works and loses something on the way says so (W-CMP-002, an information).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from reconciler.config.findings import Severity
from reconciler.config.proxies import PROXY_VERSIONS
from reconciler.config.report import Problem


class Level(StrEnum):
    """How a feature reaches the requests."""

    native = "native"
    agent = "agent"
    ineffective = "ineffective"
    impossible = "impossible"


@dataclass(frozen=True, slots=True)
class Feature:
    """One row.

    `name` is the field's path in the language, with a word for a special case of it behind. `what` begins a sentence.
    `levels` are pairs of the first version and the level that holds from it on, oldest first. `note` says how it is
    done or why it is not; `loses` what does not survive; `instead` what to do, for whatever is not done.
    """

    name: str
    what: str
    levels: tuple[tuple[str, Level], ...]
    note: str = ""
    loses: str = ""
    instead: str = ""

    def level(self, version: str) -> Level:
        """The level on a version of the proxy. Raises KeyError for one older than the first."""
        wanted = _number(version)
        found = [level for since, level in self.levels if _number(since) <= wanted]
        if not found:
            raise KeyError(f"{self.name} is not known on {version}")
        return found[-1]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _row(
    name: str, level: Level, what: str, note: str = "", *, loses: str = "", instead: str = ""
) -> Feature:
    """A row whose level is the same on every version that is written for."""
    return Feature(name, what, ((PROXY_VERSIONS[0], level),), note, loses, instead)


_NATIVE, _AGENT, _INEFFECTIVE, _IMPOSSIBLE = Level.native, Level.agent, Level.ineffective, Level.impossible

_SERVICE: tuple[Feature, ...] = (
    _row(
        "service.match",
        _NATIVE,
        "Choosing by host, path, method, header and priority",
        "a route for each path and method",
    ),
    _row("service.upstream", _NATIVE, "Sending requests to an upstream"),
    _row(
        "service.redirect",
        _NATIVE,
        "Answering with a redirect",
        "a redirect filter",
        loses="the query string of the request is not kept",
    ),
    _row(
        "service.static",
        _NATIVE,
        "Serving files of the node",
        "new static routes need a restart of the proxy",
    ),
    _row(
        "service.maintenance",
        _NATIVE,
        "A page for everything",
        "a file of the node; new static routes need a restart of the proxy",
        loses="it is answered with 200, and other files of its folder can be asked for",
    ),
    _row(
        "service.maintenance.status",
        _IMPOSSIBLE,
        "A page with a status of its own, such as 503",
        "it has no fixed answers, and files are answered with 200",
        instead="remove the status, or send the requests to a small upstream that answers 503",
    ),
    _row(
        "service.timeouts",
        _NATIVE,
        "Time limits of one service",
        "a timeout filter; the whole request has none",
    ),
    _row(
        "service.attempts", _NATIVE, "Looking for another target", "no back-off and no conditions can be set"
    ),
    _row("service.cache", _NATIVE, "Keeping answers", "the cache's key is the path and query alone"),
    _row(
        "service.cache.hosts",
        _NATIVE,
        "Keeping answers of several hosts",
        "the cache's key has no host",
        loses="every host of the service gets the same answers",
    ),
    _row("service.shadow", _NATIVE, "Copying requests to a second upstream"),
    _row(
        "service.split",
        _NATIVE,
        "Splitting requests between upstreams",
        "one upstream with all targets and scaled weights",
        loses="health checks, timeouts, circuit breakers and load balancing of the parts; the first's hold for all",
    ),
    _row("service.websocket", _NATIVE, "Websockets"),
    _row("service.grpc", _NATIVE, "gRPC", "over TLS to the targets; plain HTTP/2 cannot be spoken"),
    _row("service.graphql", _NATIVE, "GraphQL", "as plain HTTP; queries are not looked at"),
    _row(
        "service.streaming",
        _NATIVE,
        "Streams and server-sent events",
        "long time limits, no cache, no compression",
    ),
    _row(
        "service.inference",
        _NATIVE,
        "Token limits, budgets, costs and model routing",
        "read when the proxy starts",
    ),
    _row(
        "service.rate-limit",
        _NATIVE,
        "A limit of requests for each route or path",
        "counted by each proxy for itself",
    ),
    _row(
        "rate-limit.client-ip",
        _INEFFECTIVE,
        "A limit of requests for each client",
        "all clients share one bucket, because the limit is asked before the client is known",
        instead='write by "route" or by "path", or use a rate limiting agent through a custom middleware',
    ),
    _row(
        "rate-limit.header",
        _INEFFECTIVE,
        "A limit of requests for each value of a header",
        "all requests share one bucket, because the limit is asked before the headers are known",
        instead='write by "route" or by "path", or use a rate limiting agent through a custom middleware',
    ),
)

_UPSTREAM: tuple[Feature, ...] = (
    _row(
        "upstream.load-balancing",
        _NATIVE,
        "Round robin, random, weighted, power of two choices, peak EWMA and weighted least connections",
    ),
    _row(
        "upstream.load-balancing.least-connections",
        _INEFFECTIVE,
        "Least connections",
        "the counters are never incremented, so the first healthy target is taken; it cannot be chosen",
        instead="power-of-two-choices",
    ),
    _row(
        "upstream.load-balancing.ip-hash",
        _INEFFECTIVE,
        "Hashes of the client's address, consistent hashes, Maglev and sticky sessions",
        "the choice is made without the request, so one target is taken for all; they cannot be chosen",
        instead="round-robin, and keep sessions in the application",
    ),
    _row(
        "upstream.health-check",
        _INEFFECTIVE,
        "Leaving out targets whose probes fail",
        "probes run and are logged, and their result reaches no choice of a target",
        instead="circuit-breaker, which leaves a target out after failed requests",
    ),
    _row("upstream.circuit-breaker", _NATIVE, "Leaving out targets after failed requests", "for each target"),
    _row("upstream.timeouts", _NATIVE, "Time limits of connecting, reading and writing"),
    _row("upstream.tls", _NATIVE, "TLS to targets", "trusting whom the node's own trust store trusts"),
    _row(
        "upstream.tls.trust-store",
        _INEFFECTIVE,
        "Trusting certain issuers of targets' certificates",
        "the node's own trust store is used instead; it is not written",
        instead="add the issuers to the trust store of the nodes' systems, and remove this line",
    ),
)

_MIDDLEWARE: tuple[Feature, ...] = (
    _row("middleware.rate-limit", _NATIVE, "A limit of requests for each route or path", "one for a service"),
    _row(
        "middleware.cors",
        _NATIVE,
        "Cross-origin requests from everywhere",
        "the proxy's fixed filter: any origin and header, no credentials, preflights answered for a day",
    ),
    _row(
        "middleware.cors.one-origin",
        _NATIVE,
        "Cross-origin requests from one origin",
        "fixed response headers",
        loses="the proxy does not answer preflights itself: the service has to answer OPTIONS with a 2xx status",
    ),
    _row(
        "middleware.cors.origins",
        _IMPOSSIBLE,
        "Cross-origin requests from several origins, but not all",
        "the proxy's filter allows every origin, and a fixed header can name one",
        instead='name one origin, or "*", or let the service or an agent (custom middleware) answer',
    ),
    _row("middleware.cache", _NATIVE, "Keeping answers", "as service.cache"),
    _row(
        "middleware.compression",
        _NATIVE,
        "Compressing answers",
        "types, algorithms and level are the proxy's own",
    ),
    _row("middleware.headers", _NATIVE, "Changing headers", "fixed values, no variables"),
    _row(
        "middleware.access-control",
        _IMPOSSIBLE,
        "Allowing and denying client addresses",
        "the proxy has no filter for addresses",
        instead="run the denylist or ip-reputation agent and name its socket in a custom middleware, or filter in "
        "front of the proxy",
    ),
    _row(
        "middleware.path-rewrite", _NATIVE, "Replacing a path or its prefix", "expressions are not possible"
    ),
    _row(
        "middleware.redirect",
        _NATIVE,
        "Answering with a redirect",
        "a redirect filter",
        loses="the query string of the request is not kept",
    ),
    _row("middleware.security-headers", _NATIVE, "Response headers for browsers", "a headers filter"),
    _row(
        "middleware.body-limit",
        _NATIVE,
        "A limit of request bodies",
        "one limit of the whole proxy, so every service of the environment has to carry the same",
        loses="a request beyond it is answered with 500 in place of 413",
    ),
    _row(
        "middleware.body-limit.some",
        _IMPOSSIBLE,
        "A limit of request bodies for some services",
        "the proxy has one limit for all",
        instead="give every service of the environment a body-limit of the same size, or use an agent",
    ),
    _row(
        "middleware.transform",
        _AGENT,
        "Changing bodies of requests and responses",
        "a transform agent at a socket",
    ),
    _row("middleware.custom", _AGENT, "Whatever an agent of one's own does", "an agent at a socket"),
)

_POLICIES: tuple[Feature, ...] = (
    _row("service.auth", _AGENT, "Asking who may use a service", "an agent filter on each of its routes"),
    _row(
        "service.waf", _AGENT, "Searching the requests of a service", "an agent filter on each of its routes"
    ),
    _row(
        "service.auth.unasked",
        _IMPOSSIBLE,
        "Authentication before files of the node, pages and redirects",
        "the proxy answers these before it asks an agent",
        instead="leave auth out, or send the requests to an upstream",
    ),
    _row(
        "service.waf.unasked",
        _IMPOSSIBLE,
        "A WAF before files of the node, pages and redirects",
        "the proxy answers these before it asks an agent",
        instead="leave waf out, or send the requests to an upstream",
    ),
    _row(
        "waf-policy",
        _AGENT,
        "Searching requests for attacks",
        "zentinelsec or another agent that reads SecLang, with the OWASP CRS 4 of the node, at "
        "/run/zentinel/sentinel-waf-NAME.sock",
    ),
    _row(
        "auth-policy.jwt",
        _AGENT,
        "Bearer tokens signed with a shared secret",
        "the auth agent at /run/zentinel/sentinel-auth-NAME.sock",
    ),
    _row("auth-policy.oidc", _AGENT, "Bearer tokens of an OpenID Connect or OAuth 2 provider", "as jwt"),
    _row("auth-policy.api-key", _AGENT, "API keys", "as jwt"),
    _row("auth-policy.basic", _AGENT, "User and password", "as jwt"),
    _row(
        "auth-policy.introspection",
        _IMPOSSIBLE,
        "Asking a provider about a token",
        "the auth agent cannot ask",
        instead="use oidc { issuer; jwks-url }, which checks tokens with the provider's public keys",
    ),
    _row(
        "auth-policy.mtls",
        _IMPOSSIBLE,
        "Certificates of clients",
        "its listeners ask no client for one, although its grammar has client-auth",
        instead="end TLS in front of the proxy, or use oidc or api-key",
    ),
)


def _by_name(rows: Iterable[Feature]) -> Mapping[str, Feature]:
    found: dict[str, Feature] = {}
    for row in rows:
        if row.name in found:
            raise ValueError(f"the feature '{row.name}' stands in the table twice")
        found[row.name] = row
    return MappingProxyType(found)


FEATURES: Mapping[str, Feature] = _by_name((*_SERVICE, *_UPSTREAM, *_MIDDLEWARE, *_POLICIES))
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
