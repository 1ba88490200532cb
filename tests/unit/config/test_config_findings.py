"""Findings as data and as text; a report that finds places only when it has to."""

from __future__ import annotations

from reconciler.config.excerpt import excerpt
from reconciler.config.findings import Finding, Place, Severity, sort_findings
from reconciler.config.kdl import parse_file
from reconciler.config.limits import FINDINGS_IN_FILE
from reconciler.config.report import Mark, Problem, Report

FINDING = Finding(
    "E-REF-001", Severity.error, Place("a.kdl", 2, 5), "no such thing", "a thing", "did you mean 'x'?"
)


def test_json_and_back() -> None:
    nowhere = Finding("E-TRE-001", Severity.warning, None, "m")
    for finding in (FINDING, nowhere):
        assert Finding.from_json(finding.to_json()) == finding


def test_one_line() -> None:
    assert str(FINDING) == "E-REF-001 a.kdl:2:5: no such thing; expected a thing (did you mean 'x'?)"


def test_order_and_repetitions() -> None:
    def at(path: str, line: int, code: str) -> Finding:
        return Finding(code, Severity.error, Place(path, line, 1), "m")

    nowhere = Finding("E-Z", Severity.error, None, "m")
    found = sort_findings(
        [at("b", 1, "x"), at("a", 10, "x"), at("a", 9, "y"), at("a", 9, "x"), nowhere, at("b", 1, "x")]
    )
    assert found == (nowhere, at("a", 9, "x"), at("a", 9, "y"), at("a", 10, "x"), at("b", 1, "x"))


def test_the_caret_stands_below_the_token() -> None:
    text = excerpt(FINDING, b'first\n    "payments" 1\n')
    assert text.splitlines()[1:4] == ["    |", '  2 |     "payments" 1', "    |     ^^^^^^^^^^"]
    assert text.splitlines()[4:] == ["    expected: a thing", "    hint: did you mean 'x'?"]


def test_nothing_of_a_file_reaches_the_terminal_as_a_command() -> None:
    content = "\u202e\x1b[2J    bad\n".encode()
    finding = Finding("E-X", Severity.error, Place("a.kdl", 1, 3), "m")
    assert "\x1b" not in excerpt(finding, content)
    assert "\u202e" not in excerpt(finding, content)


def test_long_lines_are_cut_around_the_token() -> None:
    content = b"x" * 5000 + b" here " + b"y" * 5000
    lines = excerpt(Finding("E-X", Severity.error, Place("a.kdl", 1, 5002), "m"), content).splitlines()
    assert len(lines[2]) < 200
    assert lines[2][lines[3].index("^") :].startswith("here")


def test_a_place_outside_the_file_shows_no_line() -> None:
    assert len(excerpt(Finding("E-X", Severity.error, Place("a.kdl", 9, 1), "m"), b"one").splitlines()) == 1


def test_marks_become_places() -> None:
    file, _ = parse_file("a 1 k=2 {\n  b\n}\n", "a.kdl")
    assert file is not None
    report = Report()
    for number, mark in enumerate(
        [
            Mark(file, file.nodes[0]),
            Mark(file, file.nodes[0], argument=0),
            Mark(file, file.nodes[0], property_key="k"),
            Mark(file, file.nodes[0], property_key="k", property_value=True),
            Mark(file, file.nodes[0].children[0]),
            Mark(file, file.nodes[0], argument=7),
        ]
    ):
        report.add(mark, Problem(f"E-{number}", "m"))
    places = {f.code: f.place for f in report.resolved()}
    wanted = [(1, 1), (1, 3), (1, 5), (1, 7), (2, 3), (1, 1)]
    assert [places[f"E-{n}"] for n in range(6)] == [Place("a.kdl", *at) for at in wanted]


def test_beyond_the_cap_findings_are_counted() -> None:
    file, _ = parse_file("a\n", "a.kdl")
    assert file is not None
    report = Report()
    for number in range(FINDINGS_IN_FILE + 5):
        report.add(Mark(file, file.nodes[0]), Problem("E-KND-002", f"m{number}"))
    found = report.resolved()
    assert len(found) == FINDINGS_IN_FILE + 1
    assert [f.message for f in found if f.code == "E-TRE-004"] == [
        "5 more findings of this file are left out"
    ]
