"""Checks what a child without a block holds, as the proxy's helper functions read it."""

from __future__ import annotations

from reconciler.compile.native.nodes import Entry, Node
from reconciler.compile.native.report import Report
from reconciler.compile.native.shape import WIDTHS, Kind, Row, Words
from reconciler.config.characters import shown
from reconciler.config.kdl import KdlValue


def is_integer(value: KdlValue) -> bool:
    """Whether kdl-rs calls it an integer: 1.0 and 1e3 are none, nor are truth values."""
    return isinstance(value, int) and not isinstance(value, bool)


def _fits(kind: Kind, value: KdlValue) -> bool:
    if kind is Kind.boolean:
        return isinstance(value, bool)
    if kind in (Kind.integer, Kind.integers):
        return is_integer(value)
    if kind in (Kind.number, Kind.numbers):
        return is_integer(value) or isinstance(value, float)
    if kind in (Kind.level, Kind.share):
        return is_integer(value) or isinstance(value, str)
    return isinstance(value, str)


def described(value: KdlValue) -> str:
    """A value as a message calls it."""
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if value is None:
        return "#null"
    if isinstance(value, bool):
        return "#true" if value else "#false"
    return f"the number {value}" if is_integer(value) else f"the float {value}"


def check_value(report: Report, row: Row, node: Node, *, refuses: bool) -> bool:
    """Checks the entries of a child; gives whether the proxy takes a value from it.

    `refuses` says that the proxy refuses the configuration without this value.
    """
    if node.children and row.kind not in (Kind.headers, Kind.free):
        report.add(
            "W-NAT-012",
            node,
            f"the block of '{row.name}' is ignored",
            hint=f"'{row.name}' takes {row.kind.value}",
        )
    if row.kind in (Kind.strings, Kind.integers, Kind.numbers):
        return _check_list(report, row, node, refuses=refuses)
    entry = node.first
    if entry is None or not _fits(row.kind, entry.value):
        _wrong(report, row, node, entry, refuses=refuses)
        return False
    if len(node.entries) > 1:
        report.add(
            "W-NAT-012",
            node,
            f"of the values of '{row.name}' only the first is read",
            at=node.entries[1].at,
            hint="remove the others",
        )
    elif entry.key is not None:
        report.add(
            "W-NAT-012",
            node,
            f"the name {shown(entry.key)} is ignored; its value is taken for '{row.name}'",
            at=entry.at,
            hint="write the value alone",
        )
    if isinstance(entry.value, str) and row.words is not None:
        check_word(report, row.words, row.name, node, entry, row.default)
    elif is_integer(entry.value):
        _check_range(report, row, node, entry)
    return True


def _wrong(report: Report, row: Row, node: Node, entry: Entry | None, *, refuses: bool) -> None:
    got = "has no value" if entry is None else f"is {described(entry.value)}"
    at = node.at if entry is None else entry.value_at
    if refuses or row.positive:
        report.add("E-NAT-006", node, f"'{row.name}' {got}", at=at, expected=row.kind.value, hint=_cure(row))
        return
    result = (
        f"the proxy takes {row.default} instead" if row.default else "the proxy goes on as if it were absent"
    )
    report.add(
        "W-NAT-002", node, f"'{row.name}' {got}; {result}", at=at, expected=row.kind.value, hint=_cure(row)
    )


def _cure(row: Row) -> str:
    if row.kind is Kind.boolean:
        return "write #true or #false, without quotes"
    if row.kind is Kind.integer:
        return "write a whole number without quotes; there are no units such as 30s or 10MB"
    if row.kind is Kind.string:
        return f'put it in quotes: {row.name} "…"'
    return f"write {row.kind.value}"


def check_word(report: Report, words: Words, name: str, node: Node, entry: Entry, default: str) -> None:
    """Refuses a word the proxy refuses, and warns of one that it takes for another."""
    word = str(entry.value)
    if words.has(word):
        return
    known = (*words.accepted, *(f"{prefix}…" for prefix in words.prefixes))
    expected = "one of " + ", ".join(known) if len(known) <= 16 else "one of those in the grammar"
    hint = report.meant(word, words.accepted, f"write {known[0]}")
    if words.refused:
        report.add(
            "E-NAT-007",
            node,
            f"'{name}' is {shown(word)}, which the proxy refuses",
            at=entry.value_at,
            expected=expected,
            hint=hint,
        )
        return
    falls_to = words.falls_to or default
    report.add(
        "W-NAT-003",
        node,
        f"'{name}' is {shown(word)}, which the proxy takes for {falls_to}",
        at=entry.value_at,
        expected=expected,
        hint=hint,
    )


def _check_range(report: Report, row: Row, node: Node, entry: Entry) -> None:
    value = entry.value
    width = WIDTHS[row.width]
    if not isinstance(value, int):
        return
    if row.positive and (value == 0 or value not in width):
        report.add(
            "E-NAT-008",
            node,
            f"'{row.name}' is {value}",
            at=entry.value_at,
            expected=f"a whole number from 1 to {width.stop - 1}",
            hint="write a number in that range, or remove the line",
        )
    elif not row.positive and value not in width:
        wrapped = (value - width.start) % (width.stop - width.start) + width.start
        report.add(
            "W-NAT-004",
            node,
            f"'{row.name}' is {value}, which wraps around to {wrapped}",
            at=entry.value_at,
            expected=f"a whole number from {width.start} to {width.stop - 1}",
            hint="write a number in that range",
        )


def _check_list(report: Report, row: Row, node: Node, *, refuses: bool) -> bool:
    taken = False
    for entry in node.entries:
        if not _fits(row.kind, entry.value):
            report.add(
                "W-NAT-002",
                node,
                f"'{row.name}' holds {described(entry.value)}, which is left out",
                at=entry.value_at,
                expected=row.kind.value,
                hint=f"'{row.name}' takes {row.kind.value} alone",
            )
            continue
        taken = True
        if isinstance(entry.value, str) and row.words is not None:
            check_word(report, row.words, row.name, node, entry, row.default)
        elif is_integer(entry.value):
            _check_range(report, row, node, entry)
    if not node.entries and not node.children and not refuses:
        report.add(
            "W-NAT-002",
            node,
            f"'{row.name}' has no value",
            expected=row.kind.value,
            hint="write one, or remove it",
        )
    return taken


def check_headers(report: Report, row: Row, node: Node) -> None:
    """A block whose children are names, each with a string; others are dropped."""
    seen: set[str] = set()
    for child in node.nodes:
        if child.string is None:
            report.add(
                "W-NAT-002",
                child,
                f"{shown(child.name)} in '{row.name}' has no string and is left out",
                expected="a string",
                hint=f'write {child.name} "…"',
            )
        elif len(child.entries) > 1:
            report.add(
                "W-NAT-012",
                child,
                f"of the values of {shown(child.name)} only the first is read",
                at=child.entries[1].at,
                hint="remove the others",
            )
        if child.name in seen:
            report.add(
                "W-NAT-005",
                child,
                f"{shown(child.name)} stands in '{row.name}' twice; the last one counts",
                hint="remove one of the two",
            )
        seen.add(child.name)
    if node.entries and row.name != "model-mapping":
        report.add(
            "W-NAT-012",
            node,
            f"the values of '{row.name}' are ignored",
            at=node.entries[0].at,
            hint=f'write {row.name} {{ Name "value" }}',
        )
