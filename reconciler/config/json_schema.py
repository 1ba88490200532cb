"""JSON Schema (draft 2020-12) of the JSON form, from the same table as everything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.kinds import KINDS
from reconciler.config.native import NATIVE
from reconciler.config.resources import TEMPLATE
from reconciler.config.schema import Field, Kind, Slot
from reconciler.config.values import resource_name

SERVICE = "service"


def json_schema() -> dict[str, Any]:
    """The schema of a list of resources, as `Snapshot.to_json` gives it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Resources of a project",
        "type": "array",
        "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in KINDS]},
        "$defs": {name: _kind(kind) for name, kind in KINDS.items()},
    }


def kind_schema(kind: Kind) -> dict[str, Any]:
    """The schema of one resource of a kind."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_kind(kind)}


def _kind(kind: Kind) -> dict[str, Any]:
    fields = _properties(kind.field)
    properties: dict[str, Any] = {
        "kind": {"const": kind.name},
        "name": kind.field.arguments[0].type.json_schema(),
        **fields,
    }
    # A required field may stand in every override instead, so only a kind without overrides can insist.
    required = ["kind", "name", *([] if kind.overridable else _required(kind.field))]
    if kind.overridable:
        name = resource_name().json_schema()
        properties["only"] = {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}
        removable = [field.name for field in kind.field.children]
        inside = dict(fields)
        if kind.name == SERVICE:
            inside[TEMPLATE] = properties[TEMPLATE] = _call()
            properties["remove"] = _removed(removable, "Fields of the template that are left out.")
            removable = [*removable, TEMPLATE]
        override = {
            "type": "object",
            "properties": {**inside, "remove": _removed(removable, "Fields that are left out there.")},
            "additionalProperties": False,
        }
        properties["for"] = {"type": "object", "propertyNames": name, "additionalProperties": override}
    return _object(properties, required, kind.field.doc)


def _removed(names: list[str], doc: str) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": names}, "uniqueItems": True, "description": doc}


def _call() -> dict[str, Any]:
    """The template that a service is made from. Which parameters there are, the template says."""
    name = resource_name().json_schema()
    value = {"type": ["string", "integer", "boolean"]}
    values = {"anyOf": [value, {"type": "array", "items": value, "minItems": 1, "uniqueItems": True}]}
    given = {"type": "object", "propertyNames": name, "additionalProperties": values}
    return _object(
        {"name": name, "parameters": given}, ["name", "parameters"], "The template that it is made from."
    )


def _object(properties: Mapping[str, Any], required: list[str], doc: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": doc,
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _required(field: Field) -> list[str]:
    return [child.name for child in field.children if child.required]


def _properties(field: Field) -> dict[str, Any]:
    return {child.name: _field(child) for child in field.children}


def _slot(slot: Slot) -> dict[str, Any]:
    schema = slot.type.json_schema()
    return {**schema, "description": slot.doc} if slot.doc else schema


def _field(field: Field) -> dict[str, Any]:
    if field.is_scalar:
        schema = field.arguments[0].type.json_schema()
        return {
            **schema,
            "description": field.doc,
            **({} if field.default is None else {"default": field.default}),
        }
    if field.is_list and field.rest is not None:
        items = field.rest.type.json_schema()
        return {
            "type": "array",
            "items": items,
            "minItems": 1,
            "uniqueItems": True,
            "description": field.doc,
        }
    if field.verbatim:
        return {"type": "array", "items": NATIVE, "minItems": 1, "description": field.doc}
    slots = {slot.name: _slot(slot) for slot in (*field.arguments, *field.properties)}
    required = [slot.name for slot in (*field.arguments, *field.properties) if slot.required]
    if field.rest is not None:
        slots[field.rest.name] = {
            "type": "array",
            "items": field.rest.type.json_schema(),
            "minItems": 1,
            "uniqueItems": True,
        }
        required.append(field.rest.name)
    one = _object({**slots, **_properties(field)}, [*required, *_required(field)], field.doc)
    return {"type": "array", "items": one} if field.repeatable else one
