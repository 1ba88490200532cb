"""Checks on services and middlewares that need more than one resource, or the table of what the proxy can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from reconciler.compile.objections import Objection
from reconciler.compile.proxies.parts import native_parts
from reconciler.compile.resolving import Resolver, applied_of, apply
from reconciler.compile.services import conditions
from reconciler.compile.support import support_problem
from reconciler.config.characters import shown
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds.middleware import BLOCKS, complaints, type_of
from reconciler.config.kinds.service import DESTINATIONS
from reconciler.config.report import Problem
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Rendering
from reconciler.config.suggest import did_you_mean

Data = Mapping[str, Any]

ONCE = ("rate-limit", "cache", "redirect", "cors", "compression", "path-rewrite", "body-limit", "timeouts")
"""Types of which a service can have one: of two the proxy honours one, or both would act on the same thing."""

_FEATURED = frozenset({"redirect", "maintenance", "split", "rate-limit", "cache"})
"""What the table may have something to say about, when it stands in a service."""

UNCHANGING = ("cache", "compression")
"""Types that hold answers back or change them, which streams do not survive."""


def service_objections(rendering: Rendering) -> Iterator[Objection]:
    """Everything about services and middlewares that the proxy would refuse, ignore or do in another way."""
    version = rendering.policy.proxy_version
    middlewares = {resource.name: data for resource, data in rendering.of("middleware")}
    # Of a native upstream only whether it speaks TLS matters here.
    native = native_parts(rendering)
    upstreams: dict[str, Data] = {
        name: {child.name: {} for child in node.children if child.name == "tls"}
        for name, node in native.upstreams().items()
    }
    upstreams.update((resource.name, data) for resource, data in rendering.of("upstream"))
    for resource, data in rendering.of("middleware"):
        kind = type_of(data)
        for feature, path in _features_of_middleware(kind, data[kind]):
            yield from _support(resource, (kind, *path), feature, version)
        if kind == "native" and data[kind]["filter"] not in native.filters():
            problem = _no_filter(data[kind]["filter"], native.filters())
            yield Objection(resource, ("native", "filter"), problem, data[kind]["filter"])
    # Most services have next to nothing that is looked at here, and there are thousands of them.
    for resource, data in rendering.of("service"):
        if not _FEATURED.isdisjoint(data):
            for feature, path in _features_of_service(data):
                yield from _support(resource, path, feature, version)
        if "upstream" not in data:
            yield from _destined(resource, data, middlewares, native.filters())
        if data["protocol"] == "grpc" or "split" in data:
            yield from _tls(resource, data, upstreams)
        if "middleware" in data:
            yield from _overrides(resource, data, middlewares, version)
            yield from _types(resource, data, middlewares)
    services = Resolver().services(rendering)
    for resource, data in services:
        if "redirect" in data or "applied" in data:
            yield from _prefixes(resource, data)
    yield from _body_limits(services, version)
    yield from _shared_answers(services)


def _support(resource: Resource, path: tuple[str, ...], feature: str, version: str) -> Iterator[Objection]:
    problem = support_problem(feature, version)
    if problem is not None:
        yield Objection(resource, path, problem)


def _destined(
    resource: Resource, data: Data, middlewares: Mapping[str, Data], native: Mapping[str, KdlNode]
) -> Iterator[Objection]:
    """A service without a destination of its own needs a middleware that redirects."""
    if any(name in data for name in DESTINATIONS):
        return
    for item in data.get("middleware", ()):
        middleware = middlewares[item["name"]]
        named = native.get(middleware.get("native", {}).get("filter", ""))
        kinds = [child.arguments for child in named.children if child.name == "type"] if named else []
        if "redirect" in middleware or ("redirect",) in kinds:
            return
    problem = Problem(
        "E-CMP-044",
        f"nothing says what becomes of a request to the service '{resource.name}'",
        "an upstream, a split, a redirect, static or maintenance, or a middleware that redirects",
        'add: upstream "…"',
    )
    yield Objection(resource, (), problem)


def _no_filter(name: str, known: Collection[str]) -> Problem:
    return Problem(
        "E-CMP-043",
        f"no proxy resource has a filter {shown(name)}",
        "a filter of a proxy resource of this environment",
        did_you_mean(name, known) or "add it to the filters of a proxy resource",
    )


def _features_of_service(data: Data) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(feature, field) of whatever the table may have something to say about."""
    for name in ("redirect", "maintenance", "split"):
        if name in data:
            yield f"service.{name}", (name,)
    if data.get("maintenance", {}).get("status", 200) != 200:
        yield "service.maintenance.status", ("maintenance", "status")
    if "rate-limit" in data:
        yield from _features_of_limit(data["rate-limit"], ("rate-limit",))
    hosts = data.get("hosts", ())
    if "cache" in data and (len(hosts) != 1 or hosts[0].startswith("*")):
        yield "service.cache.hosts", ("cache",)


