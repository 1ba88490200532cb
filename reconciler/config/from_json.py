"""The JSON form of a resource back into a node of the language, as it would be written.

The schema says what is a value, a property and a block. What it does not know is written as it looks, so that the
reader finds it, names it and says what was meant: nothing is judged here but what has no form in the language at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlNode, KdlValue
from reconciler.config.native import native_node
from reconciler.config.overrides import FOR, ONLY, REMOVE
from reconciler.config.resources import TEMPLATE
from reconciler.config.schema import Field, Kind

DEEPEST = 32


class NoForm(ValueError):
    """The document has no form in the language. The text says what and where, and repeats no value."""


def node_of(kind: Kind, name: str, document: Mapping[str, Any]) -> KdlNode:
    """The node of a resource of that kind and name. Raises `NoForm`.

    `kind` and `name` may stand in the document, and have to be these.
    """
    for key, wanted in (("kind", kind.name), ("name", name)):
        if document.get(key, wanted) != wanted:
            raise NoForm(f"'{key}' is not {shown(wanted)}")
    fields = {key: value for key, value in document.items() if key not in ("kind", "name")}
    special = {key: fields.pop(key) for key in (FOR, ONLY.name) if kind.overridable and key in fields}
    children = [*_side(kind, fields, kind.name)]
    for environment, override in sorted(_object(special.get(FOR, {}), FOR).items()):
        inner = tuple(_side(kind, _object(override, f"{FOR}.{environment}"), f"{FOR}.{environment}"))
        children.append(KdlNode(FOR, (environment,), children=inner))
    if ONLY.name in special:
        children.append(KdlNode(ONLY.name, _values(special[ONLY.name], ONLY.name)))
    return KdlNode(kind.name, (name,), children=tuple(children), braces=not children)


def _side(kind: Kind, fields: Mapping[str, Any], where: str) -> Iterator[KdlNode]:
    fields = dict(fields)
    if TEMPLATE in fields and TEMPLATE not in kind.field.child:
        yield _call(fields.pop(TEMPLATE))
    removed = fields.pop(REMOVE, None) if kind.overridable and REMOVE not in kind.field.child else None
    yield from _fields(kind.field, fields, where, 1)
    if removed is not None:
        yield KdlNode(REMOVE, _values(removed, f"{where}.{REMOVE}"))


def _call(value: Any) -> KdlNode:
    call = _object(value, TEMPLATE)
    given = _object(call.get("parameters", {}), f"{TEMPLATE}.parameters")
    children = tuple(
        KdlNode(name, _values(found if isinstance(found, list) else [found], f"{TEMPLATE}.parameters.{name}"))
        for name, found in sorted(given.items())
    )
    for key in call.keys() - {"name", "parameters"}:
        raise NoForm(f"'{TEMPLATE}' has no field {shown(key)}")
    return KdlNode(TEMPLATE, _values([call["name"]] if "name" in call else [], TEMPLATE), children=children)


def _fields(schema: Field | None, fields: Mapping[str, Any], where: str, depth: int) -> Iterator[KdlNode]:
    if depth > DEEPEST:
        raise NoForm(f"{where[:80]} is nested too deeply")
    known = list(schema.child) if schema is not None else []
    order = {name: index for index, name in enumerate(known)}
    for name, value in sorted(fields.items(), key=lambda one: (order.get(one[0], len(order)), one[0])):
        field = schema.child.get(name) if schema is not None else None
        yield from _field(field, name, value, f"{where}.{name}", depth)


def _field(field: Field | None, name: str, value: Any, where: str, depth: int) -> Iterator[KdlNode]:
    if field is not None and field.verbatim:
        for item in _list(value, where):
            yield _native(name, item, where, depth)
        return
    if isinstance(value, list) and (field is None or not field.is_list):
        if field is None and not any(isinstance(item, (dict, list)) for item in value):
            yield KdlNode(name, _values(value, where))
            return
        for item in value:
            yield _one(field, name, item, where, depth)
        return
    if field is not None and field.is_list:
        yield KdlNode(name, _values(value if isinstance(value, list) else [value], where))
        return
    yield _one(field, name, value, where, depth)


def _one(field: Field | None, name: str, value: Any, where: str, depth: int) -> KdlNode:
    if not isinstance(value, dict):
        return KdlNode(name, _values([value], where))
    rest = dict(value)
    arguments: list[KdlValue] = []
    properties: dict[str, KdlValue] = {}
    if field is not None:
        for slot in field.arguments:
            if slot.name not in rest:
                # A later value may not move to the place of one that is missing.
                break
            arguments += _values([rest.pop(slot.name)], f"{where}.{slot.name}")
        if field.rest is not None and field.rest.name in rest:
            arguments += _values(_list(rest.pop(field.rest.name), where), f"{where}.{field.rest.name}")
        for slot in field.properties:
            if slot.name in rest:
                [given] = _values([rest.pop(slot.name)], f"{where}.{slot.name}")
                if given != slot.default or given.__class__ is not slot.default.__class__:
                    properties[slot.name] = given
    children = tuple(_fields(field, rest, where, depth + 1))
    return KdlNode(name, tuple(arguments), properties, children)


def _native(name: str, item: Any, where: str, depth: int) -> KdlNode:
    _check_native(item, where, depth)
    return native_node(name, item)


def _check_native(item: Any, where: str, depth: int) -> None:
    if depth > DEEPEST:
        raise NoForm(f"{where[:80]} is nested too deeply")
    item = _object(item, where)
    _values(item.get("arguments", []), where)
    _values(list(_object(item.get("properties", {}), where).values()), where)
    for key in item.keys() - {"name", "arguments", "properties", "children"}:
        raise NoForm(f"{where[:80]} has a key {shown(key)} that no node has")
    for child in _list(item.get("children", []), where):
        if not isinstance(_object(child, where).get("name"), str):
            raise NoForm(f"a child of {where[:80]} has no name")
        _check_native(child, f"{where}.{child['name']}", depth + 1)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NoForm(f"{where[:80]} is no object")
    return value


def _list(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise NoForm(f"{where[:80]} is no list")
    return value


def _values(value: Any, where: str) -> tuple[KdlValue, ...]:
    for item in _list(value, where):
        if isinstance(item, float) and (item != item or item in (float("inf"), float("-inf"))):
            raise NoForm(f"{where[:80]} is no finite number")
        if not (item is None or isinstance(item, (str, int, float))):
            raise NoForm(f"{where[:80]} is an object or a list where a value has to be")
    return tuple(value)
