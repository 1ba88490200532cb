"""A finding as people read it in a terminal: place, sentence, the line with a caret below the token, and the cure."""

from __future__ import annotations

import re

from reconciler.config.characters import INVISIBLE
from reconciler.config.findings import Finding, Place

_TOKEN = re.compile(r'#*"(?:[^"\\]|\\.)*"#*|[^\s{}();="]+|\S')
MAX_WIDTH = 160

WITHHELD = frozenset({"E-TRE-006", "E-TRE-008", "E-VAL-020"})
"""Codes of findings about credentials. No line of the files that they are in is shown."""


def excerpt(finding: Finding, content: bytes | None) -> str:
    """Several lines without colour. `content` is the file's, or None when only the sentence is wanted."""
    where = f"{finding.place}: " if finding.place else ""
    lines = [f"{where}{finding.severity} {finding.code}: {finding.message}"]
    if finding.place is not None and content is not None:
        lines.extend(_source(finding.place, content))
    if finding.expected:
        lines.append(f"    expected: {finding.expected}")
    if finding.hint:
        lines.append(f"    hint: {finding.hint}")
    return "\n".join(lines)


def _source(place: Place, content: bytes) -> list[str]:
    source = content.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    if place.line > len(source):
        return []
    # One visible character for each invisible one keeps the caret below its token, and the terminal unharmed.
    line = INVISIBLE.sub("\ufffd", source[place.line - 1].rstrip("\r").replace("\t", " "))
    column = place.column - 1
    token = _TOKEN.match(line, column)
    width = max(1, (token.end() - token.start()) if token else 1)
    if column > MAX_WIDTH // 2:
        cut = column - MAX_WIDTH // 4
        line, column = "…" + line[cut:], column - cut + 1
    line = line[:MAX_WIDTH]
    width = max(1, min(width, MAX_WIDTH - column))
    number = str(place.line)
    gutter = " " * len(number)
    return [f"  {gutter} |", f"  {number} | {line}", f"  {gutter} | {' ' * column}{'^' * width}"]