def _features_of_limit(data: Data, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if data["by"] in ("client-ip", "header"):
        yield f"rate-limit.{data['by']}", (*path, "by")


def _features_of_middleware(kind: str, data: Data) -> Iterator[tuple[str, tuple[str, ...]]]:
    if kind == "cors" and "*" not in data["origins"]:
        yield (
            ("middleware.cors.one-origin" if len(data["origins"]) == 1 else "middleware.cors.origins"),
            ("origins",),
        )
    elif kind == "rate-limit":
        yield from _features_of_limit(data, ())
    else:
        yield f"middleware.{kind}", ()


def _overrides(
    resource: Resource, data: Data, middlewares: Mapping[str, Data], version: str
) -> Iterator[Objection]:
    """What a service changes of a middleware has to be of its type, and sound together with the rest of it."""
    for item in data.get("middleware", ()):
        changed = [name for name in item if name in BLOCKS]
        middleware = middlewares[item["name"]]
        kind = type_of(middleware)
        if not changed:
            continue
        applied = apply(item["name"], middleware, item, resource.name)
        if applied is None:
            other = next(name for name in changed if name != kind)
            problem = Problem(
                "E-CMP-007",
                f"the middleware '{item['name']}' is of type {kind}, and the changes are for {other}",
                f"a block {kind}",
                f"write the changes in {kind} {{ }}, or name another middleware",
            )
            yield Objection(resource, ("middleware", other), problem)
            continue
        # The first of several complaints is enough where the same field may be changed for several middlewares.
        for complaint in complaints(kind, applied.data, ("middleware", kind)):
            yield Objection(resource, complaint.path, complaint.problem, complaint.value)
        told = {feature for feature, _ in _features_of_middleware(kind, middleware[kind])}
        for feature, path in _features_of_middleware(kind, applied.data):
            if feature not in told:
                yield from _support(resource, ("middleware", kind, *path), feature, version)


def _types(resource: Resource, data: Data, middlewares: Mapping[str, Data]) -> Iterator[Objection]:
    """Types that a service can have once, and types that its protocol does not survive."""
    owners = {name: f"its own {name}" for name in ONCE if name in data}
    for item in data.get("middleware", ()):
        name = item["name"]
        kind = type_of(middlewares[name])
        if kind in owners:
            problem = Problem(
                "E-CMP-008",
                f"the middleware '{name}' is a second {kind}, beside {owners[kind]}",
                f"one {kind} for a service",
                "remove one of the two",
            )
            yield Objection(resource, ("middleware",), problem, name)
        elif kind in ONCE:
            owners[kind] = f"the middleware '{name}'"
        if kind in UNCHANGING and data["protocol"] in ("grpc", "streaming"):
            problem = Problem(
                "E-CMP-010",
                f"the middleware '{name}' is of type {kind}, which answers of {data['protocol']} do not survive",
                f"no {kind}",
                "remove the middleware here, or the protocol",
            )
            yield Objection(resource, ("middleware",), problem, name)


def _prefixes(resource: Resource, data: Data) -> Iterator[Objection]:
    """The proxy replaces the prefix that matched, so there has to be one."""
    others = sorted({kind for kind, _ in conditions(data)} - {"path-prefix"})
    if not others:
        return
    own = [(("redirect", "prefix"), data["redirect"], None)] if "redirect" in data else []
    named = [
        (("middleware",), one.data, one.name)
        for one in data.get("applied", ())
        if one.type in ("redirect", "path-rewrite")
    ]
    for path, block, name in (*own, *named):
        if "prefix" in block:
            problem = Problem(
                "E-CMP-010",
                f"{f'the middleware {name!r}' if name else 'the redirect'} replaces the prefix of a path, and the "
                f"service matches by {' and '.join(others)}",
                "path-prefix alone",
                "match by path-prefix, or replace the whole path",
            )
            yield Objection(resource, path, problem, name or block["prefix"])


def _tls(resource: Resource, data: Data, upstreams: Mapping[str, Data]) -> Iterator[Objection]:
    parts = [part["name"] for part in data.get("split", ()) if part["weight"]]
    if data["protocol"] == "grpc":
        for name in [data["upstream"]] if "upstream" in data else parts:
            if "tls" not in upstreams[name]:
                problem = Problem(
                    "E-CMP-011",
                    f"gRPC goes to the upstream '{name}', which has no tls: the proxy speaks HTTP/2 only over TLS",
                    "an upstream with tls",
                    "add a tls block to the upstream, and serve TLS there",
                )
                field = "upstream" if "upstream" in data else "split"
                yield Objection(resource, (field,), problem, name)
    for name in parts[1:]:
        if upstreams[name].get("tls") != upstreams[parts[0]].get("tls"):
            problem = Problem(
                "E-CMP-012",
                f"the upstreams '{parts[0]}' and '{name}' differ in tls, and a split has one setting for all targets",
                "the same tls",
                "make them equal, or split in front of the proxy",
            )
            yield Objection(resource, ("split",), problem, name)


def _body_limits(services: tuple[tuple[Resource, Data], ...], version: str) -> Iterator[Objection]:
    """The proxy has one limit for all."""
    if not any("applied" in data for _, data in services):
        return
    found = {resource.name: applied_of(data, "body-limit") for resource, data in services}
    sizes = {limit["size"] for limit in found.values() if limit is not None}
    if not sizes or (len(sizes) == 1 and None not in found.values()):
        return
    for resource, data in services:
        named = [one.name for one in data.get("applied", ()) if one.type == "body-limit"]
        problem = support_problem("middleware.body-limit.some", version)
        if named and problem is not None:
            yield Objection(resource, ("middleware",), problem, named[0])


def _shared_answers(services: tuple[tuple[Resource, Data], ...]) -> Iterator[Objection]:
    """Answers of two hosts must not be mistaken for each other: the cache's key has no host."""
    keeping = [
        (resource, data)
        for resource, data in services
        if ("cache" in data or "applied" in data) and applied_of(data, "cache") is not None
    ]
    for index, other in sorted(_mistakable([data for _, data in keeping]).items()):
        resource, data = keeping[index]
        problem = Problem(
            "E-CMP-009",
            f"the services '{keeping[other][0].name}' and '{resource.name}' keep answers of the same paths for "
            "different hosts, and the proxy's cache does not tell hosts apart",
            "paths of their own",
            "give one of the two no cache, or both paths of their own",
        )
        named = next((one.name for one in data.get("applied", ()) if one.type == "cache"), None)
        own = "cache" in data
        yield Objection(resource, ("cache" if own else "middleware",), problem, None if own else named)


def _mistakable(services: list[Data]) -> dict[int, int]:
    """Index of a service → index of an earlier one with other hosts that may be asked for the same path.

    Shorter paths are noted first, so that a path has to look at those above it only. Of all that are noted at one
    place, two with different hosts are enough: one of them differs from whoever comes. Expressions may stand for any
    path.
    """
    hosts = [tuple(data.get("hosts", ())) for data in services]
    noted: dict[tuple[str, str], list[int]] = {}
    found: dict[int, int] = {}

    def look(index: int, key: tuple[str, str]) -> None:
        for other in noted.get(key, ()):
            if hosts[other] != hosts[index]:
                found.setdefault(max(index, other), min(index, other))

    def note(index: int, key: tuple[str, str]) -> None:
        owners = noted.setdefault(key, [])
        if len(owners) < 2 and all(hosts[owner] != hosts[index] for owner in owners):
            owners.append(index)

    asked = [(kind, path, index) for index, data in enumerate(services) for kind, path in conditions(data)]
    for kind, path, index in sorted(asked, key=lambda one: (len(one[1]), one)):
        if kind == "path-regex":
            note(index, ("any", "regex"))
        else:
            look(index, ("path", path))
            look(index, ("path", path.rstrip("/")))
            for above in _above(path):
                look(index, ("path-prefix", above))
            note(index, (kind, path.rstrip("/") if kind == "path-prefix" else path))
    for _, _, index in asked:
        look(index, ("any", "regex"))
    return found


def _above(path: str) -> Iterator[str]:
    """The prefixes that cover a path, without a slash at their end; the empty one covers everything."""
    yield ""
    yield from (path[:at] for at, character in enumerate(path) if character == "/" and at)
    yield path.rstrip("/")
