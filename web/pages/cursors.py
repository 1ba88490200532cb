"""Cursors: where a list goes on. A cursor is opaque to callers and holds nothing but a position."""

from __future__ import annotations

import base64
import binascii
import json

from reconciler.errors import Refused

LARGEST = 2**63 - 1


def number(text: str | None, name: str) -> int | None:
    """A position given as digits, or None when it was not given. Raises `Refused` for anything else."""
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST):
        raise Refused("E-WEB-006", f"'{name}' is not a position of this list", cure="Start without it")
    return int(text)


def encode(*parts: str) -> str:
    """A cursor that holds some strings."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode(text: str | None, *, parts: int) -> tuple[str, ...] | None:
    """The strings of a cursor, or None when there is none. Raises `Refused` when it is not one of ours."""
    if text is None or text == "":
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != parts or not all(isinstance(part, str) for part in found):
        raise Refused("E-WEB-006", "'cursor' is not a cursor of this list", cure="Start without it")
    return tuple(found)


def limit(text: str | None, *, default: int, most: int) -> int:
    """How many rows are wanted, at most `most`. Raises `Refused` when it is no number above zero."""
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise Refused("E-WEB-006", "'limit' is not a number above zero", cure=f"Use 1 to {most}")
    return min(int(text), most)
