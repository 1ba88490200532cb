"""Checks across blocks: what is named exists, what is named once is named once. Source: `config/src/validation.rs`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler.compile.native.match_checks import conditions
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.report import Report
from reconciler.compile.native.scopes import Configuration, Names, Scope
from reconciler.compile.native.upstream_checks import addresses
from reconciler.config.characters import shown

_PORT = re.compile(r"\+?[0-9]{1,9}")
_KIND = {"upstreams": "upstream", "filters": "filter", "agents": "agent", "routes": "route"}
_UNSERVED = ("redirect", "url-rewrite")


def check_references(report: Report, configuration: Configuration) -> None:
    """All checks of names and of what they stand for."""
    names = Names(configuration)
    root = configuration.root
    for scope in configuration:
        check_routes(report, scope, names)
        check_filters(report, scope, names)
    check_targets(report, root)
    check_unused(report, configuration)
    for namespace in configuration.namespaces:
        check_exports(report, namespace)
    check_listeners(report, configuration)


def _place(node: Node, name: str) -> tuple[Node, int]:
    child = node.child(name) or node
    return child, child.first.value_at if child.first else child.at


def _missing(
    report: Report, names: Names, scope: Scope, block: str, name: str, node: Node, at: int, *, refused: bool
) -> None:
    if names.known(block, name, scope):
        return
    kind = _KIND[block]
    candidates = names.candidates(block, scope)
    consequence = "" if refused else "; the proxy does not check this, and it fails when it is needed"
    report.add(
        "E-NAT-010" if refused else "W-NAT-007",
        node,
        f"there is no {kind} {shown(name)}{consequence}",
        at=at,
        expected=f"the name of one of the {block}",
        hint=report.meant(name, candidates, f'define {kind} "{name}"'),
    )


def check_routes(report: Report, scope: Scope, names: Names) -> None:
    """The upstreams and filters of routes; in the global scope also what a route needs to be one."""
    for route in scope.of("routes"):
        upstream = route.string_of("upstream")
        static = route.child("static-files") is not None
        if upstream is not None and not (static and not scope.path):
            node, at = _place(route, "upstream")
            _missing(report, names, scope, "upstreams", upstream, node, at, refused=True)
        filters = route.child("filters")
        for name, at in filters.strings() if filters else ():
            _missing(report, names, scope, "filters", name, filters or route, at, refused=True)
        for block, name, node, at in unchecked_names(route):
            _missing(report, names, scope, block, name, node, at, refused=False)
        _check_shape(report, route, scope, static=static)


def unchecked_names(route: Node) -> Iterator[tuple[str, str, Node, int]]:
    """The names in a route that the proxy takes without looking: (block, name, node, offset)."""

    def child(node: Node | None, name: str, block: str) -> Iterator[tuple[str, str, Node, int]]:
        found = node.child(name) if node else None
        if found is not None and found.string is not None and found.first is not None:
            yield block, found.string, found, found.first.value_at

    yield from child(route.child("shadow"), "upstream", "upstreams")
    fallback = route.child("fallback")
    for node in fallback.all("fallback-upstream") if fallback else ():
        if node.string is not None and node.first is not None:
            yield "upstreams", node.string, node, node.first.value_at
    inference = route.child("inference")
    routing = inference.child("model-routing") if inference else None
    yield from child(routing, "default-upstream", "upstreams")
    for node in routing.all("model") if routing else ():
        entry = node.property("upstream")
        if entry is not None and isinstance(entry.value, str):
            yield "upstreams", entry.value, node, entry.value_at
    guardrails = inference.child("guardrails") if inference else None
    for guard in guardrails.nodes if guardrails else ():
        yield from child(guard, "agent", "agents")


def is_low(route: Node) -> bool:
    """Whether the priority is 10, which is what "low" means; the number wraps at 32 bits."""
    priority = route.child("priority")
    if priority is None:
        return False
    if priority.integer is not None:
        return priority.integer % 2**32 == 10
    return (priority.string or "").lower() == "low"


def _check_shape(report: Report, route: Node, scope: Scope, *, static: bool) -> None:
    name = shown(route.string or "")
    if not conditions(route.child("matches")) and not is_low(route):
        code = "W-NAT-008" if scope.path else "E-NAT-011"
        report.add(
            code,
            route,
            f"the route {name} matches nothing",
            expected='a condition in matches, or priority "low"',
            hint='add matches { path-prefix "/" }, or priority "low" for a route that takes all the rest',
        )
    if static and route.string_of("upstream") is not None:
        node, at = _place(route, "upstream")
        report.add(
            "W-NAT-012" if scope.path else "E-NAT-012",
            node,
            f"the route {name} has both static-files and an upstream",
            at=at,
            expected="one of the two",
            hint="remove one of the two",
        )
    handler = route.child("builtin-handler")
    served = static or handler is not None or route.string_of("upstream") is not None
    if served or (not scope.path and _is_redirected(route, scope)):
        return
    report.add(
        "W-NAT-018",
        route,
        f"the route {name} has no upstream, static-files or builtin-handler; it answers 500",
        hint='add upstream "…"',
    )


def _is_redirected(route: Node, scope: Scope) -> bool:
    filters = scope.effective("filters")
    named = route.child("filters")
    return any(
        name in filters and filters[name].string_of("type") in _UNSERVED
        for name, _ in (named.strings() if named else ())
    )


def check_filters(report: Report, scope: Scope, names: Names) -> None:
    """Filters of type agent name an agent; in namespaces nobody looks."""
    for node in scope.effective("filters").values():
        agent = node.string_of("agent")
        if node.string_of("type") == "agent" and agent is not None:
            child, at = _place(node, "agent")
            _missing(report, names, scope, "agents", agent, child, at, refused=not scope.path)


def check_targets(report: Report, root: Scope) -> None:
    """Global targets are host:port, as loosely as the proxy takes it; only the upstreams that count are looked at."""
    for upstream in root.effective("upstreams").values():
        for node, address, at in addresses(upstream):
            host, colon, port = address.rpartition(":")
            if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
                report.add(
                    "E-NAT-013",
                    node,
                    f"the target {shown(address)} is not host:port",
                    at=at,
                    expected="host:port, with a port up to 65535",
                    hint="write it without scheme and path, and with a port",
                )
            elif "/" in host or not host:
                report.add(
                    "W-NAT-019",
                    node,
                    f"the target {shown(address)} passes the proxy's test and cannot be resolved",
                    at=at,
                    expected="host:port",
                    hint="write host and port, without a scheme",
                )


def check_unused(report: Report, configuration: Configuration) -> None:
    """Global upstreams that no route names, anywhere."""
    used: set[str] = set()
    for scope in configuration:
        for route in scope.of("routes"):
            used.add(route.string_of("upstream") or "")
            used.update(name for block, name, _, _ in unchecked_names(route) if block == "upstreams")
    for name, node in configuration.root.effective("upstreams").items():
        if name not in used:
            report.add(
                "W-NAT-018",
                node,
                f"no route uses the upstream {shown(name)}",
                hint="remove it, or name it in a route",
            )


def check_exports(report: Report, namespace: Scope) -> None:
    """Exports name what the namespace has."""
    for block, items in namespace.exports.items():
        if block not in ("upstreams", "agents", "filters"):
            continue
        names = sorted(namespace.effective(block))
        for name, at, node in items:
            if name not in names:
                report.add(
                    "E-NAT-010",
                    node,
                    f"the namespace {shown(namespace.path[-1])} has no {_KIND[block]} {shown(name)} to export",
                    at=at,
                    expected=f"one of the namespace's {block}",
                    hint=report.meant(name, names, f"define it in the namespace's {block}"),
                )


def check_listeners(report: Report, configuration: Configuration) -> None:
    """What global listeners name: a global route, and a namespace."""
    routes = sorted(configuration.root.effective("routes"))
    namespaces = sorted({scope.path[0] for scope in configuration.namespaces})
    for listener in configuration.root.listeners:
        _named(report, listener, "default-route", "route", routes)
        _named(report, listener, "namespace", "namespace", namespaces)


def _named(report: Report, node: Node, key: str, kind: str, candidates: Iterable[str]) -> None:
    name = node.string_of(key)
    known = list(candidates)
    if name is not None and name not in known:
        child, at = _place(node, key)
        report.add(
            "E-NAT-010",
            child,
            f"there is no {kind} {shown(name)}",
            at=at,
            expected=f"the name of a {kind}",
            hint=report.meant(name, known, f'define {kind} "{name}"'),
        )
