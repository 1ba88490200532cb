"""Quick ways to a common answer: each gives what the thorough way gives."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.crossing.tree import Tree
from reconciler.config.kdl import parse_kdl
from reconciler.config.network import TARGET
from reconciler.config.report import Problem
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.write import write_document, write_string

OCTETS = st.sampled_from(
    ["0", "00", "1", "01", "9", "10", "99", "199", "249", "250", "255", "256", "300", ""]
)


@given(st.lists(OCTETS, min_size=3, max_size=5))
def test_an_ipv4_target_is_what_the_library_takes(octets: list[str]) -> None:
    host = ".".join(octets)
    try:
        ipaddress.ip_address(host)
        right = True
    except ValueError:
        right = False
    assert isinstance(TARGET.read(f"{host}:80"), Problem) is not right


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text('ab "\\\n\x7f\x00', max_size=8)
)
def test_every_string_is_written_so_that_it_reads_back(text: str) -> None:
    nodes, findings = parse_kdl(f"node {write_string(text)}", "x.kdl")
    assert nodes is not None, findings
    assert nodes[0].arguments == (text,)
    assert parse_kdl(write_document(nodes), "x.kdl")[0] == nodes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\ufeffa 1", None),
        ("a 1\ufeff", "E-SYN-007"),
        ("\ufeff\ufeffa 1", "E-SYN-007"),
        ("a\u202eb", "E-SYN-007"),
    ],
)
def test_a_byte_order_mark_may_stand_at_the_beginning_alone(text: str, code: str | None) -> None:
    _, findings = parse_kdl(text, "x.kdl")
    assert [finding.code for finding in findings] == ([code] if code else [])


@pytest.mark.parametrize("number", ["1" * 40, "1_" * 20, "0x" + "f" * 40, "-" + "9" * 41])
def test_long_numbers_are_found_however_they_are_written(number: str) -> None:
    _, findings = parse_kdl(f'a "0x"\nb {number}', "x.kdl")
    assert [(f.code, f.place.line if f.place else None) for f in findings] == [("E-SYN-003", 2)]


def test_a_file_is_looked_at_once_for_all_its_resources() -> None:
    blocks = ['project "p" { title "P" }', 'environment "dev" { proxy-version "0.6.20" }']
    snapshot, findings = read_snapshot(
        [
            SourceFile("a.kdl", "\n".join(blocks).encode()),
            SourceFile("b.kdl", b'upstream "u" { target "u:1" }'),
        ]
    )
    assert snapshot is not None, findings
    looked: list[str] = []

    def holds(text: str) -> bool:
        looked.append(text)
        return "upstream" in text

    tree = Tree(snapshot.resources, {})
    assert tree.files_where(holds) == {"b.kdl"}
    assert len(looked) == 2
    assert tree.environments == ("dev",)
