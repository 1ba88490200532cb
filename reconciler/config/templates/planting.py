"""Puts values into a copy of a template's nodes, and remembers for each token where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.config.kdl import EMPTY, KdlNode, KdlValue, ParsedFile
from reconciler.config.report import Mark, Planted
from reconciler.config.schema import Field
from reconciler.config.templates.placeholders import PLACEHOLDER, names_in, whole

NODES = 200_000
"""Nodes that all templates of a tree together may make: a thousand services of two hundred lines each."""
CHARACTERS = 32 * 1024 * 1024
"""Characters that placeholders in longer strings may make."""


class TooMuch(Exception):
    """The templates of a tree make more than a tree may hold."""


@dataclass(slots=True)
class Allowance:
    """What the expansions of one tree may still make."""

    nodes: int = NODES
    characters: int = CHARACTERS

    def spend(self, *, nodes: int = 0, characters: int = 0) -> None:
        """Take it off. Raises TooMuch when nothing is left."""
        self.nodes -= nodes
        self.characters -= characters
        if self.nodes < 0 or self.characters < 0:
            raise TooMuch


@dataclass(frozen=True, slots=True)
class Given:
    """The values of one parameter, and the token of each with what is told of it."""

    values: tuple[KdlValue, ...]
    places: tuple[tuple[Mark, str], ...]


@dataclass(slots=True)
class Planter:
    """Makes the nodes of one service from a template's. `file` is the template's, or None of a built-in one, whose
    tokens nobody has before them: `call` stands for them, the token that names the template.

    `planted` gathers where each node comes from. Nodes are found there by identity, so whoever keeps it keeps them.
    """

    file: ParsedFile | None
    call: Mark
    user: str
    template: str
    given: Mapping[str, Given]
    allowance: Allowance
    planted: dict[int, Planted] = field(default_factory=dict)

    def block(self, nodes: tuple[KdlNode, ...], schema: Field) -> list[KdlNode] | None:
        """The nodes of a block; None when one is left out without which the block cannot be."""
        made: list[KdlNode] = []
        left_out: set[str] = set()
        for node in nodes:
            known = schema.child.get(node.name)
            copy = self._node(node, known)
            if copy is not None:
                made.append(copy)
            elif known is not None and known.required:
                left_out.add(node.name)
        if left_out - {node.name for node in made} or (nodes and not made):
            return None
        return made

    def _node(self, node: KdlNode, schema: Field | None) -> KdlNode | None:
        """The node with its values; None when a parameter in it has none."""
        self.allowance.spend(nodes=1 + len(node.arguments))
        arguments: list[KdlValue] = []
        places: list[tuple[Mark, str]] = []
        for index, value in enumerate(node.arguments):
            found = self._value(value, self._token(node, argument=index))
            if found is None:
                return None
            arguments += found.values
            places += found.places
        properties: dict[str, KdlValue] = {}
        keyed: dict[str, tuple[Mark, str]] = {}
        for key, value in node.properties.items():
            found = self._value(value, self._token(node, key=key))
            if found is None:
                return None
            properties[key], keyed[key] = found.values[0], found.places[0]
        children: list[KdlNode] | None = []
        if node.children and schema is not None:
            children = self.block(node.children, schema)
            if children is None:
                return None
        copy = KdlNode(node.name, tuple(arguments), properties or EMPTY, tuple(children or ()))
        self.planted[id(copy)] = Planted(copy, self._token(node), tuple(places), keyed)
        return copy

    def _token(
        self, node: KdlNode, *, argument: int | None = None, key: str | None = None
    ) -> tuple[Mark, str]:
        if self.file is None:
            return self.call, f" (the template '{self.template}' has '{node.name}')"
        mark = Mark(self.file, node, argument=argument, property_key=key, property_value=key is not None)
        return mark, f" (in {self.user}, which is made from this template)"

    def _value(self, value: KdlValue, place: tuple[Mark, str]) -> Given | None:
        """The values that stand for one of the template; None when a parameter in it has none."""
        names = names_in(value)
        if not names or not isinstance(value, str):
            return Given((value,), (place,))
        if any(name not in self.given for name in names):
            return None
        name = whole(value)
        if name is not None:
            self.allowance.spend(nodes=len(self.given[name].values))
            return self.given[name]
        for name in names:
            self.allowance.spend(characters=len(_text(self.given[name].values[0])))
        self.allowance.spend(characters=len(value))
        text = PLACEHOLDER.sub(lambda match: _text(self.given[match[1]].values[0]), value)
        return Given((text,), (self.given[names[0]].places[0],))


def _text(value: KdlValue) -> str:
    """A value as a part of a longer string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
