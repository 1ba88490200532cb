"""Decodes single KDL values as kdl-rs 6.7 does: words, numbers, keywords and strings.

Source: KDL 2.0.0, sections 3.9 to 3.17, and kdl-rs `v2_parser.rs`.
"""

from __future__ import annotations

import re

import ckdl

from reconciler.compile.native.nodes import I128
from reconciler.config.kdl import KdlValue
from reconciler.config.scan import Token

Trouble = tuple[str, str]
"""What is wrong, and what to write instead."""

_DISALLOWED = re.compile("[\x00-\x08\x0e-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_NEWLINE = re.compile("[\n\r\x85\x0c\u2028\u2029]")
_SPACE_ESCAPE = re.compile(r"\\[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\n\r\x85\x0b\x0c\u2028\u2029]+")
_BAD_ESCAPE = re.compile(r'\\(?:[\\"bfnrts]|u\{[0-9a-fA-F]{1,6}\})|(\\[\s\S]?)')
_INTEGER = re.compile(r"[+-]?(?:(0[xX])([0-9a-fA-F][0-9a-fA-F_]*)|(0[oO])([0-7][0-7_]*)|(0[bB])([01][01_]*))")
_DECIMAL = re.compile(r"[+-]?([0-9][0-9_]*)(?:\.([0-9][0-9_]*))?(?:[eE][+-]?([0-9][0-9_]*))?")
_NUMERIC = re.compile(r"[+-]?\.?[0-9]")
_DIGITS = 39
"""Digits of the largest number kdl-rs takes, in each part of it."""

KEYWORDS: dict[str, KdlValue] = {
    "#true": True,
    "#false": False,
    "#null": None,
    "#inf": float("inf"),
    "#-inf": float("-inf"),
    "#nan": float("nan"),
}


def word_value(word: str) -> tuple[KdlValue, Trouble | None]:
    """The value of a bare word, and what is wrong with it."""
    if f"#{word}" in KEYWORDS:
        return KEYWORDS[f"#{word}"], (
            f"'{word}' without # is no value in KDL version 2",
            f'write #{word}, or "{word}" if you mean text',
        )
    if _DISALLOWED.search(word):
        return word, ("a word holds a character that cannot be seen", "remove it")
    if not _NUMERIC.match(word):
        return word, None
    integer = _INTEGER.fullmatch(word)
    if integer is not None:
        radix, digits = next(
            (base, body)
            for base, body in ((16, integer[2]), (8, integer[4]), (2, integer[6]))
            if body is not None
        )
        number = int(digits.replace("_", ""), radix) if len(digits) <= 200 else I128.stop
        return _in_range(-number if word[0] == "-" else number)
    decimal = _DECIMAL.fullmatch(word)
    if decimal is None:
        return word, (
            f"'{word[:40]}' begins like a number and is none",
            'put it in quotes if it is text, as in "30s"; a number has digits on both sides of its dot',
        )
    if any(len(part.replace("_", "").lstrip("0")) > _DIGITS for part in decimal.groups() if part):
        return 0, _too_large()
    plain = word.replace("_", "")
    return (float(plain), None) if decimal[2] or decimal[3] else _in_range(int(plain))


def _in_range(number: int) -> tuple[KdlValue, Trouble | None]:
    return (number, None) if number in I128 else (0, _too_large())


def _too_large() -> Trouble:
    return ("a number is larger than the proxy's parser takes", "put it in quotes if it is text")


def name_trouble(word: str) -> Trouble | None:
    """What keeps a bare word from being the name of a node or property."""
    if _NUMERIC.match(word):
        return (f"'{word[:40]}' is a number where a name belongs", f'put it in quotes: "{word[:40]}"')
    return word_value(word)[1]


def string_value(raw: str) -> tuple[str, Trouble | None]:
    """The text of a quoted, raw or multi-line string as it is written, and what is wrong with it."""
    fenced = raw.startswith("#")
    bare = raw.strip("#") if fenced else raw
    multiline = bare.startswith('"""')
    if _DISALLOWED.search(raw):
        return "", (
            "a string holds a character that cannot be seen",
            "remove it, or write it as \\u{…} in a quoted string",
        )
    if not multiline:
        body = bare[1:-1]
        if fenced:
            return body, _one_line(body)
        if "\\" not in body:
            return body, _one_line(body)
        if _NEWLINE.search(_SPACE_ESCAPE.sub("", body)):
            return body, _one_line("\n")
    if not fenced:
        escape = next((m[1] for m in _BAD_ESCAPE.finditer(_SPACE_ESCAPE.sub("", raw)) if m[1]), None)
        if escape is not None:
            return "", (
                f"a string holds the escape {escape}, which KDL does not know",
                'write \\\\ for a backslash, or use a raw string: #"…"#',
            )
    try:
        return str(ckdl.parse(f"- {raw}", version=2).nodes[0].args[0]), None
    except (ckdl.ParseError, UnicodeError, IndexError):
        return "", (
            "the lines of a multi-line string do not fit its quotes",
            'begin on the line after the opening """, and indent every line like the closing """',
        )


def _one_line(body: str) -> Trouble | None:
    if _NEWLINE.search(body) is None:
        return None
    return (
        "a string runs over the end of its line",
        'close it on the same line, or use """ for several lines',
    )


def token_value(text: str, token: Token) -> tuple[KdlValue, Trouble | None]:
    """The value of a token of the kinds word, keyword and string."""
    raw = text[token.start : token.end]
    if token.kind == "word":
        return word_value(raw)
    if token.kind == "string":
        return string_value(raw)
    if raw in KEYWORDS:
        return KEYWORDS[raw], None
    return None, (
        f"'{raw[:40]}' is no keyword",
        "there are #true, #false, #null, #inf, #-inf and #nan",
    )
