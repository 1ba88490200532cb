"""Reads nodes by the schema into JSON-shaped data, noting every mistake and going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.native import native_item
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.schema import Field, Slot
from reconciler.config.suggest import did_you_mean
from reconciler.config.values import Json, described


class Reader:
    """Reads one file's nodes into data; what it cannot read is left out of the data and noted in the report."""

    __slots__ = ("file", "report")

    def __init__(self, file: ParsedFile, report: Report) -> None:
        self.file = file
        self.report = report

    def complain(self, node: KdlNode, problem: Problem, *, argument: int | None = None) -> None:
        """Note a mistake at a node's name or at one of its arguments."""
        self.report.add(Mark(self.file, node, argument=argument), problem)

    def slot(self, node: KdlNode, slot: Slot, index: int) -> Json:
        """The canonical form of one argument, or None after noting what is wrong with it."""
        result = slot.type.read(node.arguments[index])
        if result.__class__ is Problem:
            self.complain(node, result, argument=index)
            return None
        return result

    def fields(
        self, schema: Field, nodes: Iterable[KdlNode], *, parent: KdlNode | None, require: bool = True
    ) -> dict[str, Any]:
        """The data of a block. `parent` is where a missing field is reported, or None for the top of a file.

        With `require` off, missing fields are not looked for.
        """
        data: dict[str, Any] = {}
        seen: dict[str, KdlNode] = {}
        taken: dict[str, set[Any]] = {}
        known = schema.child
        for node in nodes:
            field = known.get(node.name)
            if field is None:
                if self.report.full(self.file):
                    continue
                self.complain(node, unknown(node.name, schema, known))
                continue
            if field.verbatim:
                seen[node.name] = node
                data.setdefault(node.name, []).append(native_item(node, self.file))
            elif field.repeatable:
                seen[node.name] = node
                self._append(field, node, data, taken.setdefault(node.name, set()))
            elif field.is_list:
                seen[node.name] = node
                self.extend(field, node, data, taken.setdefault(node.name, set()))
            elif node.name in seen:
                self.complain(
                    node,
                    Problem(
                        "E-KND-004",
                        f"'{node.name}' stands here twice",
                        "it once",
                        "remove one of the two" + (", or merge the blocks" if field.children else ""),
                    ),
                )
            else:
                seen[node.name] = node
                value = self.node(field, node)
                if value is not None:
                    data[node.name] = value
        for field in schema.arranged:
            if field.name in data:
                data[field.name] = in_order(field, data[field.name])
        for field in schema.demanded if require else ():
            if field.name not in seen:
                self.report.add(Mark(self.file, parent) if parent else None, missing(schema, field))
        return data

    def extend(self, field: Field, node: KdlNode, data: dict[str, Any], taken: set[Any]) -> None:
        """Add the values of one node of a list to those that are in `data` already. `taken` holds the same ones."""
        values = self.node(field, node)
        if values is None:
            return
        known = data.setdefault(field.name, [])
        for index, value in enumerate(values):
            if value is None:
                continue
            if value in taken:
                self.complain(node, repeated(value, field), argument=index)
            else:
                taken.add(value)
                known.append(value)

    def _append(self, field: Field, node: KdlNode, data: dict[str, Any], taken: set[Any]) -> None:
        value = self.node(field, node)
        if value is None:
            return
        known = data.setdefault(field.name, [])
        key = tuple(value.get(slot.name) for slot in field.arguments[: field.unique])
        if key and None not in key:
            if key in taken:
                self.complain(node, repeated(key[-1], field), argument=len(key) - 1)
                return
            taken.add(key)
        known.append(value)

    def node(self, field: Field, node: KdlNode) -> Json:
        """The data of one node: a value, a list, or an object; None when nothing of it could be read."""
        if field.is_scalar and len(node.arguments) == 1 and not (node.properties or node.children):
            return self.slot(node, field.arguments[0], 0)
        self.superfluous(field, node)
        if field.is_scalar:
            return self.arguments(field, node).get(field.arguments[0].name)
        if field.is_list:
            return self._rest(field, node)
        data = self.arguments(field, node)
        if field.rest is not None:
            data[field.rest.name] = sorted({v for v in self._rest(field, node) if v is not None}, key=order)
        for slot in field.properties:
            value = self._property(slot, node)
            if value is not None:
                data[slot.name] = value
        if field.children:
            data.update(self.fields(field, node.children, parent=node))
            if not node.children and not field.arguments:
                self.complain(
                    node,
                    Problem(
                        "E-KND-008", f"'{node.name}' is empty", "fields in { }", "remove it, or fill it in"
                    ),
                )
        return data

    def arguments(self, field: Field, node: KdlNode) -> dict[str, Any]:
        """The named arguments of a node that could be read."""
        data: dict[str, Any] = {}
        for index, slot in enumerate(field.arguments):
            if index >= len(node.arguments):
                if slot.required:
                    self.complain(node, no_value(node, slot))
                break
            value = self.slot(node, slot, index)
            if value is not None:
                data[slot.name] = value
        return data

    def _rest(self, field: Field, node: KdlNode) -> list[Json]:
        slot = field.rest
        assert slot is not None  # noqa: S101 - the caller looked
        first = len(field.arguments)
        if len(node.arguments) <= first:
            self.complain(node, no_value(node, slot))
        return [self.slot(node, slot, index) for index in range(first, len(node.arguments))]

    def _property(self, slot: Slot, node: KdlNode) -> Json:
        if slot.name not in node.properties:
            if slot.required and slot.default is None:
                hint = f"add {slot.name}=…"
                self.complain(
                    node,
                    Problem("E-KND-005", f"'{node.name}' lacks '{slot.name}='", slot.type.expected, hint),
                )
            return slot.default
        result = slot.type.read(node.properties[slot.name])
        if result.__class__ is Problem:
            self.report.add(Mark(self.file, node, property_key=slot.name, property_value=True), result)
            return None
        return result

    def superfluous(self, field: Field, node: KdlNode) -> None:
        """Note what stands in a node although its schema has no place for it."""
        if field.rest is None and len(node.arguments) > len(field.arguments):
            wanted = len(field.arguments)
            expected = {0: "no value", 1: "one value"}.get(wanted, f"{wanted} values")
            extra = node.arguments[wanted]
            hint = "put it into { }" if field.children and not wanted else "remove it"
            if field.is_scalar:
                hint = "remove it; this field takes one value"
            self.complain(
                node,
                Problem(
                    "E-KND-006", f"{described(extra)} is one value too many for '{node.name}'", expected, hint
                ),
                argument=wanted,
            )
        for key in node.properties:
            if key not in field.keyed:
                self.report.add(Mark(self.file, node, property_key=key), _unknown_property(key, field))
        if node.children and not field.children:
            self.complain(
                node.children[0],
                Problem(
                    "E-KND-007",
                    f"{shown(node.children[0].name)} stands inside '{node.name}', which has no fields",
                    "a line without { }",
                    f"remove the block, or move it out of '{node.name}'",
                ),
            )


