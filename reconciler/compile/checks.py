"""Checks on what is effective in one environment, which the proxy would not make and would suffer from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.compile.listeners import Taken, address_conflicts
from reconciler.compile.objections import Objection
from reconciler.compile.policy_checks import policy_objections
from reconciler.compile.proxies.checking import native_objections
from reconciler.compile.proxies.parts import native_parts
from reconciler.compile.service_checks import service_objections
from reconciler.compile.services import MAX_ROUTES, alternatives, route_count
from reconciler.compile.tls_checks import tls_objections
from reconciler.compile.upstream_checks import upstream_objections
from reconciler.config.report import Problem
from reconciler.config.snapshot import Rendering


def rendering_objections(rendering: Rendering) -> Iterator[Objection]:
    """Everything that keeps this environment's configuration from being made, or from doing what it says."""
    native = native_parts(rendering)
    if not rendering.of("listener") and not any(True for _ in native.inside("listeners")):
        problem = Problem(
            "E-CMP-001", "there is no listener", "at least one listener", 'add: listener "public"'
        )
        yield Objection(None, (), problem)
    if not rendering.of("service") and not any(True for _ in native.blocks("routes")):
        problem = Problem("E-CMP-002", "there is no service", "at least one service", 'add: service "…"')
        yield Objection(None, (), problem)
    taken = Taken(rendering.policy)
    for resource, address, problem in address_conflicts(rendering.of("listener"), taken):
        yield Objection(resource, ("address",), problem, address)
    yield from _too_many_routes(rendering)
    yield from _ambiguous(rendering)
    yield from service_objections(rendering)
    yield from policy_objections(rendering)
    yield from upstream_objections(rendering)
    yield from native_objections(native, rendering, taken)
    yield from tls_objections(rendering)


def _too_many_routes(rendering: Rendering) -> Iterator[Objection]:
    for resource, data in rendering.of("service"):
        count = route_count(data)
        if count > MAX_ROUTES:
            problem = Problem(
                "E-CMP-004",
                f"the service '{resource.name}' becomes {count} routes: one for each path and method",
                f"at most {MAX_ROUTES}",
                "use a path-prefix or a path-regex, or leave the methods out",
            )
            yield Objection(resource, ("methods",), problem)


def _ambiguous(rendering: Rendering) -> Iterator[Objection]:
    """Two services that match the same requests at the same priority: which one is taken would be an accident."""
    owners: dict[tuple[Any, ...], str] = {}
    shared = _shared_hosts(rendering)
    for resource, data in rendering.of("service"):
        hosts = [host for host in data.get("hosts") or [None] if host in shared]
        if not hosts:
            continue
        if route_count(data) > MAX_ROUTES:
            continue
        told: set[str] = set()
        # A service that wants headers is more specific than one that does not.
        headers = tuple((one["name"].lower(), one.get("value")) for one in data.get("header", ()))
        for (kind, path), method in alternatives(data):
            for host in hosts:
                other = owners.setdefault(
                    (host, kind, path, method, headers, data["priority"]), resource.name
                )
                if other == resource.name or other in told:
                    continue
                told.add(other)
                problem = Problem(
                    "E-CMP-005",
                    f"the services '{other}' and '{resource.name}' match the same requests: "
                    f"{method + ' ' if method else ''}{kind} {path}{' of ' + host if host else ''}",
                    "different hosts, paths, methods or priorities",
                    "give the one that should win a higher priority",
                )
                where = (kind,) if kind in data else ("hosts",) if host else ()
                yield Objection(resource, where, problem, path if kind in data else host)


def _shared_hosts(rendering: Rendering) -> set[str | None]:
    """Hosts that several services are asked for; None stands for all hosts, when several services take any."""
    known: set[str | None] = set()
    shared: set[str | None] = set()
    for _, data in rendering.of("service"):
        hosts = data.get("hosts") or [None]
        shared.update(known.intersection(hosts))
        known.update(hosts)
    return shared
