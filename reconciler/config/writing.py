"""Resources back into the language: canonical nodes from data, by the same schema that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.config.kdl import KdlNode
from reconciler.config.native import native_node
from reconciler.config.overrides import FOR, ONLY, REMOVE
from reconciler.config.resources import TEMPLATE, Call, Resource, Written
from reconciler.config.schema import Field
from reconciler.config.snapshot import Snapshot
from reconciler.config.write import write_document


def write_snapshot(snapshot: Snapshot) -> str:
    """All resources as one canonical document, which reads back as an equal snapshot."""
    return write_resources(snapshot.resources.values())


def write_resources(resources: Iterable[Resource]) -> str:
    """Resources as canonical text, one after the other, with an empty line between."""
    return "\n".join(write_document([resource_node(resource)]) for resource in resources)


def resource_node(resource: Resource) -> KdlNode:
    """One resource as a node: the template it is made from, its fields in the order of the schema, then overrides,
    then `only`."""
    schema = resource.kind.field
    written = resource.written or Written({}, resource.data, resource.overrides)
    children = _side(schema, written.calls.get(""), written.data, written.removed)
    for environment, override in sorted(written.overrides.items()):
        inner = _side(schema, written.calls.get(environment), override.data, override.removed)
        children.append(KdlNode(FOR, (environment,), children=tuple(inner)))
    if resource.only is not None:
        children.append(KdlNode(ONLY.name, tuple(resource.only)))
    return KdlNode(resource.kind.name, (resource.name,), children=tuple(children))


def _side(
    schema: Field, call: Call | None, data: Mapping[str, Any], removed: tuple[str, ...]
) -> list[KdlNode]:
    nodes = []
    if call is not None:
        given = tuple(KdlNode(name, values) for name, values in sorted(call.values.items()))
        nodes.append(KdlNode(TEMPLATE, (call.template,), children=given))
    nodes.extend(field_nodes(schema, data))
    if removed:
        nodes.append(KdlNode(REMOVE, tuple(removed)))
    return nodes


def field_nodes(schema: Field, data: Mapping[str, Any]) -> Iterable[KdlNode]:
    """The nodes of a block's fields, in the order of the schema."""
    for field in schema.children:
        if field.name not in data:
            continue
        value = data[field.name]
        if field.verbatim:
            yield from (native_node(field.name, item) for item in value)
            continue
        if field.repeatable:
            yield from (_node(field, item) for item in value)
        else:
            yield _node(field, value)


def _node(field: Field, value: Any) -> KdlNode:
    if field.is_scalar:
        return KdlNode(field.name, (value,))
    if field.is_list:
        return KdlNode(field.name, tuple(value))
    arguments = tuple(value[slot.name] for slot in field.arguments if slot.name in value)
    if field.rest is not None:
        arguments += tuple(value[field.rest.name])
    properties = {
        slot.name: value[slot.name]
        for slot in field.properties
        if slot.name in value and value[slot.name] != slot.default
    }
    return KdlNode(field.name, arguments, properties, tuple(field_nodes(field, value)))
