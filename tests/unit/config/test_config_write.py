"""Writing KDL: what is written reads back as the same, whatever the strings hold."""

from __future__ import annotations

import pytest

from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.config.write import write_document, write_name, write_string, write_value


def test_layout() -> None:
    node = KdlNode("a", (1, "x"), {"z": True, "b": None}, (KdlNode("c", (1.5,)), KdlNode("d d")))
    assert write_document([node, KdlNode("e")]) == 'a 1 "x" b=#null z=#true {\n    c 1.5\n    "d d"\n}\ne\n'
    assert write_document([]) == ""
    assert write_document([KdlNode("a")], indent=2) == "        a\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        'quote " quote',
        "back\\slash",
        "line\nfeed\r\ttab",
        '"\n}\nnode "x" {',
        "\x00\x07\x1b\x7f\x85\u2028\u2029",
        "\u202e\u200b\ufeff\u2066",
        "true",
        "-1",
        "#true",
        '"# }',
        "\U0001f600 ü",
    ],
)
def test_strings_stay_what_they_are(text: str) -> None:
    node = KdlNode(text or "x", (text,), {text: text}, (KdlNode("c", (text,)),))
    written = write_document([node])
    assert parse_kdl(written, "a.kdl") == ((node,), ())
    assert not any(ord(c) < 32 and c != "\n" for c in written)


def test_names_are_quoted_when_they_are_not_plainly_names() -> None:
    assert [write_name(n) for n in ("a-b", "true", "1a", "-a", "a b", "", "a.", "X-Y")] == [
        "a-b",
        '"true"',
        '"1a"',
        '"-a"',
        '"a b"',
        '""',
        '"a."',
        "X-Y",
    ]


@pytest.mark.parametrize("number", [0.3, 99.99, -69906.869215, 5e-324, 1e22, -1.1352904205810249e-307])
def test_floats_keep_their_digits(number: float) -> None:
    assert float(write_value(number)) == number


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_endless_numbers_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        write_value(value)


def test_surrogates_are_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        write_string("\ud800")
