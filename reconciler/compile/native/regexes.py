"""What keeps an expression from being compiled by Rust's `regex` crate.

Only what the crate surely refuses is told: this is no check of style, and no other tool knows better what compiles.
Source: docs.rs/regex, "Syntax".
"""

from __future__ import annotations

import re

Trouble = tuple[str, str]

_GROUPS = (
    ("(?=", "has a look-ahead"),
    ("(?!", "has a negative look-ahead"),
    ("(?<=", "has a look-behind"),
    ("(?<!", "has a negative look-behind"),
    ("(?>", "has an atomic group"),
    ("(?(", "has a condition"),
    ("(?#", "has a comment group"),
    ("(?P=", "has a backreference"),
    ("(?|", "has a branch reset group"),
    ("(?&", "calls a group"),
)
_OPENING = re.compile(r"\((?:\?(?:P?<[A-Za-z_][A-Za-z0-9_.\[\]]*>|[imsUuxR]*(?:-[imsUuxR]+)?[:)]))?")
_ESCAPE = re.compile(
    r"\\(?:[dDwWsSbBAzntrfva]|[pP](?:[A-Za-z]|\{[^{}]+\})|x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]+\})"
    r"|u(?:[0-9A-Fa-f]{4}|\{[0-9A-Fa-f]+\})|U(?:[0-9A-Fa-f]{8}|\{[0-9A-Fa-f]+\})|[<>]|[^A-Za-z0-9\x80-\U0010ffff])"
)
_COUNT = re.compile(r"\{\s*(?:([0-9]+)\s*(?:,\s*([0-9]*)\s*)?|,\s*([0-9]+)\s*)\}")
_NO_LOOK = "Rust has none: match the path itself, or write two routes"


def regex_trouble(pattern: str) -> Trouble | None:
    """What is wrong (completing "the expression …") and a cure, or None when nothing surely is."""
    depth = 0
    at = 0
    repeatable = False
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            escape = _ESCAPE.match(pattern, at)
            if escape is None:
                return _bad_escape(pattern[at + 1 : at + 2])
            at, repeatable = escape.end(), True
        elif character == "[":
            end = _class_end(pattern, at)
            if end is None:
                return ("opens a class and does not close it", "add the missing ]")
            at, repeatable = end, True
        elif character == "(":
            for prefix, what in _GROUPS:
                if pattern.startswith(prefix, at):
                    return (what, _NO_LOOK)
            opening = _OPENING.match(pattern, at)
            if opening is None or (pattern.startswith("(?", at) and opening.end() == at + 1):
                return ("has a group that Rust does not know", "write (…), (?:…) or (?<name>…)")
            flags = opening[0].endswith(")")
            depth += 0 if flags else 1
            at, repeatable = opening.end(), False
        elif character == ")":
            depth -= 1
            if depth < 0:
                return ("closes a group that is not open", "write \\) for the character itself")
            at, repeatable = at + 1, True
        elif character in "*+?":
            if not repeatable:
                return ("repeats nothing", f"write \\{character} for the character itself")
            at += 1
        elif character == "{":
            count = _COUNT.match(pattern, at)
            if not repeatable or count is None:
                return ("has a { that is no count", "write \\{ for the character itself")
            if count[1] and count[2] and int(count[2]) < int(count[1]):
                return (f"has the count {count[0]}", "put the smaller number first")
            at = count.end()
        else:
            repeatable = character != "|"
            at += 1
    if depth:
        return ("opens a group and does not close it", "add the missing )")
    return None


def _bad_escape(character: str) -> Trouble:
    if not character:
        return ("ends in a backslash", "write \\\\ for the character itself")
    if character.isdigit() or character == "k":
        return ("has a backreference", "Rust has none; write the alternatives out")
    return (
        f"has the escape \\{character}, which Rust does not know",
        "write the character without the backslash",
    )


def _class_end(pattern: str, at: int) -> int | None:
    """Behind the ] that closes the class; classes nest, and a ] directly behind [ or [^ stands for itself."""
    depth = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 2
            continue
        if character == "[":
            depth += 1
            at += 1
            if pattern[at : at + 1] == "^":
                at += 1
            while pattern[at : at + 1] == "]":
                at += 1
            continue
        at += 1
        if character == "]":
            depth -= 1
            if depth == 0:
                return at
    return None
