"""The native parts of one environment, by the section of the proxy's configuration that they go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.compile.native.nodes import Node
from reconciler.compile.native.references import unchecked_names
from reconciler.compile.native.upstream_checks import addresses
from reconciler.compile.proxies.placing import unplaced
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds.proxy import BLOCKS
from reconciler.config.native import native_node
from reconciler.config.resources import Resource
from reconciler.config.snapshot import Rendering

Data = Mapping[str, Any]

MERGED = ("listeners", "routes", "upstreams", "filters", "agents")
"""Sections whose content is added to what the compiler writes there."""

INSTEAD = ("system", "cache")
"""Blocks that stand in place of the compiler's own, which nobody chose."""


@dataclass(frozen=True, slots=True)
class NativeParts:
    """The proxy resources of an environment, in the order of their names."""

    resources: tuple[tuple[Resource, Data], ...]

    def __bool__(self) -> bool:
        return bool(self.resources)

    def blocks(self, name: str) -> Iterator[KdlNode]:
        """All top-level blocks of a name, in the order of the resources and then as they are written."""
        for _, data in self.resources:
            yield from (native_node(name, item) for item in data.get(name, ()))

    def inside(self, name: str) -> Iterator[KdlNode]:
        """What stands in all top-level blocks of a name."""
        for block in self.blocks(name):
            yield from block.children

    def last(self, name: str) -> KdlNode | None:
        """The block of a name that counts: the proxy takes the last one."""
        return next(iter(reversed(list(self.blocks(name)))), None)

    def named_upstreams(self) -> frozenset[str]:
        """Names of the upstreams that native routes name, in whatever part of them."""
        return frozenset(name for part in self.each() for name in part.upstreams_of_routes())

    def each(self) -> Iterator[NativeParts]:
        """The parts of each resource by itself."""
        yield from (NativeParts((one,)) for one in self.resources)

    def upstreams_of_routes(self) -> Iterator[str]:
        """The upstreams that each native route names, those of namespaces too."""
        spaces = list(self.blocks("namespace"))
        spaces += [child for space in spaces for child in space.children if child.name == "service"]
        inside = (child for space in spaces for child in space.children)
        more = (route for child in inside if child.name == "routes" for route in child.children)
        for route in (*self.inside("routes"), *more):
            yield from _upstreams_of(unplaced(route))

    def upstreams(self) -> dict[str, KdlNode]:
        """The native upstreams by name."""
        return self._named("upstreams", "upstream")

    def filters(self) -> dict[str, KdlNode]:
        """The native filters by name."""
        return self._named("filters", "filter")

    def _named(self, block: str, kind: str) -> dict[str, KdlNode]:
        named = (node for node in self.inside(block) if node.name == kind and node.arguments)
        return {name: node for node in named if isinstance(name := node.arguments[0], str)}


def _upstreams_of(route: Node) -> Iterator[str]:
    upstream = route.string_of("upstream")
    if upstream is not None:
        yield upstream
    yield from (name for block, name, _, _ in unchecked_names(route) if block == "upstreams")


def targets_of(upstream: KdlNode) -> frozenset[str]:
    """The addresses of a native upstream, in whichever of its forms."""
    return frozenset(address for _, address, _ in addresses(unplaced(upstream)))


def native_parts(rendering: Rendering) -> NativeParts:
    """The native parts of an environment."""
    return NativeParts(rendering.of("proxy"))


def written_blocks(resource: Resource, environment: str) -> tuple[KdlNode, ...]:
    """The top-level blocks that hold in an environment, as the nodes of the file that they were read from."""
    assert resource.origin is not None  # noqa: S101 - resources of a snapshot have been read from a file
    own = [node for node in resource.origin.node.children if node.name in BLOCKS]
    if environment not in resource.overrides:
        return tuple(own)
    override = resource.overrides[environment]
    special = [
        node
        for block in resource.origin.node.children
        if block.name == "for" and environment in block.arguments
        for node in block.children
        if node.name in BLOCKS
    ]
    replaced = {node.name for node in special} | set(override.removed)
    return (*(node for node in own if node.name not in replaced), *special)
