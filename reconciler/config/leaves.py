"""The single values of a resource's data, each with the field it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.native import native_values
from reconciler.config.resources import Resource
from reconciler.config.schema import Field


@dataclass(frozen=True, slots=True)
class Leaf:
    """`field` names the nodes from the top of the resource down, `path` the value too when it is one of several."""

    field: tuple[str, ...]
    path: tuple[str, ...]
    value: Any


def leaves(schema: Field, data: Mapping[str, Any], field: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every single value, in the order of the schema."""
    for child in schema.children:
        if child.name not in data:
            continue
        here, value = (*field, child.name), data[child.name]
        if child.verbatim:
            for item in value:
                yield from (Leaf((*field, *path), here, one) for path, one in native_values(child.name, item))
            continue
        if child.is_scalar:
            yield Leaf(here, here, value)
        elif child.is_list:
            yield from (Leaf(here, here, item) for item in value)
        else:
            for item in value if isinstance(value, list) else [value]:
                yield from _slots(child, item, here)
                yield from leaves(child, item, here)


def _slots(field: Field, item: Mapping[str, Any], here: tuple[str, ...]) -> Iterator[Leaf]:
    for slot in (*field.arguments, *field.properties):
        if item.get(slot.name) is not None:
            yield Leaf(here, (*here, slot.name), item[slot.name])
    if field.rest is not None:
        yield from (Leaf(here, (*here, field.rest.name), value) for value in item.get(field.rest.name, ()))


def paths(schema: Field, field: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path that values of the schema, or blocks of it, can have."""
    for child in schema.children:
        here = (*field, child.name)
        yield here
        if not (child.is_scalar or child.is_list):
            slots = (*child.arguments, *child.properties, *((child.rest,) if child.rest else ()))
            yield from ((*here, slot.name) for slot in slots)
            yield from paths(child, here)


def variants(
    resource: Resource, environments: Iterable[str]
) -> list[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """The data of a resource as it is effective, each with the environments it is effective in.

    Resources that are the same everywhere have one, with no environments.
    """
    if not resource.kind.overridable:
        return [(resource.effective(""), ())]
    found: dict[int, tuple[Mapping[str, Any], list[str]]] = {}
    for environment in environments:
        if resource.is_in(environment):
            data = resource.effective(environment)
            found.setdefault(id(data), (data, []))[1].append(environment)
    return [(data, tuple(names)) for data, names in found.values()]
