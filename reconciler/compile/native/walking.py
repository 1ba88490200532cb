"""Walks a configuration along the table: what is unknown, missing, repeated, of the wrong type, or of no use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.compile.native.grammar.filters import FILTER_TYPES, UNTYPED
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.report import Report
from reconciler.compile.native.scalars import check_headers, check_value
from reconciler.compile.native.shape import Block, Effect, Kind, Repeat, Row, Unknown
from reconciler.config.characters import shown

Check = Callable[["Walk", Node], None]


class Walk:
    """One walk. `checks` are those that the table cannot express, by the names of blocks."""

    __slots__ = ("checks", "report")

    def __init__(self, report: Report, checks: Mapping[str, Check]) -> None:
        self.report = report
        self.checks = checks

    def block(self, node: Node, block: Block) -> None:
        """A block and all below it."""
        self.entries(node, block)
        self.children(node, block)
        check = self.checks.get(block.name)
        if check is not None:
            check(self, node)

    def entries(self, node: Node, block: Block) -> None:
        """The node's own arguments and properties."""
        if block.identified and node.string is None:
            self.report.add(
                "E-NAT-006",
                node,
                f"'{node.name}' has no name",
                expected="a string behind it",
                hint=f'write {node.name} "…" {{ … }}',
            )
        allowed = block.arguments
        for index, entry in enumerate(node.entries):
            if index == 0 and allowed and entry.key not in block.properties:
                allowed -= 1
            elif entry.key in block.properties:
                continue
            elif entry.key is None and allowed:
                allowed -= 1
            else:
                what = f"the property {shown(entry.key)}" if entry.key is not None else "a value"
                self.report.add(
                    "W-NAT-012",
                    node,
                    f"{what} of '{node.name}' is ignored",
                    at=entry.at,
                    hint="almost everything is a child in the block, not a property",
                )

    def children(self, node: Node, block: Block) -> None:
        """The node's children."""
        present: dict[str, list[Node]] = {}
        for child in node.nodes:
            row = block.row(child.name)
            if row is None or (block.as_written and child.quoted):
                self.unknown(child, block, as_written=row is not None)
            else:
                present.setdefault(child.name, []).append(child)
        for row in block.rows:
            nodes = present.get(row.name, [])
            self.repeats(row, nodes)
            read = nodes[:1] if row.repeat is Repeat.first else nodes
            taken = [self.child(row, child) for child in read]
            if row.required and not any(taken) and (not read or row.kind in _LISTS):
                self.missing(row, node, block)

    def unknown(self, child: Node, block: Block, *, as_written: bool) -> None:
        names = [row.name for row in block.rows]
        where = "at the top level" if block.name == "document" else f"in '{block.name}'"
        hint = block.elsewhere.get(child.name) or self.report.meant(
            child.name, names, "remove it" if names else "it has no options"
        )
        if as_written:
            self.report.add(
                "E-NAT-005",
                child,
                f"the name '{child.name}' is in quotes, and {where} the proxy compares it with them",
                expected=child.name,
                hint="remove the quotes",
            )
        elif block.unknown is Unknown.refused:
            code = "E-NAT-003" if block.name == "document" else "E-NAT-005"
            expected = "one of " + ", ".join(names)
            message = f"there is no {shown(child.name)} {where}"
            self.report.add(code, child, message, expected=expected, hint=hint)
        else:
            fate = block.unknown.value
            self.report.add(
                "W-NAT-001", child, f"there is no {shown(child.name)} {where}; it is {fate}", hint=hint
            )

    def repeats(self, row: Row, nodes: list[Node]) -> None:
        if row.repeat is Repeat.all or len(nodes) < 2:
            return
        ignored = nodes[1:] if row.repeat is Repeat.first else nodes[:-1]
        for node in ignored:
            self.report.add(
                "W-NAT-005",
                node,
                f"'{row.name}' stands here {len(nodes)} times; the {row.repeat.value} one counts, not this one",
                hint="merge them into one",
            )

    def child(self, row: Row, node: Node) -> bool:
        """Checks one child; whether the proxy takes something from it."""
        self.effect(row, node)
        if row.kind is Kind.block and row.block is not None:
            block = row.block
            if block is UNTYPED:
                block = FILTER_TYPES.get(node.string_of("type") or "", UNTYPED)
            self.block(node, block)
            return True
        if row.kind is Kind.headers:
            check_headers(self.report, row, node)
            return True
        if row.kind in _SCALARS:
            return check_value(self.report, row, node, refuses=row.required)
        return True

    def effect(self, row: Row, node: Node) -> None:
        note = f": {row.note}" if row.note else ""
        if row.effect is Effect.inert:
            self.report.add(
                "W-NAT-006",
                node,
                f"'{row.name}' is read and never used{note}",
                hint="remove it; it changes nothing",
            )
        elif row.effect is Effect.ineffective:
            self.report.add(
                "W-NAT-016",
                node,
                f"'{row.name}' does not do what it says{note or ' in this version of the proxy'}",
                hint="do not rely on it",
            )
        elif row.effect is Effect.deprecated:
            self.report.add("W-NAT-017", node, f"'{row.name}' is deprecated", hint=row.note)

    def missing(self, row: Row, node: Node, block: Block) -> None:
        self.report.add(
            "E-NAT-006",
            node,
            f"'{block.name}' has no '{row.name}'",
            expected=row.kind.value,
            hint=f'add {row.name} "…"' if row.kind in (Kind.string, Kind.strings) else f"add {row.name}",
        )


_LISTS = frozenset({Kind.strings, Kind.integers, Kind.numbers})
_SCALARS = frozenset(set(Kind) - {Kind.block, Kind.headers, Kind.free, Kind.pair})
