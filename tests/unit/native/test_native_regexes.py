"""Expressions that Rust's crate refuses, and those it takes although others would not."""

from __future__ import annotations

import pytest

from reconciler.compile.native.regexes import regex_trouble


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^/v[0-9]+/(items|orders)(/[^/]+)?$",
        r"\d{2,4}\.\w+\s?",
        r"(?i)^/A(?-i:b)(?P<id>x)(?<name>y)(?:z)",
        r"[]a][^]b][[:alpha:]_][a-z&&[^x]]",
        r"\p{Greek}\pL\x41\x{1F600}\u0041\b\B\A\z",
        r"a{2}b{2,}c{2,5}d*?e+?f??",
        r"\/\-\.\_\ \#\~\&",
        "a]b}",
        "a|",
        "^*",
        r"\<word\>",
    ],
)
def test_taken(pattern: str) -> None:
    assert regex_trouble(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(?=a)", "look-ahead"),
        ("(?!a)", "look-ahead"),
        ("(?<=a)", "look-behind"),
        ("(?<!a)", "look-behind"),
        ("(?>a)", "atomic"),
        (r"(a)\1", "backreference"),
        (r"(?<n>a)\k<n>", "backreference"),
        ("(?P=n)", "backreference"),
        ("(?#x)", "comment"),
        ("(a", "not close"),
        ("a)", "not open"),
        ("[a", "not close"),
        ("*a", "repeats nothing"),
        ("a|+", "repeats nothing"),
        ("(?i)*", "repeats nothing"),
        ("{2}", "no count"),
        ("a{x}", "no count"),
        ("a{5,2}", "count"),
        (r"\Z", r"\Z"),
        (r"\h", r"\h"),
        (r"\y", r"\y"),
        ("a\\", "backslash"),
        ("(?y)", "does not know"),
    ],
)
def test_refused(pattern: str, what: str) -> None:
    trouble = regex_trouble(pattern)
    assert trouble is not None
    assert what in trouble[0]
    assert trouble[1]
