"""Strict reading of decoded JSON: exactly the fields that are expected, each of the type that is expected."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from reconciler import clock
from reconciler.errors import Refused

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HEX64 = re.compile(r"[0-9a-f]{64}")
SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class Fields:
    """One JSON object that must have exactly `names` as keys. `what` names it in messages.

    Every method raises `Refused` (E-VER-014) that names the field when its value is something else.
    """

    def __init__(self, document: Any, names: Collection[str], what: str) -> None:
        self.what = what
        if not isinstance(document, dict):
            raise Refused("E-VER-014", f"{what} is not a JSON object")
        wanted = frozenset(names)
        if document.keys() != wanted:
            for unknown in sorted(document.keys() - wanted):
                raise Refused("E-VER-014", f"{what} has a field '{unknown[:64]}' that nobody expects")
            raise Refused("E-VER-014", f"{what} has no field '{min(wanted - document.keys())}'")
        self._document: Mapping[str, Any] = document

    def constant(self, name: str, expected: str) -> None:
        """A field that has one possible value."""
        if self._document[name] != expected:
            self._refuse(name, f"'{expected}'")

    def text(self, name: str, pattern: re.Pattern[str] | None = None, longest: int = 4096) -> str:
        """A string of at most `longest` characters that matches the whole `pattern`."""
        value = self._document[name]
        if not isinstance(value, str) or len(value) > longest or (pattern and not pattern.fullmatch(value)):
            self._refuse(name, f"text like {pattern.pattern}" if pattern else "text")
        return value

    def number(self, name: str, lowest: int = 0, highest: int = 2**53 - 1) -> int:
        """An integer within bounds."""
        value = self._document[name]
        if type(value) is not int or not lowest <= value <= highest:
            self._refuse(name, f"an integer from {lowest} to {highest}")
        return int(value)

    def moment(self, name: str) -> datetime:
        """A moment as `2026-11-23T20:00:00Z` (RFC 3339 in UTC with seconds), aware."""
        try:
            return datetime.fromisoformat(self.text(name, INSTANT)).astimezone(UTC)
        except ValueError:
            self._refuse(name, "a moment that exists")

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON object, read further by the caller."""
        value = self._document[name]
        if not isinstance(value, dict):
            self._refuse(name, "a JSON object")
        return value

    def sequence(self, name: str, longest: int = 64) -> list[Any]:
        """A JSON array of at most `longest` items, read further by the caller."""
        value = self._document[name]
        if not isinstance(value, list) or len(value) > longest:
            self._refuse(name, f"an array of at most {longest}")
        return value

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise Refused("E-VER-014", f"{self.what}: '{name}' is not {expected}")


def instant(moment: datetime) -> str:
    """The written form of a moment; raises ValueError when it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return clock.iso(moment)
