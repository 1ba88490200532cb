"""Resources: one configured thing, with what is different in some environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.report import Mark
from reconciler.config.schema import Kind, complete

TEMPLATE = "template"
"""The kind, and the node by which a service names one."""


@dataclass(frozen=True, slots=True)
class Override:
    """What holds in one environment instead: fields that replace those of the same name, and fields left out."""

    data: Mapping[str, Any]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """What a service gives to a template: the values of each parameter that it names."""

    template: str
    values: Mapping[str, tuple[Any, ...]]
    many: frozenset[str] = frozenset()
    """Names of the parameters that take several values; their JSON form is a list, however many there are."""
    mark: Mark | None = field(default=None, compare=False, repr=False)
    """The token that names the template."""

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        given = {name: list(found) if name in self.many else found[0] for name, found in self.values.items()}
        return {"name": self.template, "parameters": given}


@dataclass(frozen=True, slots=True)
class Written:
    """A resource made from a template as a person wrote it: calls by environment, "" being the resource itself.

    `data` and `overrides` hold what stands beside the calls, `removed` the fields that are left out of the template's.
    """

    calls: Mapping[str, Call]
    data: Mapping[str, Any]
    overrides: Mapping[str, Override]
    removed: tuple[str, ...] = ()

    def call(self, environment: str) -> Call | None:
        """The call that holds in an environment."""
        override = self.overrides.get(environment)
        if environment in self.calls or (override is not None and TEMPLATE in override.removed):
            return self.calls.get(environment)
        return self.calls.get("")


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a resource was read, and which of its fields stand there at all, readable or not.

    `present` holds names by environment; the key "" is the resource itself. It is empty when nothing is lacking.
    """

    file: ParsedFile
    at: KdlNode | int
    """The node, or which of the file's nodes it is: to look for it would parse the file."""
    present: Mapping[str, frozenset[str]]
    broken: bool

    @property
    def node(self) -> KdlNode:
        return self.file.nodes[self.at] if isinstance(self.at, int) else self.at


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `data` is its JSON form without overrides; `only` names environments, or is None for all.

    Of a resource made from a template both hold what comes out, and `written` what a person wrote.
    """

    kind: Kind
    name: str
    data: Mapping[str, Any]
    overrides: Mapping[str, Override] = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    origin: Origin | None = field(default=None, compare=False, repr=False)
    written: Written | None = None
    _effective: dict[str, Mapping[str, Any]] = field(default_factory=dict, compare=False, repr=False)
    texts: dict[str, dict[str, bytes]] = field(default_factory=dict, compare=False, repr=False)
    """What was written of it, by environment as its data and by what it is a part of. Whoever writes keeps it here."""
    named: list[tuple[tuple[str, str], ...]] = field(default_factory=list, compare=False, repr=False)
    """Kinds and names of what it refers to where nothing is special, once somebody has looked."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind.name, self.name)

    def is_in(self, environment: str) -> bool:
        """Whether the resource exists in that environment."""
        return self.only is None or environment in self.only

    def effective(self, environment: str) -> Mapping[str, Any]:
        """The data that holds in that environment, with defaults.

        Environments without an override get the very same object, so that work on it can be shared by identity.
        """
        which = environment if environment in self.overrides else ""
        if which not in self._effective:
            data = dict(self.data)
            if which:
                override = self.overrides[which]
                for name in override.removed:
                    data.pop(name, None)
                data.update(override.data)
            self._effective[which] = complete(self.kind.field, data)
        return self._effective[which]

    def texts_of(self, data: Mapping[str, Any]) -> dict[str, bytes] | None:
        """What was written of its data in an environment; None when these are not its own data, but made of them."""
        for environment, own in self._effective.items():
            if own is data:
                return self.texts.setdefault(environment, {})
        return None

    def lacks(self, environment: str) -> list[str]:
        """Names of required fields that stand nowhere for that environment."""
        if self.origin is None or not self.origin.present:
            return []
        present = self.origin.present[""]
        if environment in self.overrides:
            present = (present - set(self.overrides[environment].removed)) | self.origin.present[environment]
        lacking = [f.name for f in self.kind.field.demanded if f.name not in present]
        if self.kind.one_of and present.isdisjoint(self.kind.one_of):
            lacking.append(self.kind.one_of[0])
        return lacking

    def to_json(self) -> dict[str, Any]:
        """The JSON form as it is written: kind, name, fields, and below "for" and "only" what is special in some
        environments. A template is named by "template", with its parameters."""
        written = self.written or Written({}, self.data, self.overrides)
        form: dict[str, Any] = {"kind": self.kind.name, "name": self.name}
        form |= _side(written.calls.get(""), written.data, written.removed)
        if self.only is not None:
            form["only"] = list(self.only)
        if written.overrides:
            form["for"] = {
                environment: _side(written.calls.get(environment), override.data, override.removed)
                for environment, override in sorted(written.overrides.items())
            }
        return form

    def mark(
        self, path: Iterable[str] = (), *, environment: str | None = None, value: Any = None
    ) -> Mark | None:
        """The token at which a finding about a field is shown; the resource's name when the field is not there.

        `environment` prefers what its `for` block says. `value` picks one value of the last field.
        """
        if self.origin is None:
            return None
        path = tuple(path)
        for scope in self._scopes(environment):
            # Of several blocks of one name the one that holds the value is meant, whichever comes first.
            found = _find(scope, path, value, exactly=True) or _find(scope, path, value)
            if found is not None:
                node, argument = found
                if isinstance(argument, str):
                    return Mark(self.origin.file, node, property_key=argument, property_value=True)
                return Mark(self.origin.file, node, argument=argument)
        return Mark(self.origin.file, self.origin.node, argument=0 if self.origin.node.arguments else None)

    def _scopes(self, environment: str | None) -> list[tuple[KdlNode, ...]]:
        assert self.origin is not None  # noqa: S101 - the caller looked
        scopes = []
        if environment in self.overrides:
            scopes = [
                node.children
                for node in self.origin.node.children
                if node.name == "for" and environment in node.arguments
            ]
        return [*scopes, self.origin.node.children]


def _side(call: Call | None, data: Mapping[str, Any], removed: tuple[str, ...]) -> dict[str, Any]:
    return {
        **({TEMPLATE: call.to_json()} if call is not None else {}),
        **data,
        **({"remove": list(removed)} if removed else {}),
    }


def _find(
    nodes: tuple[KdlNode, ...], path: tuple[str, ...], value: Any, *, exactly: bool = False
) -> tuple[KdlNode, int | str | None] | None:
    """The node at a path, and which of its values is meant: an argument's index, a property's key, or none.

    `exactly`: only a node that holds the value, which is then not None.
    """
    if not path:
        return None
    named = [node for node in nodes if node.name == path[0]]
    for node in named:
        if len(path) > 1:
            deeper = _find(node.children, path[1:], value, exactly=exactly)
            if deeper is not None:
                return deeper
        elif value is not None and value in node.arguments:
            return node, node.arguments.index(value)
        elif value is not None and value in node.properties.values():
            return node, next(key for key, held in node.properties.items() if held == value)
    if exactly:
        return None
    if not named or len(path) > 1:
        return (named[0], None) if named else None
    return named[0], (0 if named[0].arguments and value is not None else None)
