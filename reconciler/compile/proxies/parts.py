"""The native parts of one environment, by the section of the proxy's configuration that they go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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

    def upstreams(self) -> dict[str, KdlNode]:
        """The native upstreams by name."""
        return {
            node.arguments[0]: node
            for node in self.inside("upstreams")
            if node.name == "upstream" and node.arguments and isinstance(node.arguments[0], str)
        }

    def filters(self) -> dict[str, KdlNode]:
        """The native filters by name."""
        return {
            node.arguments[0]: node
            for node in self.inside("filters")
            if node.name == "filter" and node.arguments and isinstance(node.arguments[0], str)
        }


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
