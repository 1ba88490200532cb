"""How dangerous a difference is: a table of rules over what changed, never over text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from reconciler.compile.diff.changes import Difference
from reconciler.compile.risk_rules import (
    certificates,
    exposure,
    guards,
    listeners,
    routes,
    secrets,
    sizes,
    upstreams,
)

Hit = tuple[str, tuple[str, ...]]
"""Why a rule holds, in a sentence, and the names of the routes concerned."""


class Level(IntEnum):
    """How dangerous, rising."""

    low = 0
    medium = 1
    high = 2
    critical = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `meaning` says when it holds and why that matters; `find` gives each time that it does."""

    id: str
    level: Level
    meaning: str
    find: Callable[[Difference], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Reason:
    """One time that a rule holds. `routes` are the routes concerned, as the proxy names them."""

    rule: str
    level: Level
    reason: str
    routes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "rule": self.rule,
            "level": self.level.name,
            "reason": self.reason,
            "routes": list(self.routes),
        }


@dataclass(frozen=True, slots=True)
class Risk:
    """The level of the worst reason, low without any, and all reasons, the worst first."""

    level: Level
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"level": self.level.name, "reasons": [reason.to_json() for reason in self.reasons]}


RULES: tuple[Rule, ...] = (
    Rule(
        "listener-removed",
        Level.critical,
        "A listener is gone: whoever connects there is refused.",
        listeners.removed,
    ),
    Rule(
        "tls-removed",
        Level.critical,
        "A listener or an upstream that spoke TLS speaks plain text, or an upstream's certificate is not checked "
        "any more.",
        listeners.tls_removed,
    ),
    Rule(
        "auth-removed",
        Level.critical,
        "A route that asked who is calling asks less, or nobody any more.",
        guards.auth_removed,
    ),
    Rule("waf-removed", Level.critical, "A route is no longer behind a WAF.", guards.waf_removed),
    Rule(
        "upstream-emptied",
        Level.critical,
        "An upstream that routes use has no target left, or is gone.",
        upstreams.emptied,
    ),
    Rule(
        "auth-weakened",
        Level.high,
        "An auth filter or agent lets requests pass when it fails, hears of fewer events, asks for less, or is "
        "content with a further method.",
        guards.auth_weakened,
    ),
    Rule(
        "waf-weakened",
        Level.high,
        "A WAF lets requests pass when it fails, only detects, sees less of them, has rules off, a lower paranoia "
        "level, a higher score that blocks, or more exclusions.",
        guards.waf_weakened,
    ),
    Rule(
        "guard-changed",
        Level.medium,
        "The file of an agent, or the agent behind a guard, is another: what it lets pass may differ.",
        guards.changed,
    ),
    Rule(
        "unguarded-route-added",
        Level.medium,
        "A new route without auth leads to an upstream that other routes guard with auth.",
        guards.unguarded,
    ),
    Rule("rate-limit-removed", Level.high, "A route has fewer rate limits.", guards.limit_removed),
    Rule(
        "rate-limit-raised",
        Level.medium,
        "A rate limit lets more requests pass, or logs those above it without stopping them.",
        sizes.rate_raised,
    ),
    Rule(
        "limits-raised",
        Level.medium,
        "Requests may be larger, or have more headers.",
        sizes.limits_raised,
    ),
    Rule("limits-cut", Level.medium, "Requests that were allowed may now be too large.", sizes.limits_cut),
    Rule(
        "route-removed",
        Level.high,
        "A route is gone: what only it matched is answered by another route, or with 404.",
        routes.removed,
    ),
    Rule("host-removed", Level.high, "A route no longer answers for a host.", routes.host_removed),
    Rule(
        "match-changed",
        Level.medium,
        "A route matches other paths, methods, headers or query parameters.",
        routes.match_changed,
    ),
    Rule(
        "catch-all-added",
        Level.high,
        "A route that matches every request of every host is new: it may take what others answered.",
        routes.catch_all,
    ),
    Rule(
        "priority-changed",
        Level.medium,
        "A route's priority is another: of several routes that match, another may win.",
        routes.priority,
    ),
    Rule(
        "destination-changed",
        Level.medium,
        "A route sends its requests elsewhere: to another upstream, built-in handler or folder.",
        routes.destination,
    ),
    Rule(
        "many-routes-changed",
        Level.high,
        "More than 20 % of the routes that were there are changed or gone, and at least three.",
        routes.many,
    ),
    Rule(
        "targets-replaced",
        Level.high,
        "Of an upstream's targets none stays.",
        upstreams.replaced,
    ),
    Rule(
        "targets-halved",
        Level.medium,
        "Half or more of an upstream's targets are gone.",
        upstreams.halved,
    ),
    Rule(
        "balancing-changed",
        Level.low,
        "An upstream chooses its targets by another rule or other weights.",
        upstreams.balancing,
    ),
    Rule(
        "breaker-loosened",
        Level.medium,
        "An upstream's circuit breaker opens later than before.",
        upstreams.breaker,
    ),
    Rule(
        "timeouts-cut",
        Level.medium,
        "A timeout is shorter: requests that were answered may fail.",
        sizes.timeouts_cut,
    ),
    Rule(
        "retries-raised",
        Level.low,
        "A route tries more often: a failing upstream gets more requests, and what is not idempotent may happen "
        "twice.",
        routes.retries,
    ),
    Rule(
        "tls-changed",
        Level.high,
        "Certificate, key or another part of TLS of a listener or an upstream is different.",
        listeners.tls_changed,
    ),
    Rule(
        "certificate-names-lost",
        Level.high,
        "A certificate in use is not for a name that the one before it was for: clients that ask for it refuse.",
        certificates.names_lost,
    ),
    Rule(
        "certificate-issuer-changed",
        Level.medium,
        "A certificate in use comes from another issuer: clients that trust the former one alone refuse it.",
        certificates.issuer_changed,
    ),
    Rule(
        "certificate-ends-earlier",
        Level.medium,
        "A certificate in use ends before the one that it replaces: an old one may have come back.",
        certificates.ends_earlier,
    ),
    Rule(
        "certificate-renewed",
        Level.low,
        "A certificate in use has another chain or another key.",
        certificates.renewed,
    ),
    Rule(
        "secret-went-back",
        Level.medium,
        "A secret has an older version than before: a value that was replaced, perhaps because it leaked, holds again.",
        secrets.went_back,
    ),
    Rule(
        "secret-rotated",
        Level.low,
        "A secret has a new value: who still uses the old one is refused.",
        secrets.rotated,
    ),
    Rule(
        "listener-changed",
        Level.high,
        "A listener's address, protocol or namespace is another.",
        listeners.changed,
    ),
    Rule("listener-added", Level.medium, "There is a new way in.", listeners.added),
    Rule(
        "cors-opened",
        Level.high,
        "A route answers every origin: the proxy's CORS filter knows no list of origins.",
        routes.cors,
    ),
    Rule(
        "security-header-removed",
        Level.medium,
        "Answers of a route lose a header that protects browsers, such as Strict-Transport-Security.",
        routes.security_headers,
    ),
    Rule(
        "cache-enabled",
        Level.medium,
        "A route's answers are cached by their path alone: two hosts with the same path share them.",
        routes.cache,
    ),
    Rule(
        "restart-needed",
        Level.medium,
        "The proxy reads this only when it starts: connections are cut.",
        listeners.restart,
    ),
    Rule(
        "header-let-through",
        Level.high,
        "A header that was taken out of requests, or set by the proxy, can be sent by clients now: whoever trusts it "
        "is fooled.",
        exposure.headers_let_through,
    ),
    Rule(
        "trust-changed",
        Level.high,
        "A trust store has other issuers: other certificates are believed.",
        exposure.trust,
    ),
    Rule(
        "plugin-changed",
        Level.medium,
        "Code that runs with the proxy is new or another.",
        exposure.plugins,
    ),
    Rule(
        "shadow-added",
        Level.medium,
        "Requests, with what they carry, are copied to an upstream that did not get them.",
        exposure.shadowed,
    ),
    Rule(
        "spending-raised",
        Level.medium,
        "Calls to a language model may cost more, or their budget is gone or not enforced.",
        exposure.spending,
    ),
    Rule(
        "websocket-enabled",
        Level.low,
        "A route behind a WAF takes websockets, whose messages the WAF does not see.",
        exposure.websocket,
    ),
    Rule(
        "environment-removed",
        Level.critical,
        "The environment does not exist any more.",
        listeners.environment_removed,
    ),
)
"""Every rule. Ids are stable: reports and policies name them."""


