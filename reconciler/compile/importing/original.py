"""The configuration that is imported, and its nodes as they are written again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.compile.native.nodes import Entry, Node, Text
from reconciler.compile.native.scopes import Scope, read_configuration
from reconciler.compile.proxies.placing import everywhere
from reconciler.config.findings import Finding
from reconciler.config.kdl import EMPTY, KdlNode, KdlValue

READ_AS_PROPERTIES = frozenset({"type", "weight", "address", "path", "url", "upstream", "provider"})
"""Keys that the proxy reads from a node itself. Any other property in front is taken for the node's first value."""

HARMLESS = frozenset({"W-NAT-006", "W-NAT-016", "W-NAT-014", "W-NAT-018"})
"""Warnings of what does nothing, or not what it says: a translation leaves it out, or says the same."""


@dataclass(frozen=True, slots=True)
class Original:
    """A configuration that the proxy accepts, read to its end, with all that it includes."""

    nodes: tuple[Node, ...]
    root: Scope
    namespaces: tuple[Scope, ...]
    findings: tuple[Finding, ...]

    def warnings_in(self, node: Node) -> list[Finding]:
        """The findings that stand somewhere in a node."""
        places = set(everywhere((node,)))
        return [
            finding
            for finding in self.findings
            if finding.place is not None
            and finding.place.path == node.text.path
            and (finding.place.line, finding.place.column) in places
        ]

    def last(self, *names: str) -> Node | None:
        """The top-level block that counts."""
        return next((node for node in reversed(self.nodes) if node.name in names), None)


def original(nodes: tuple[Node, ...], findings: tuple[Finding, ...]) -> Original:
    """The configuration of these top-level nodes."""
    configuration = read_configuration(Node(Text("", ""), "document", 0, False, (), nodes))
    return Original(nodes, configuration.root, configuration.namespaces, findings)


def written_again(node: Node, *, without: Mapping[str, frozenset[str]] = MappingProxyType({})) -> KdlNode:
    """A node for the writer. Values come first there, so a property that the proxy takes for a value becomes one.

    `without` names children that are left out, by the name of the node around them.
    """
    arguments: list[KdlValue] = []
    properties: dict[str, KdlValue] = {}
    behind = bool(node.entries) and node.entries[0].key in READ_AS_PROPERTIES and node.name != "model"
    for index, entry in enumerate(node.entries):
        if entry.key is None and behind:
            continue  # Behind a property that it reads, the proxy reads no value; in front of it, it would.
        if entry.key is None or (index == 0 and entry.key not in READ_AS_PROPERTIES):
            arguments.append(_finite(entry))
        else:
            properties.setdefault(entry.key, _finite(entry))
    left_out = without.get(node.name, frozenset())
    children = tuple(
        written_again(child, without=without) for child in node.nodes if child.name not in left_out
    )
    return KdlNode(
        node.name, tuple(arguments), properties or EMPTY, children, node.children is not None and not children
    )


def _finite(entry: Entry) -> KdlValue:
    """The value; one that is no number any more stands for something of the wrong type all the same."""
    value = entry.value
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def scopes(configuration: Original) -> Iterator[Scope]:
    """All namespaces and the services in them."""
    for namespace in configuration.namespaces:
        yield namespace
        yield from namespace.services
