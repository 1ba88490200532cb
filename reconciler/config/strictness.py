"""What KDL allows and the language does not: repeated properties, type annotations, numbers without end."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from reconciler.config import limits
from reconciler.config.characters import shown
from reconciler.config.findings import Finding, Place, Severity
from reconciler.config.scan import ScanError, Scanned, ScannedNode, Token, line_and_column, scan, tokens

_DECIMAL_RUN = re.compile(rf"[0-9][0-9_]{{{limits.DIGIT_RUN - 1},}}")
_DIGIT_RUN = re.compile(rf"[0-9][0-9_]{{{limits.DIGIT_RUN - 1},}}|0x[0-9a-fA-F_]{{{limits.DIGIT_RUN},}}")


def long_number(text: str) -> tuple[int, int] | None:
    """Offset and length of a number with too many digits, or None.

    A run of digits inside quotes or a comment is text and does no harm. Text that cannot be told apart, because a
    quote or a comment is never closed, counts as a number.
    """
    # One expression for both kinds takes twice as long as looking for each in its own way.
    if "0x" not in text and _DECIMAL_RUN.search(text) is None:
        return None
    run = _DIGIT_RUN.search(text)
    if run is None:
        return None
    try:
        for token in tokens(text):
            if token.kind == "word":
                found = _DIGIT_RUN.search(text, token.start, token.end)
                if found is not None:
                    return found.start(), found.end() - found.start()
    except ScanError:
        return run.start(), run.end() - run.start()
    return None


def too_deep(text: str) -> int:
    """Offset of the first brace beyond the cap on depth."""
    depth = 0
    for token in tokens(text):
        if token.kind == "{":
            depth += 1
        elif token.kind == "}":
            depth -= 1
        if depth >= limits.DEPTH:
            return token.start
    return 0


def strictness_findings(text: str, path: str) -> Iterator[Finding]:
    """Findings for everything of this kind in a text that the parser has accepted."""

    def finding(code: str, at: int, message: str, expected: str, hint: str) -> Finding:
        line, column = line_and_column(text, at)
        return Finding(code, Severity.error, Place(path, line, column), message, expected, hint)

    for node in _all_nodes(scan(text)):
        if node.annotated:
            yield finding(
                "E-SYN-009", node.name.start, "a node has a type annotation", "none", "remove the (…)"
            )
        seen: set[str] = set()
        for entry in node.entries:
            if entry.annotated:
                yield finding(
                    "E-SYN-009", entry.key_at, "a value has a type annotation", "none", "remove the (…)"
                )
            if _is_endless(text, entry.value):
                yield finding(
                    "E-SYN-008",
                    entry.value.start,
                    "a number is not finite",
                    "a finite number",
                    "write it out",
                )
            if entry.key is None:
                continue
            if entry.key in seen:
                yield finding(
                    "E-SYN-010",
                    entry.key_at,
                    f"the property {shown(entry.key)} stands here twice",
                    "each property once",
                    "remove one of the two",
                )
            seen.add(entry.key)


def _all_nodes(scanned: Scanned) -> Iterator[ScannedNode]:
    stack = list(reversed(scanned.nodes))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _is_endless(text: str, token: Token) -> bool:
    raw = text[token.start : token.end]
    if token.kind == "keyword":
        return raw in ("#inf", "#-inf", "#nan")
    if token.kind != "word" or not (raw[0].isdigit() or raw[0] in "+-"):
        return False
    try:
        return not math.isfinite(float(raw.replace("_", "")))
    except ValueError:
        return False