def assess(difference: Difference) -> Risk:
    """How dangerous it is to bring an environment from one side of the difference to the other.

    An environment in which nothing ran before is of low risk: nothing can be lost.
    """
    if difference.before is None:
        return Risk(Level.low, ())
    reasons = sorted(_reasons(difference), key=lambda r: (-r.level, r.rule, r.reason))
    return Risk(max((reason.level for reason in reasons), default=Level.low), tuple(reasons))


def _reasons(difference: Difference) -> Iterator[Reason]:
    for rule in RULES:
        for reason, names in rule.find(difference):
            yield Reason(rule.id, rule.level, reason, tuple(sorted(set(names))))


def render_risk() -> str:
    """The page of the rules, `docs/risk.md`."""
    rows = "\n".join(
        f"| `{rule.id}` | {rule.level.name} | {rule.meaning} |"
        for rule in sorted(RULES, key=lambda r: (-r.level, r.id))
    )
    return (
        "# Risk\n\n"
        "How dangerous a change is to an environment, judged by what the proxy would do differently and never by the\n"
        "text of the configuration. The level of a change is that of the worst rule that holds, and low when none\n"
        "does. What comes to an environment in which nothing ran before is of low risk.\n\n"
        "`sentinelctl diff` tells the risk between two trees, `sentinelctl promote --dry-run` that of a promotion.\n"
        "Each commit that compiles is judged for every environment against the bundle that completed there last; so\n"
        "is what is wished for, or ahead of it, whenever that is another one. The pages of a commit and of an\n"
        "environment show it, the matrix marks what is medium or worse, and the JSON view is `/commits/<sha>/risk`.\n"
        "A bundle that cannot be read or compared makes the risk *unknown*. Risk is told to people, and decides\n"
        "nothing.\n\n"
        "Each reason names its rule, says why in a sentence, and lists the routes concerned as the proxy names them:\n"
        "a service that becomes several routes has them numbered, as in `catalogue.2`.\n\n"
        "This page is generated from `reconciler/compile/risk.py`.\n\n"
        f"| rule | level | when, and why it matters |\n|---|---|---|\n{rows}\n"
    )
