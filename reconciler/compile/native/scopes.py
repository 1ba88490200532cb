"""What a configuration holds, and what a name stands for in each part of it.

Source: the proxy's `config/src/validation.rs`, `ValidationContext`: service → namespace → global → exported; a name
with a colon is compared with all full names as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.compile.native.nodes import Node

KINDS: Mapping[str, str] = {
    "upstreams": "upstream",
    "filters": "filter",
    "agents": "agent",
    "routes": "route",
}
"""The block of each kind of resource, and the node that defines one."""


@dataclass(slots=True)
class Scope:
    """The resources of one part: the global one, a namespace, or a service.

    `path` is empty, (namespace,) or (namespace, service). `blocks` holds, by kind, the definitions of each block in
    the order in which the proxy reads them; those of a block that another one replaces are left out.
    """

    path: tuple[str, ...]
    node: Node | None
    blocks: dict[str, list[list[Node]]] = field(default_factory=dict)
    listeners: list[Node] = field(default_factory=list)
    services: list[Scope] = field(default_factory=list)
    exports: dict[str, list[tuple[str, int, Node]]] = field(default_factory=dict)

    def of(self, block: str) -> Iterator[Node]:
        """All definitions of a kind that have a name, in order."""
        for nodes in self.blocks.get(block, []):
            yield from nodes

    def effective(self, block: str) -> dict[str, Node]:
        """By name; of several with one name the last, which is the one that counts for upstreams and filters."""
        return {node.string: node for node in self.of(block) if node.string is not None}


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole configuration: the global scope, and the namespaces in order."""

    root: Scope
    namespaces: tuple[Scope, ...]

    def __iter__(self) -> Iterator[Scope]:
        yield self.root
        for namespace in self.namespaces:
            yield namespace
            yield from namespace.services


def read_configuration(document: Node) -> Configuration:
    """The resources of a document. Blocks at the top are merged; in a namespace or service the last one counts."""
    root = Scope((), None)
    _fill(root, document.nodes, merged=True)
    namespaces: list[Scope] = []
    for node in document.all("namespace"):
        namespace = _inner(node, ())
        for service in node.all("service"):
            namespace.services.append(_inner(service, namespace.path))
        exports = node.all("exports")
        for child in exports[-1].nodes if exports else ():
            namespace.exports[child.name] = [
                (entry.value, entry.value_at, child)
                for entry in child.entries
                if entry.key is None and isinstance(entry.value, str)
            ]
        namespaces.append(namespace)
    return Configuration(root, tuple(namespaces))


def _inner(node: Node, above: tuple[str, ...]) -> Scope:
    scope = Scope((*above, node.string or ""), node)
    _fill(scope, node.nodes, merged=False)
    return scope


def _fill(scope: Scope, nodes: tuple[Node, ...], *, merged: bool) -> None:
    for block, kind in KINDS.items():
        found = [
            [child for child in node.all(kind) if child.string is not None]
            for node in nodes
            if node.name == block
        ]
        scope.blocks[block] = found if merged else found[-1:]
    for node in nodes:
        if node.name == "listeners":
            if not merged:
                scope.listeners.clear()
            scope.listeners.extend(node.all("listener"))
        elif node.name == "listener" and len(scope.path) == 2:
            scope.listeners[:] = [node]


class Names:
    """Answers whether a name stands for something."""

    __slots__ = ("_candidates", "_everything", "_exported", "_scopes")

    def __init__(self, configuration: Configuration) -> None:
        self._scopes: dict[tuple[tuple[str, ...], str], set[str]] = {}
        self._exported: dict[str, set[str]] = {block: set() for block in KINDS}
        self._everything: set[str] = set()
        self._candidates: dict[tuple[tuple[str, ...], str], set[str]] = {}
        for scope in configuration:
            for block in KINDS:
                names = set(scope.effective(block))
                self._scopes.setdefault((scope.path, block), set()).update(names)
                self._everything.update(":".join((*scope.path, name)) for name in names)
                exported = {name for name, _, _ in scope.exports.get(block, [])}
                self._exported[block] |= names & exported

    def known(self, block: str, name: str, scope: Scope) -> bool:
        """Whether the proxy's validator finds the name from this scope. The global scope sees itself alone."""
        if not scope.path:
            return name in self._scopes[((), block)]
        if ":" in name:
            return name in self._everything
        return name in self.candidates(block, scope)

    def candidates(self, block: str, scope: Scope) -> set[str]:
        """Every name of this kind that can be used from this scope."""
        key = (scope.path, block)
        if key not in self._candidates:
            found: set[str] = set() if not scope.path else set(self._exported[block])
            for length in range(len(scope.path), -1, -1):
                found |= self._scopes.get((scope.path[:length], block), set())
            self._candidates[key] = found
        return self._candidates[key]
