"""Specifications of fleets, and the little KDL that a fake proxy reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import Stalled
from reconciler.simulator.building import Group, build_fleet, read_spec
from reconciler.simulator.scan import Unreadable, scan


def test_a_specification() -> None:
    assert read_spec("dev=3, production=4,production=1:slow") == (
        Group("dev", 3),
        Group("production", 4),
        Group("production", 1, "slow"),
    )


@pytest.mark.parametrize("spec", ["", "dev", "dev=", "dev=x", "dev=3;x=1", "=3", "Dev=1"])
def test_a_specification_that_says_nothing_is_named(spec: str) -> None:
    with pytest.raises(Stalled, match="E-NOD-030"):
        read_spec(spec)


def test_an_unknown_temperament_lists_those_there_are() -> None:
    with pytest.raises(Stalled, match="steady"):
        read_spec("dev=1:angry")


def test_the_same_specification_gives_the_same_folders(tmp_path: Path) -> None:
    def names() -> list[str]:
        fleet = build_fleet(
            read_spec("dev=2,dev=1:slow"), home=tmp_path, url="http://127.0.0.1:9", project="shop",
            token_of=lambda environment: None, say=lambda line: None,
        )  # fmt: skip
        return [node.name for node in fleet.nodes]

    assert names() == names() == ["sim-dev-1", "sim-dev-2", "sim-dev-3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sim-dev-1", "sim-dev-2", "sim-dev-3"]


def test_scan_reads_what_the_writer_writes() -> None:
    document = scan(
        'a "x\\"y\\u{41}" k="v" #true {\n    b 1; c #"raw "q""#\n}\n// gone\n/* gone */ "quoted name" 2\n'
    )
    (a, quoted) = document.children
    assert (a.name, a.arguments, a.properties) == ("a", ['x"yA', "#true"], {"k": "v"})
    assert [(child.name, child.arguments) for child in a.children] == [("b", ["1"]), ("c", ['raw "q"'])]
    assert (quoted.name, quoted.arguments) == ("quoted name", ["2"])


@pytest.mark.parametrize("text", ["a {", "}", 'a "x', "{\n}", "a {" * 100, "= 1"])
def test_scan_refuses_what_is_not_kdl(text: str) -> None:
    with pytest.raises(Unreadable):
        scan(text)
