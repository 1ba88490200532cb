"""KDL as kdl-rs 6.7 reads it: neither stricter nor laxer."""
# ruff: noqa: E501 -- each case is one line of a table.

from __future__ import annotations

import time

import pytest

from reconciler.compile.native.nodes import Node
from reconciler.compile.native.reading import read_document


def read(text: str) -> tuple[list[object], list[str]]:
    nodes, findings = read_document(text.encode(), "x.kdl")
    return [plain(node) for node in nodes or ()], [
        f"{f.place.line}:{f.place.column}" for f in findings if f.place
    ]


def plain(node: Node) -> object:
    entries = [e.value if e.key is None else (e.key, e.value) for e in node.entries]
    return (node.name, entries, None if node.children is None else [plain(child) for child in node.children])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a #true #false #null", [True, False, None], id="keywords"),
        pytest.param("a #inf #-inf", [float("inf"), float("-inf")], id="endless numbers"),
        pytest.param(r'a #"x\d"#', [r"x\d"], id="raw string"),
        pytest.param('a ##"x"#y"##', ['x"#y'], id="raw string of two fences"),
        pytest.param('a #"""\n  x\\d\n    y\n  """#', ["x\\d\n  y"], id="raw string of several lines"),
        pytest.param('a """\n  x\\n\n\n  y\n  """', ["x\n\n\ny"], id="string of several lines"),
        pytest.param('a """\n"""', [""], id="empty string of several lines"),
        pytest.param(r'a "x\s\u{1F600}\n\\\""', ['x \U0001f600\n\\"'], id="escapes"),
        pytest.param('a "x\\\n    y"', ["xy"], id="escaped line end"),
        pytest.param("a 1_000 0xFF_0 0b1_0 0o7_7 -2 +3", [1000, 4080, 2, 63, -2, 3], id="integers"),
        pytest.param("a 1.5 1e3 1_0.5E-1", [1.5, 1000.0, 1.05], id="floats"),
        pytest.param("a 170141183460469231731687303715884105727", [2**127 - 1], id="the largest integer"),
        pytest.param("a b-c b.c *.x -- - . .. +x -y ~ $ @ , <>", ["b-c", "b.c", "*.x", "--", "-", ".", "..", "+x", "-y", "~", "$", "@", ",", "<>"], id="bare words"),
        pytest.param('a "true" #"null"#', ["true", "null"], id="quoted keywords"),
        pytest.param("a (u8)1 ( t ) 2 k=(t)3", [1, 2, ("k", 3)], id="type annotations"),
        pytest.param('a k=1 k=2 "a b" = 3', [("k", 1), ("k", 2), ("a b", 3)], id="properties"),
        pytest.param("a /-1 2 /-k=1 /- 4", [2], id="dropped entries"),
        pytest.param("a/*x*/1 /* a /* b */ c */ 2", [1, 2], id="comments"),
        pytest.param("a \\\n 1 \\ // why\n 2", [1, 2], id="continued lines"),
        pytest.param("a http://x", ["http:"], id="a comment in a URL"),
        pytest.param("a\u00a01\u30002", [1, 2], id="other spaces"),
    ],
)  # fmt: skip
def test_values(text: str, expected: list[object]) -> None:
    assert read(text) == ([("a", expected, None)], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a; b; c {d; e}", [("a", [], None), ("b", [], None), ("c", [], [("d", [], None), ("e", [], None)])], id="semicolons"),
        pytest.param("a{b}", [("a", [], [("b", [], None)])], id="no space before a block"),
        pytest.param('a "x"{}', [("a", ["x"], [])], id="an empty block"),
        pytest.param("/- a { b }\nc", [("c", [], None)], id="a dropped node"),
        pytest.param("/-\na\nb", [("b", [], None)], id="a dropped node on the next line"),
        pytest.param("a /- { x } { y }", [("a", [], [("y", [], None)])], id="a dropped block before"),
        pytest.param("a { y } /- { x }", [("a", [], [("y", [], None)])], id="a dropped block behind"),
        pytest.param("a /- { x }", [("a", [], None)], id="only a dropped block"),
        pytest.param("/- kdl-version 2\n(t)a", [("a", [], None)], id="version marker"),
        pytest.param("\ufeffa", [("a", [], None)], id="byte order mark"),
        pytest.param('"a b"; #"c"#', [("a b", [], None), ("c", [], None)], id="quoted names"),
        pytest.param("a\r\nb\rc\x0cd", [("a", [], None), ("b", [], None), ("c", [], None), ("d", [], None)], id="line ends"),
        pytest.param("a // x\nb", [("a", [], None), ("b", [], None)], id="a comment behind a node"),
        pytest.param("", [], id="nothing"),
        pytest.param("// a", [], id="a comment alone"),
    ],
)  # fmt: skip
def test_nodes(text: str, expected: list[object]) -> None:
    assert read(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("a true", "1:3", id="bare true"),
        pytest.param("a k=false", "1:5", id="bare false"),
        pytest.param("a null", "1:3", id="bare null"),
        pytest.param("a nan", "1:3", id="bare nan"),
        pytest.param("a -inf", "1:3", id="bare infinity"),
        pytest.param("true 1", "1:1", id="a keyword as a name"),
        pytest.param('a r#"x"#', "1:4", id="a raw string of version 1"),
        pytest.param(r'a "\d+"', "1:3", id="an unknown escape"),
        pytest.param(r'a "\/"', "1:3", id="an escape of version 1"),
        pytest.param('a "\\u{110000}"', "1:3", id="a character that is none"),
        pytest.param('a ["x"]', "1:3", id="a list"),
        pytest.param('a "x", "y"', "1:6", id="a comma"),
        pytest.param("a 30s", "1:3", id="a unit"),
        pytest.param("a .5", "1:3", id="a number without its zero"),
        pytest.param("a 1.", "1:3", id="a number that ends in a dot"),
        pytest.param("a 0x", "1:3", id="a hexadecimal number without digits"),
        pytest.param("a 170141183460469231731687303715884105728", "1:3", id="an integer beyond 128 bits"),
        pytest.param("a " + "9" * 100_000, "1:3", id="a very long number"),
        pytest.param("1 2", "1:1", id="a number as a name"),
        pytest.param("a 1=2", "1:3", id="a number as a key"),
        pytest.param('a "x', "1:3", id="an open string"),
        pytest.param('a "x\ny"', "1:3", id="a string over two lines"),
        pytest.param('a #"x', "1:3", id="an open raw string"),
        pytest.param('a """x"""', "1:3", id="text behind three quotes"),
        pytest.param('a """\n  x\n y\n  """', "1:3", id="a line that is not indented"),
        pytest.param("/* a", "1:1", id="an open comment"),
        pytest.param("a #tru", "1:3", id="an unknown keyword"),
        pytest.param('a "x""y"', "1:6", id="no space between values"),
        pytest.param("a {", "1:3", id="an open block"),
        pytest.param("a }", "1:3", id="a brace too many"),
        pytest.param("a\n{ b }", "2:1", id="a block on the next line"),
        pytest.param("a \\ 1", "1:3", id="a line continued too early"),
        pytest.param("a {} b", "1:6", id="two nodes on a line"),
        pytest.param("a {b} {c}", "1:7", id="two blocks"),
        pytest.param("a;; b", "1:3", id="two semicolons"),
        pytest.param("a =1", "1:3", id="no key"),
        pytest.param("a k=", "1:5", id="no value"),
        pytest.param("a /-", "1:5", id="nothing to drop"),
        pytest.param('a "\x00"', "1:3", id="a null character"),
        pytest.param('a "\u202e"', "1:3", id="a character that turns writing round"),
        pytest.param("a \ufeff1", "1:3", id="a byte order mark inside"),
    ],
)  # fmt: skip
def test_refused(text: str, place: str) -> None:
    assert read(text)[1][:1] == [place]


def test_all_syntax_errors_are_told_that_can_be_understood() -> None:
    nodes, places = read('a true\nb "x", "y"\nc { d 30s; e null }\nf "\\d"\n')
    assert places == ["1:3", "2:6", "3:7", "3:14", "4:3"]
    assert len(nodes) == 4


def test_reading_is_linear() -> None:
    text = "".join(
        f'route "r{n}" {{\n    matches {{ path "/x/{n}"; method "GET" }}\n}}\n' for n in range(4000)
    )
    start = time.perf_counter()
    _, places = read(text)
    assert places == []
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a {" * 50_000, id="blocks"),
        pytest.param("/*" * 200_000, id="comments"),
        pytest.param("(" * 100_000, id="annotations"),
        pytest.param('"' * 200_001, id="quotes"),
        pytest.param("#" * 200_000, id="fences"),
        pytest.param("/-" * 100_000, id="slashes"),
        pytest.param("\\" * 100_000, id="backslashes"),
    ],
)
def test_hostile_text_ends_soon(text: str) -> None:
    start = time.perf_counter()
    assert read(text)[1]
    assert time.perf_counter() - start < 10
