"""Text that goes into pages."""

from __future__ import annotations


def fenced(text: str) -> str:
    """Text of the language as a block of code."""
    return f"```kdl\n{text}\n```\n"


def cell(text: str) -> str:
    """Text as a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")
