"""The schema table: fields, their values and their children. Everything else about the language comes from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler.config.report import Problem
from reconciler.config.values import Flag, Json, Reference, ValueType, resource_name

Check = Callable[[Mapping[str, Json]], "tuple[Complaint, ...]"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a resource's data as a whole, and at which field of it the finding is shown.

    `path` names nested fields; `value` picks one of several values of the last, or None.
    """

    path: tuple[str, ...]
    problem: Problem
    value: Json = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One value in a node: an argument, by its order, or a property, by its name."""

    name: str
    type: ValueType
    doc: str = ""
    default: Json = None
    required: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """One node of the language.

    `arguments` come in order; `rest` is the type of any number of further ones, at least one. `children` makes it a
    block. `repeatable` nodes may stand several times and are keyed by their first argument, or by their first `unique`
    ones together, which may not repeat; those that are `ordered` keep the order they are written in. `elsewhere` names
    the kind whose page tells of the children. `instead` gives hints for names that people try in the block and that
    cannot be had. Of `verbatim` nodes everything inside is kept as it is written; their JSON form is described in
    `native.py`.
    `default` is the JSON value that holds when the node is absent; None means there is none.
    """

    name: str
    doc: str
    example: str = ""
    arguments: tuple[Slot, ...] = ()
    rest: Slot | None = None
    properties: tuple[Slot, ...] = ()
    children: tuple[Field, ...] = ()
    required: bool = False
    repeatable: bool = False
    default: Json = None
    note: str = ""
    ordered: bool = False
    unique: int = 1
    elsewhere: str = ""
    verbatim: bool = False
    instead: Mapping[str, str] = field(default_factory=dict, compare=False)
    child: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    keyed: Mapping[str, Slot] = field(init=False, repr=False, compare=False)
    is_scalar: bool = field(init=False, repr=False, compare=False)
    """One argument and nothing else: its JSON form is the value itself."""
    is_list: bool = field(init=False, repr=False, compare=False)
    """Any number of values of one type: its JSON form is an array, sorted and without repetitions."""
    arranged: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    """The children whose items or values the canonical form puts in order."""
    demanded: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    """The required children."""
    filled: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    """The children that `complete` has something to do for: those with a default or with children of their own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "child", {child.name: child for child in self.children})
        object.__setattr__(self, "keyed", {slot.name: slot for slot in self.properties})
        if len(self.child) != len(self.children) or len(self.keyed) != len(self.properties):
            raise ValueError(f"the field '{self.name}' lists a name twice")
        alone = not (self.properties or self.children or self.repeatable)
        object.__setattr__(self, "is_scalar", alone and len(self.arguments) == 1 and self.rest is None)
        object.__setattr__(self, "is_list", alone and not self.arguments and self.rest is not None)
        filled = tuple(child for child in self.children if child.children or child.default is not None)
        object.__setattr__(self, "filled", filled)
        arranged = (c for c in self.children if (c.is_list or c.repeatable) and not c.verbatim)
        object.__setattr__(self, "arranged", tuple(arranged))
        object.__setattr__(self, "demanded", tuple(child for child in self.children if child.required))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource: a top-level node with a name.

    `check` sees a resource's data as it is effective in one environment, with defaults. `overridable` kinds take
    `for`, `remove` and `only`. `single` kinds stand exactly once in a project. Of `one_of`, where there are any, one
    field has to be there.
    """

    field: Field
    overridable: bool = True
    single: bool = False
    check: Check | None = None
    one_of: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.field.name


def kind(
    name: str,
    doc: str,
    fields: tuple[Field, ...],
    *,
    example: str,
    overridable: bool = True,
    single: bool = False,
    name_length: int = 63,
    check: Check | None = None,
    one_of: tuple[str, ...] = (),
    instead: Mapping[str, str] = MappingProxyType({}),
) -> Kind:
    """A kind whose only argument is the resource's name."""
    slot = Slot("name", resource_name(name_length), "its name, unique among resources of its kind")
    node = Field(name, doc, example, arguments=(slot,), children=fields, repeatable=True, instead=instead)
    return Kind(node, overridable, single, check, one_of)


def scalar(
    name: str,
    type: ValueType,
    doc: str,
    example: str,
    *,
    required: bool = False,
    default: Json = None,
    note: str = "",
) -> Field:
    """A node with one value: `name value`."""
    return Field(
        name, doc, example, arguments=(Slot("value", type),), required=required, default=default, note=note
    )


def flag(name: str, doc: str, example: str, *, default: bool) -> Field:
    """A node with #true or #false."""
    return scalar(name, Flag(), doc, example, default=default)


def reference(name: str, kind: str, doc: str, example: str, *, required: bool = False) -> Field:
    """A node that names a resource of another kind."""
    return scalar(name, Reference(kind), doc, example, required=required)


def values(
    name: str, type: ValueType, doc: str, example: str, *, required: bool = False, note: str = ""
) -> Field:
    """A node with one or several values of one type, whose order means nothing."""
    return Field(name, doc, example, rest=Slot("value", type), required=required, note=note)


def block(
    name: str,
    doc: str,
    children: tuple[Field, ...],
    *,
    example: str = "",
    required: bool = False,
    default: Json = None,
    note: str = "",
) -> Field:
    """A node with fields of its own."""
    return Field(name, doc, example, children=children, required=required, default=default, note=note)


def complete(schema: Field, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a block with the defaults of absent fields filled in, at every depth that is present."""
    done = dict(data)
    for child in schema.filled:
        present = done.get(child.name)
        if present is None:
            if child.default is not None:
                done[child.name] = complete(child, child.default) if child.children else child.default
        elif child.children and child.repeatable:
            done[child.name] = [complete(child, item) for item in present]
        elif child.children:
            done[child.name] = complete(child, present)
    return done
