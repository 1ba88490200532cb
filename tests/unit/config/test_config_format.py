"""Canonical layout: comments and meaning stay, formatting twice changes nothing."""

from __future__ import annotations

import pytest

from reconciler.config.format import format_text
from reconciler.config.kdl import parse_file
from tests.unit.config.trees import template


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("// only\n", "// only\n"),
        ('a  1   "b"=2 {c "x";d y}', 'a 1 b=2 {\n    c "x"\n    d "y"\n}\n'),
        ("a\n\n\n\nb", "a\n\nb\n"),
        ("a {\n\n b\n\n}", "a {\n    b\n}\n"),
        ("a 1 // why\n  // alone\nb", "a 1 // why\n// alone\nb\n"),
        ("a { // why\nb\n} // after", "a { // why\n    b\n} // after\n"),
        ("/- a {\nb\n}\nc /-1 2", "/-a {\n    b\n}\nc /-1 2\n"),
        ("a \\\n 1 \\\n 2", "a \\\n    1 \\\n    2\n"),
        ("/-\n\na 1\nb", "/-a 1\nb\n"),
        ("a k = v", 'a k="v"\n'),
        ('a #"\\d"# /* x */ 1', 'a #"\\d"# /* x */ 1\n'),
        ("\ufeffa\r\nb\r\n", "a\nb\n"),
        ("a {}\n", "a {\n}\n"),
    ],
)
def test_layout(text: str, wanted: str) -> None:
    assert format_text(text) == wanted
    assert format_text(wanted) == wanted
    before, after = parse_file(text, "a.kdl")[0], parse_file(wanted, "a.kdl")[0]
    assert before is not None
    assert after is not None
    assert before.nodes == after.nodes


def test_the_template_is_in_canonical_layout() -> None:
    assert [path for path, text in template().items() if format_text(text) != text] == []
