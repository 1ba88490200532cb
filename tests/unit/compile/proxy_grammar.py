"""The proxy's own grammar, restated rule by rule for what the compiler emits, and a little more.

It knows nothing of the compiler: it says what is wrong with a proxy configuration, as strictly as the
proxy would have to be for nothing to be ignored silently.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reconciler.config.kdl import KdlNode, parse_kdl

ArgumentTest = Callable[[object], bool]


def text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def flag(value: object) -> bool:
    return isinstance(value, bool)


def between(low: int, high: int) -> ArgumentTest:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def one_of(*words: str) -> ArgumentTest:
    return lambda value: value in words


def socket_address(value: object) -> bool:
    host, _, port = str(value).rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return port.isdigit() and 0 < int(port) < 65536


def host_and_port(value: object) -> bool:
    host, _, port = str(value).rpartition(":")
    return bool(host) and port.isdigit()


@dataclass(frozen=True)
class Rule:
    """What a node may hold. `arguments` tests each; `more` allows any number of the last kind, at least one."""

    arguments: tuple[ArgumentTest, ...] = ()
    more: bool = False
    children: dict[str, Rule] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    repeatable: bool = False
    properties: dict[str, ArgumentTest] = field(default_factory=dict)
    any_child: Rule | None = None


def leaf(test: ArgumentTest, **more: object) -> Rule:
    return Rule(arguments=(test,), **more)  # type: ignore[arg-type]


ID = text
NUMBER = between(0, 2**31)
POSITIVE = between(1, 2**31)
SEVERAL = Rule(arguments=(text,), more=True)
HEADER_CHANGES = Rule(
    children={
        "rename": Rule(any_child=leaf(text)),
        "set": Rule(any_child=leaf(text)),
        "add": Rule(any_child=leaf(text)),
        "remove": SEVERAL,
    }
)
MATCHES = Rule(
    children={
        "path": leaf(text),
        "path-prefix": leaf(text),
        "path-regex": leaf(text),
        "host": leaf(text, repeatable=True),
        "method": leaf(one_of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")),
    }
)
ROUTE = Rule(
    arguments=(ID,),
    repeatable=True,
    children={
        "matches": MATCHES,
        "priority": leaf(lambda v: between(0, 10_000)(v) or one_of("low", "normal", "high", "critical")(v)),
        "upstream": leaf(text),
        "filters": SEVERAL,
        "builtin-handler": leaf(one_of("status", "health", "metrics", "not-found", "config", "upstreams")),
        "retry-policy": Rule(children={"max-attempts": leaf(POSITIVE)}, required=("max-attempts",)),
        "policies": Rule(children={"request-headers": HEADER_CHANGES, "response-headers": HEADER_CHANGES}),
        "websocket": leaf(flag),
    },
)
ROUTES = Rule(children={"route": ROUTE}, repeatable=True)
LISTENER = Rule(
    arguments=(ID,),
    repeatable=True,
    children={
        "address": leaf(socket_address),
        "protocol": leaf(one_of("http")),
        "namespace": leaf(text),
        "request-timeout-secs": leaf(POSITIVE),
        "keepalive-timeout-secs": leaf(POSITIVE),
    },
    required=("address",),
)
HEALTH_CHECK = Rule(
    children={
        "type": Rule(
            arguments=(one_of("http", "tcp"),),
            children={"path": leaf(text), "expected-status": leaf(text), "host": leaf(text)},
        ),
        "interval-secs": leaf(POSITIVE),
        "timeout-secs": leaf(POSITIVE),
        "healthy-threshold": leaf(POSITIVE),
        "unhealthy-threshold": leaf(POSITIVE),
    },
    required=("type",),
)
BALANCING = (
    "round_robin",
    "random",
    "weighted",
    "power_of_two_choices",
    "p2c",
    "peak_ewma",
    "weighted_least_connections",
    "adaptive",
)
UPSTREAM = Rule(
    arguments=(ID,),
    repeatable=True,
    children={
        "target": Rule(arguments=(host_and_port,), repeatable=True, properties={"weight": POSITIVE}),
        "load-balancing": leaf(one_of(*BALANCING)),
        "health-check": HEALTH_CHECK,
        "timeouts": Rule(children={name: leaf(POSITIVE) for name in ("connect", "read", "write")}),
        "circuit-breaker": Rule(
            children={
                name: leaf(POSITIVE)
                for name in (
                    "failure-threshold",
                    "success-threshold",
                    "timeout-seconds",
                    "half-open-max-requests",
                )
            }
        ),
    },
    required=("target",),
)
FILTER = Rule(
    arguments=(ID,),
    repeatable=True,
    children={
        "type": leaf(one_of("timeout", "log")),
        "connect-timeout-secs": leaf(POSITIVE),
        "upstream-timeout-secs": leaf(POSITIVE),
    },
    required=("type",),
)
DOCUMENT = Rule(
    children={
        "schema-version": leaf(one_of("1.0")),
        "system": Rule(
            children={
                "worker-threads": leaf(NUMBER),
                "graceful-shutdown-timeout-secs": leaf(NUMBER),
                "auto-reload": leaf(flag),
            }
        ),
        "listeners": Rule(children={"listener": LISTENER}, required=("listener",)),
        "upstreams": Rule(children={"upstream": UPSTREAM}),
        "filters": Rule(children={"filter": FILTER}),
        "routes": ROUTES,
        "namespace": Rule(arguments=(ID,), repeatable=True, children={"routes": ROUTES}),
        "observability": Rule(
            children={
                "metrics": Rule(
                    children={"enabled": leaf(flag), "address": leaf(socket_address), "path": leaf(text)}
                )
            }
        ),
    },
    required=("system", "listeners"),
)


def objections(config: bytes | str) -> list[str]:
    """Everything that the proxy would refuse or silently ignore in a configuration."""
    nodes, findings = parse_kdl(config, "sentinel.kdl")
    if nodes is None:
        return [str(finding) for finding in findings]
    return [*_check(KdlNode("document", children=nodes), DOCUMENT, ""), *_references(nodes)]


def _check(node: KdlNode, rule: Rule, path: str) -> Iterator[str]:
    here = f"{path}/{node.name}"
    wanted = len(rule.arguments)
    if len(node.arguments) < wanted or (len(node.arguments) > wanted and not rule.more):
        yield f"{here}: {len(node.arguments)} arguments"
    for index, value in enumerate(node.arguments):
        if rule.arguments and not rule.arguments[min(index, wanted - 1)](value):
            yield f"{here}: argument {value!r}"
    for key, value in node.properties.items():
        if key not in rule.properties or not rule.properties[key](value):
            yield f"{here}: property {key}={value!r}"
    seen: set[str] = set()
    for child in node.children:
        known = rule.any_child or rule.children.get(child.name)
        if known is None:
            yield f"{here}: unknown child {child.name!r}"
            continue
        if child.name in seen and not known.repeatable:
            yield f"{here}: {child.name!r} twice"
        seen.add(child.name)
        yield from _check(child, known, here)
    yield from (f"{here}: lacks {name}" for name in rule.required if name not in seen)


def _ids(nodes: tuple[KdlNode, ...], section: str, name: str) -> list[str]:
    return [
        str(child.arguments[0])
        for node in nodes
        if node.name == section
        for child in node.children
        if child.name == name
    ]


def _child(node: KdlNode, name: str) -> KdlNode | None:
    return next((child for child in node.children if child.name == name), None)


def _references(nodes: tuple[KdlNode, ...]) -> Iterator[str]:
    upstreams, filters = _ids(nodes, "upstreams", "upstream"), _ids(nodes, "filters", "filter")
    namespaces = [str(node.arguments[0]) for node in nodes if node.name == "namespace"]
    for ids in (
        upstreams,
        filters,
        namespaces,
        _ids(nodes, "listeners", "listener"),
        _ids(nodes, "routes", "route"),
    ):
        yield from (f"the id {one} twice" for one in sorted({i for i in ids if ids.count(i) > 1}))
        yield from (f"a colon in the id {one}" for one in ids if ":" in one)
    addresses: list[object] = []
    for node in nodes:
        for child in node.children:
            if node.name == "listeners":
                addresses += [a.arguments[0] for a in child.children if a.name == "address"]
                bound = _child(child, "namespace")
                if bound is not None and bound.arguments[0] not in namespaces:
                    yield f"listener {child.arguments[0]}: no namespace {bound.arguments[0]}"
            if node.name == "routes":
                yield from _route_references(child, upstreams, filters)
    if len(addresses) != len(set(addresses)):
        yield "an address twice"


def _route_references(route: KdlNode, upstreams: list[str], filters: list[str]) -> Iterator[str]:
    upstream, named, matches = (_child(route, name) for name in ("upstream", "filters", "matches"))
    if upstream is None and _child(route, "builtin-handler") is None:
        yield f"route {route.arguments[0]}: no upstream"
    if upstream is not None and upstream.arguments[0] not in upstreams:
        yield f"route {route.arguments[0]}: unknown upstream {upstream.arguments[0]}"
    if named is not None:
        yield from (
            f"route {route.arguments[0]}: unknown filter {n}" for n in named.arguments if n not in filters
        )
    paths = [c.name for c in matches.children if c.name.startswith("path")] if matches else []
    if matches is None or not matches.children or len(paths) > 1:
        yield f"route {route.arguments[0]}: matches nothing"
