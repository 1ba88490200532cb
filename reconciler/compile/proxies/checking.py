"""What is held against the native parts of one environment: the proxy's whole grammar, and what they collide with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from reconciler.compile.listeners import Taken
from reconciler.compile.native.checking import check_document
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.scopes import read_configuration
from reconciler.compile.objections import Objection
from reconciler.compile.proxies.collisions import Block, collisions, twice
from reconciler.compile.proxies.parts import NativeParts, written_blocks
from reconciler.compile.proxies.placing import NOWHERE, everywhere, placed, unplaced
from reconciler.compile.reserved import observability
from reconciler.compile.services import MAX_ROUTES, route_count, route_ids
from reconciler.compile.shared import used_upstreams
from reconciler.config.findings import Place, Severity
from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.report import Problem
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Rendering

TWICE = ("E-NAT-009", "W-NAT-005", "W-NAT-019")
"""What the native check says of addresses, names and settings that a collision tells of better."""


@dataclass(slots=True)
class _Owned:
    """The blocks of one proxy resource; its places are looked up only when something is wrong."""

    resource: Resource
    nodes: tuple[Node, ...]
    accepted: frozenset[str]
    _places: set[tuple[int, int]] = field(default_factory=set)

    def holds(self, place: Place) -> bool:
        if self.resource.origin is None or self.resource.origin.file.path != place.path:
            return False
        if not self._places:
            self._places.update(everywhere(self.nodes))
        return (place.line, place.column) in self._places


def native_objections(parts: NativeParts, rendering: Rendering, taken: Taken) -> Iterator[Objection]:
    """Everything about native parts that the proxy would refuse or ignore, or that collides."""
    if not parts:
        return
    environment = rendering.policy.name
    owned = [
        _Owned(
            resource,
            placed(written_blocks(resource, environment), _file(resource)),
            frozenset(data.get("accept", ())),
        )
        for resource, data in parts.resources
    ]
    blocks = tuple(Block(one.resource.name, node) for one in owned for node in one.nodes)
    native = tuple(block.node for block in blocks)
    configuration = read_configuration(Node(NOWHERE, "document", 0, False, (), native))
    told: set[Place] = set()
    for node, at, problem in collisions(blocks, configuration, rendering, taken):
        place = node.text.place(at)
        told.add(place)
        if problem.code == "E-CMP-041":
            told.update(block.node.place() for block in blocks if block.node.name == node.name)
        yield _objection(owned, place, problem)
    yield from _given_twice(blocks, owned, rendering)
    document = (*_around(parts, rendering), *(_with_metrics(node, rendering) for node in native))
    for finding in check_document(document, "").findings:
        if finding.place is None or not finding.place.path:
            continue
        if finding.place in told and finding.code in TWICE:
            continue
        problem = Problem(finding.code, finding.message, finding.expected, finding.hint)
        yield _objection(owned, finding.place, problem)


def _file(resource: Resource) -> ParsedFile:
    assert resource.origin is not None  # noqa: S101 - resources of a snapshot have been read from a file
    return resource.origin.file


def _objection(owned: list[_Owned], place: Place, problem: Problem) -> Objection:
    owner = next(one for one in owned if one.holds(place))
    if problem.code in owner.accepted:
        problem = replace(problem, severity=Severity.warning)
    return Objection(owner.resource, (), problem, place=place)


def _given_twice(blocks: tuple[Block, ...], owned: list[_Owned], rendering: Rendering) -> Iterator[Objection]:
    """Settings that other resources of the environment ask the compiler for."""
    asked = dict(_asked(rendering))
    for block in blocks:
        if block.node.name in asked:
            problem = twice(block.node.name, asked[block.node.name])
            yield _objection(owned, block.node.place(), problem)


def _asked(rendering: Rendering) -> Iterator[tuple[str, str]]:
    middlewares = {resource.name: data for resource, data in rendering.of("middleware")}
    for resource, data in rendering.of("service"):
        for item in data.get("middleware", ()):
            if "body-limit" in middlewares[item["name"]]:
                yield "limits", f"the middleware '{item['name']}' of the service '{resource.name}'"
            if any(kind in middlewares[item["name"]] for kind in ("transform", "custom")):
                yield "waf", f"the middleware '{item['name']}' of the service '{resource.name}'"
        if "waf" in data:
            yield "waf", f"the waf-policy '{data['waf']}' of the service '{resource.name}'"


def _around(parts: NativeParts, rendering: Rendering) -> Iterator[Node]:
    """What stands beside the native parts, as far as it matters for them: names, and that it is there at all."""
    if not any(True for _ in parts.blocks("system")):
        yield unplaced(KdlNode("system"))
    if rendering.of("listener"):
        # Their own addresses collide or not; to the native check they are only there.
        address = KdlNode("address", ("sentinel",))
        listener = KdlNode("listener", ("sentinel",), children=(address,))
        yield unplaced(KdlNode("listeners", children=(listener,)))
    native = parts.upstreams()
    target = (KdlNode("target", ("127.0.0.1:1",)),)
    upstreams = tuple(
        KdlNode("upstream", (resource.name,), children=target)
        for resource, _ in rendering.of("upstream")
        if resource.name not in native
    )
    yield unplaced(KdlNode("upstreams", children=upstreams, braces=True))
    yield unplaced(KdlNode("routes", children=tuple(_routes(native, rendering)), braces=True))
    if not any(True for _ in parts.blocks("observability")):
        yield unplaced(observability(rendering.policy.admin_port + 1))


def _routes(native: Collection[str], rendering: Rendering) -> Iterator[KdlNode]:
    """The routes of services, which listeners may name, and those that use native upstreams."""
    matches = KdlNode("matches", children=(KdlNode("path", ("/",)),))
    for resource, data in rendering.of("service"):
        for route in route_ids(resource.name, min(route_count(data), MAX_ROUTES)):
            yield KdlNode("route", (route,), children=(matches, KdlNode("builtin-handler", ("status",))))
    used = sorted(used_upstreams(data for _, data in rendering.of("service")) & set(native))
    for number, name in enumerate(used):
        yield KdlNode("route", (f"sentinel-{number}",), children=(matches, KdlNode("upstream", (name,))))


def _with_metrics(node: Node, rendering: Rendering) -> Node:
    """The block as it will be emitted: with the control plane's metrics."""
    if node.name != "observability" or node.child("metrics") is not None:
        return node
    metrics = unplaced(observability(rendering.policy.admin_port + 1)).nodes
    return replace(node, children=(*node.nodes, *metrics))
