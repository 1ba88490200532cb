"""Reading KDL: caps before the parser, mistakes with their places, nothing swallowed."""

from __future__ import annotations

import time

import pytest

from reconciler.config import limits
from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.config.scan import ScanError, scan, tokens
from reconciler.config.strictness import long_number


def codes(text: str | bytes) -> list[str]:
    nodes, findings = parse_kdl(text, "a.kdl")
    assert (nodes is None) == bool(findings)
    return [f"{f.code} {f.place.line}:{f.place.column}" for f in findings if f.place]


def test_nodes_have_names_arguments_properties_and_children() -> None:
    nodes, findings = parse_kdl('a 1 #true "x" k=2.5 { b; c #null }\n', "a.kdl")
    assert findings == ()
    assert nodes == (KdlNode("a", (1, True, "x"), {"k": 2.5}, (KdlNode("b"), KdlNode("c", (None,)))),)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(b"a\nb \xff", ["E-SYN-001 2:3"], id="not utf-8"),
        pytest.param(b"\xed\xa0\x80", ["E-SYN-001 1:1"], id="a surrogate as bytes"),
        pytest.param(b"a" * (limits.FILE_BYTES + 1), ["E-SYN-002 1:1"], id="too large"),
        pytest.param("a\nb " + "9" * 40, ["E-SYN-003 2:3"], id="digits"),
        pytest.param("a 1." + "0_" * 30 + "1", ["E-SYN-003 1:5"], id="digits behind the point"),
        pytest.param("a 1e" + "9" * 60, ["E-SYN-003 1:5"], id="digits of an exponent"),
        pytest.param("a 0x" + "f" * 50, ["E-SYN-003 1:3"], id="hexadecimal digits"),
        pytest.param('a "' + "9" * 60 + "\n", ["E-SYN-003 1:4"], id="digits in a string that never ends"),
        pytest.param("a {\n" * 64 + "b\n" + "}\n" * 64, ["E-SYN-004 64:3"], id="too deep"),
        pytest.param("a {\n" * 100_000 + "}\n" * 100_000, ["E-SYN-004 64:3"], id="much too deep"),
        pytest.param("a\n" * 100_001, ["E-SYN-005 1:1"], id="too many nodes"),
        pytest.param("a\n  b {", ["E-SYN-006 2:5"], id="a block never closed"),
        pytest.param(
            "a {\n  b {\n  c\n}\nd {\n}\n", ["E-SYN-006 1:3"], id="a block never closed, seen by indentation"
        ),
        pytest.param(
            "a {\n  b\nd {\n  e {\n", ["E-SYN-006 1:3"], id="two blocks never closed, the first is told"
        ),
        pytest.param("a {\n}\n}\n", ["E-SYN-006 3:1"], id="a brace too many"),
        pytest.param("ok 1\n" * 20_000 + "  x true", ["E-SYN-006 20001:5"], id="far down in a large file"),
        pytest.param("a 1; b true; c", ["E-SYN-006 1:8"], id="in the middle of a line"),
        pytest.param('a\nb "x', ["E-SYN-006 2:3"], id="a string never closed"),
        pytest.param("a\nb true", ["E-SYN-006 2:3"], id="a bare truth value"),
        pytest.param("a 30s", ["E-SYN-006 1:3"], id="a number with a unit"),
        pytest.param("a\u202eb 1", ["E-SYN-007 1:2"], id="right to left"),
        pytest.param("a \x00", ["E-SYN-007 1:3"], id="nul"),
        pytest.param('a "\x1b[31m"', ["E-SYN-007 1:4"], id="escape"),
        pytest.param("a\nb \ufeff", ["E-SYN-007 2:3"], id="a byte order mark inside"),
        pytest.param("a #inf", ["E-SYN-008 1:3"], id="infinite"),
        pytest.param("a b=#nan", ["E-SYN-008 1:5"], id="not a number"),
        pytest.param("a 1e999", ["E-SYN-008 1:3"], id="too large a number"),
        pytest.param("(t)a (u8)1", ["E-SYN-009 1:4", "E-SYN-009 1:10"], id="annotations"),
        pytest.param("a k=1 /-k=2 k=3", ["E-SYN-010 1:13"], id="a property twice"),
        pytest.param('a k=1 "\\u{6b}"=3', ["E-SYN-010 1:7"], id="a property twice, written differently"),
    ],
)
def test_refused(text: str | bytes, found: list[str]) -> None:
    assert codes(text) == found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("\ufeffa 1", id="a byte order mark at the start"),
        pytest.param('a "' + "9" * 60 + '"', id="digits in a string"),
        pytest.param("// " + "9" * 60, id="digits in a comment"),
        pytest.param('a "k=1 k=1" // k=2 k=2', id="signs of equality in strings and comments"),
        pytest.param("a k=1 /-k=2", id="a property that is commented out"),
        pytest.param("a {\n" * 63 + "}\n" * 63, id="as deep as may be"),
        pytest.param('a """\n  k=1\n  """ #"k="# k=2', id="raw and multi-line strings"),
    ],
)
def test_accepted(text: str) -> None:
    assert codes(text) == []


def test_every_refusal_has_a_hint() -> None:
    for text in ("a 30s", "a {", "a true", "a #inf", "(t)a", "a k=1 k=1", b"\xff", "a [1]", 'a "\\d"'):
        _, findings = parse_kdl(text, "a.kdl")
        assert all(f.hint and f.expected and f.message for f in findings), text


def test_hostile_files_end_in_bounded_time() -> None:
    started = time.process_time()
    quoted = "".join(f'n{i} "v{i}" k={i}\n' for i in range(50_000))[: limits.FILE_BYTES - 20]
    for text in (quoted + '\n"', quoted, "9" * 1_000_000, '#"' * 500_000, "/*" * 500_000, "a {" * 300_000):
        parse_kdl(text, "a.kdl")
    assert time.process_time() - started < 60


def test_a_long_number_is_found_behind_strings_and_comments() -> None:
    text = 'a "\\" 1" #"x"# /* " */ ' + "1" * 50
    assert long_number(text) == (text.index("1" * 50), 50)


def test_tokens_leave_nothing_out() -> None:
    text = 'a 1 k="x" { b \\\n 2 } // c\n/* d /* e */ */ /-f """\n g\n """ ##"h"##\r\n'
    found = list(tokens(text))
    assert "".join(text[t.start : t.end] for t in found) == text


@pytest.mark.parametrize("text", ['"', "/*", '#"x"', "#", "]"])
def test_what_is_no_token_is_an_error(text: str) -> None:
    with pytest.raises(ScanError):
        list(tokens(text))


def test_the_scan_leaves_out_what_the_parser_leaves_out() -> None:
    text = "/- a 1\nb /-1 2 /-k=1 k=2 /-{ c } { d; /-e }\n"
    nodes = scan(text).nodes
    assert [text[n.name.start : n.name.end] for n in nodes] == ["b"]
    assert [(e.key, text[e.value.start : e.value.end]) for e in nodes[0].entries] == [(None, "2"), ("k", "2")]
    assert [text[n.name.start : n.name.end] for n in nodes[0].children] == ["d"]
