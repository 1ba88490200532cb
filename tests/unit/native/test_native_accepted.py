"""Complete configurations that the real proxy loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.compile.native.checking import check_native
from reconciler.compile.native.grammar.document import DOCUMENT
from reconciler.compile.native.grammar.filters import FILTER_TYPES, UNTYPED
from reconciler.compile.native.grammar.upstreams import CHECK_TYPES, STICKY
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.reading import read_document
from reconciler.compile.native.shape import Block

FOLDER = Path(__file__).parent / "accepted"
FILES = sorted(FOLDER.glob("*.kdl"))


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in FILES])
def test_a_whole_configuration_is_accepted(file: Path) -> None:
    assert [str(f) for f in check_native(file.read_bytes(), file.name) if f.is_error] == []


@pytest.mark.parametrize("name", ["minimal", "services"])
def test_what_a_careful_person_writes_has_no_warning(name: str) -> None:
    assert [str(f) for f in check_native((FOLDER / f"{name}.kdl").read_bytes(), name)] == []


def test_everything_has_only_warnings_of_what_does_nothing() -> None:
    found = {f.code for f in check_native((FOLDER / "everything.kdl").read_bytes(), "everything.kdl")}
    assert found == {"W-NAT-006", "W-NAT-008", "W-NAT-010", "W-NAT-016"}


def used(node: Node, block: Block) -> set[tuple[str, str]]:
    """Every row of the table below a node."""
    found: set[tuple[str, str]] = set()
    for child in node.nodes:
        row = block.row(child.name)
        if row is None:
            continue
        found.add((block.name, row.name))
        inner = row.block
        if inner is UNTYPED:
            inner = FILTER_TYPES.get(child.string_of("type") or "")
        elif block.name == "health-check" and row.name == "type":
            inner = CHECK_TYPES.get(child.string or "")
        elif row.name == "load-balancing" and child.string == "sticky":
            inner = STICKY
        if inner is not None:
            found |= used(child, inner)
    return found


def rows(block: Block, seen: set[str]) -> set[tuple[str, str]]:
    """Every row there is."""
    if block.name in seen:
        return set()
    seen.add(block.name)
    found = {(block.name, row.name) for row in block.rows}
    for row in block.rows:
        if row.block is not None and row.block is not UNTYPED:
            found |= rows(row.block, seen)
    return found


def test_the_files_use_every_row_of_the_table() -> None:
    seen: set[str] = set()
    there: set[tuple[str, str]] = set()
    for block in (DOCUMENT, STICKY, *CHECK_TYPES.values(), *FILTER_TYPES.values()):
        there |= rows(block, seen)
    taken: set[tuple[str, str]] = set()
    for file in FILES:
        nodes, findings = read_document(file.read_bytes(), file.name)
        assert findings == ()
        assert nodes
        taken |= used(Node(nodes[0].text, "document", 0, False, (), nodes), DOCUMENT)
    assert there - taken == {("document", "include")}


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in FILES])
def test_a_cut_or_bent_file_is_judged_and_never_a_traceback(file: Path) -> None:
    text = file.read_text()
    for end in range(0, len(text), max(1, len(text) // 60)):
        check_native(text[:end].encode(), "cut.kdl")
    for old, new in (("{", "{ {"), ("}", ""), ('"', ""), ('"', "'"), (" ", ""), ("\n", " "), ("#", "r#")):
        for match in list(re.finditer(re.escape(old), text))[::7][:20]:
            check_native((text[: match.start()] + new + text[match.end() :]).encode(), "bent.kdl")