def order(value: Json) -> tuple[str, Any]:
    """Sorts values of one list: numbers among themselves, then strings by code point."""
    return (type(value).__name__, value)


def in_order(field: Field, items: list[Any]) -> list[Any]:
    """A list as the canonical form has it: values sorted, objects sorted by their key."""
    if field.is_list:
        return sorted(items, key=order)
    if field.ordered or not field.arguments:
        return items
    key = field.arguments[0].name
    return sorted(items, key=lambda item: order(item.get(key)))


def unknown(name: str, schema: Field, known: Mapping[str, Any]) -> Problem:
    """A node that the schema does not know."""
    return Problem(
        "E-KND-002",
        f"'{schema.name}' has no field {shown(name)}",
        f"a field of '{schema.name}'",
        schema.instead.get(name) or did_you_mean(name, known) or f"run: sentinelctl explain {schema.name}",
    )


def missing(schema: Field, field: Field) -> Problem:
    """A required field that is not there."""
    return Problem(
        "E-KND-003",
        f"'{schema.name}' lacks '{field.name}'",
        field.arguments[0].type.expected if field.is_scalar else f"'{field.name}' in this block",
        f"add: {(field.example or field.name).splitlines()[0].removesuffix(' {')}",
    )


def no_value(node: KdlNode, slot: Slot) -> Problem:
    """A node without the value it needs."""
    return Problem(
        "E-KND-005", f"'{node.name}' lacks its {slot.name}", slot.type.expected, "write it behind the name"
    )


def repeated(value: Json, field: Field) -> Problem:
    """A value or key that stands in one list twice."""
    return Problem(
        "E-VAL-008",
        f"{described(value)} stands twice in '{field.name}'",
        "each once",
        "remove one of the two",
    )


def _unknown_property(key: str, field: Field) -> Problem:
    if key in field.child:
        hint = f"write it as a field: {field.name} {{ {key} … }}"
    elif field.keyed:
        hint = did_you_mean(key, field.keyed)
    else:
        hint = "remove it"
    expected = " and ".join(f"{name}=" for name in field.keyed) or "no properties"
    return Problem(
        "E-KND-009",
        f"'{field.name}' has no property {shown(key)}",
        expected,
        hint or f"there are: {expected}",
    )
