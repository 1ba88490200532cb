"""The table itself, row by row: what each child takes, what it makes of other types, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.compile.native.grammar.document import DOCUMENT
from reconciler.compile.native.grammar.filters import FILTER_TYPES, UNTYPED
from reconciler.compile.native.grammar.upstreams import CHECK_TYPES, STICKY
from reconciler.compile.native.shape import WIDTHS, Block, Effect, Kind, Row, Unknown
from tests.unit.native.native_documents import MINIMAL, PLACES, check, codes, document, errors

SAMPLES = {
    Kind.string: '"x"',
    Kind.integer: "7",
    Kind.boolean: "#true",
    Kind.number: "1.5",
    Kind.strings: '"x" "y"',
    Kind.integers: "7 8",
    Kind.numbers: "0.5 1",
    Kind.level: "7",
    Kind.share: "7",
    Kind.pair: '"x" "y"',
    Kind.headers: '{ X-Name "value" }',
}
WRONG = {
    Kind.string: "7",
    Kind.integer: '"7"',
    Kind.boolean: '"true"',
    Kind.number: '"1.5"',
    Kind.strings: "7",
    Kind.integers: '"7"',
    Kind.numbers: '"0.5"',
    Kind.level: "#true",
    Kind.share: "1.5",
    Kind.headers: "{ X-Name 7 }",
}
PARTICULAR = {
    ("document", "schema-version"): '"1.0"',
    ("document", "version"): '"1.0"',
    ("listener", "default-route"): '"app"',
    ("listener", "namespace"): '"space"',
    ("route", "upstream"): '"app"',
    ("route", "filters"): "",
    ("shadow", "upstream"): '"app"',
    ("model-routing", "default-upstream"): '"app"',
    ("prompt-injection", "agent"): '"g"',
    ("pii-detection", "agent"): '"g"',
    ("filter of type agent", "agent"): '"g"',
    ("limits", "max-body-size"): "2097152",
    ("ruleset", "paranoia-level"): "2",
    ("budget", "period"): '"daily"',
    ("load-balancing", "cookie-ttl"): '"30m"',
    ("health check of type http", "expected-status"): '"204"',
    ("filter of type compress", "algorithms"): '"gzip"',
    ("matches", "path-regex"): '"^/a"',
    ("matches", "host"): '"a.example"',
    ("exports", "upstreams"): "",
    ("exports", "agents"): "",
    ("exports", "filters"): "",
    ("upstream", "address"): '"127.0.0.1:9"',
    ("waf", "mode"): '"off"',
}
GIVEN = {("filter of type " + kind, "type") for kind in FILTER_TYPES}
"""Rows that their place gives already."""


def blocks() -> Iterator[Block]:
    """Every block of the table, once."""
    waiting: list[Block] = [DOCUMENT, STICKY, *CHECK_TYPES.values(), *FILTER_TYPES.values()]
    seen: set[str] = set()
    while waiting:
        block = waiting.pop(0)
        if block.name in seen or block is UNTYPED or (block.name.endswith("tcp") and not block.rows):
            continue
        seen.add(block.name)
        yield block
        waiting.extend(row.block for row in block.rows if row.block is not None)


ALL = list(blocks())
ROWS = [
    pytest.param(block, row, id=f"{block.name} / {row.name}")
    for block in ALL
    for row in block.rows
    if row.kind in SAMPLES and (block.name, row.name) not in GIVEN
]


def fits(block: Block, row: Row) -> str:
    value = PARTICULAR.get((block.name, row.name))
    if value is None:
        value = f'"{row.words.accepted[0]}"' if row.words else SAMPLES[row.kind]
    return f"{row.name} {value}"


def told_at(place: str, text: str) -> tuple[str, list[str], list[str]]:
    """The whole document, and the codes told on the line of the text, and all errors."""
    whole = document(place, text)
    findings = check(whole)
    line = next(number for number, content in enumerate(whole.split("\n"), 1) if content == text)
    here = [f.code for f in findings if f.place is not None and f.place.line == line]
    return whole, here, errors(findings)


def test_every_block_of_the_table_has_a_place_here() -> None:
    assert sorted({block.name for block in ALL} - set(PLACES)) == []


def test_every_place_is_accepted_as_it_is() -> None:
    refused = {place: errors(check(document(place))) for place in PLACES if not place.startswith("bare")}
    assert {place: found for place, found in refused.items() if found} == {}


@pytest.mark.parametrize(("block", "row"), ROWS)
def test_a_child_with_a_value_of_its_type_is_accepted(block: Block, row: Row) -> None:
    _, here, refused = told_at(block.name, fits(block, row))
    assert refused == (["E-NAT-010"] if (block.name, row.name) == ("listener", "namespace") else [])
    useless = {Effect.inert: "W-NAT-006", Effect.ineffective: "W-NAT-016", Effect.deprecated: "W-NAT-017"}
    if row.effect in useless:
        assert useless[row.effect] in here


@pytest.mark.parametrize(("block", "row"), [param for param in ROWS if param.values[1].kind in WRONG])  # type: ignore[union-attr]
def test_a_child_of_another_type_is_told_and_never_silently_a_default(block: Block, row: Row) -> None:
    _, here, refused = told_at(block.name, f"{row.name} {WRONG[row.kind]}")
    if row.positive:
        assert here == ["E-NAT-006"]
    elif block.name == "matches" and row.name in ("method", "header", "query-param"):
        assert "W-NAT-002" in here
    else:
        assert "W-NAT-002" in here or "E-NAT-006" in here
    assert set(refused) <= {"E-NAT-006", "E-NAT-014"}


@pytest.mark.parametrize(
    ("block", "row"),
    [
        param
        for param in ROWS
        if param.values[1].kind in (Kind.integer, Kind.integers) and not param.values[1].positive  # type: ignore[union-attr]
    ],
)
def test_an_integer_that_does_not_fit_wraps_around_and_is_told(block: Block, row: Row) -> None:
    _, here, _ = told_at(block.name, f"{row.name} {WIDTHS[row.width].stop + 2097157}")
    assert "W-NAT-004" in here


@pytest.mark.parametrize(
    ("block", "row"),
    [param for param in ROWS if param.values[1].words is not None],  # type: ignore[union-attr]
)
def test_an_unknown_word_is_refused_or_told(block: Block, row: Row) -> None:
    assert row.words is not None
    _, here, _ = told_at(block.name, f'{row.name} "no-such-word"')
    assert ("E-NAT-007" if row.words.refused else "W-NAT-003") in here


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in ALL])
def test_an_unknown_child_is_refused_in_strict_blocks_and_told_in_all_others(block: Block) -> None:
    _, here, refused = told_at(block.name, "no-such-child 1")
    if block.unknown is Unknown.refused:
        code = "E-NAT-003" if block is DOCUMENT else "E-NAT-005"
        assert here == [code]
        assert refused == [code]
    else:
        assert here == ["W-NAT-001"]
        assert refused == []


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=block.name) for block in ALL if block.unknown is Unknown.refused]
)
def test_strict_are_only_the_blocks_that_the_proxy_is_strict_in(block: Block) -> None:
    assert block.name in {"document", "circuit-breaker", "retry-policy", "namespace", "service", "exports"}


def test_required_children_are_refused_when_they_are_missing() -> None:
    required = {
        (block.name, row.name)
        for block in ALL
        for row in block.rows
        if row.required and row.kind is not Kind.block
    }
    assert required == {
        ("listener", "address"),
        ("listener of a service", "address"),
        ("acme", "email"),
        ("acme", "domains"),
        ("eab", "kid"),
        ("eab", "hmac-key"),
        ("dns-provider", "type"),
        ("static-files", "root"),
        ("shadow", "upstream"),
        ("rate-limit of inference", "tokens-per-minute"),
        ("budget", "limit"),
        ("model of a pricing", "input-cost-per-million"),
        ("model of a pricing", "output-cost-per-million"),
        ("prompt-injection", "agent"),
        ("pii-detection", "agent"),
        ("filter of type geo", "database-path"),
        ("filter of type agent", "agent"),
        ("global", "max-rps"),
        ("backend", "endpoint"),
        *(("filter of type " + kind, "type") for kind in FILTER_TYPES),
    }


def test_the_minimal_configuration_has_no_finding() -> None:
    assert codes(check(MINIMAL)) == []
