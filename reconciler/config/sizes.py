"""Sizes in bytes: one integer and one unit in a string, such as "64KiB" or "10MiB"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.values import Json, described, wrong_type

UNITS: dict[str, int] = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
"""Unit → bytes."""

_FORM = re.compile(r"([0-9]{1,12})(B|KiB|MiB|GiB)")


@lru_cache(maxsize=1024)
def size_in_bytes(text: str) -> int:
    """The number of bytes. Raises ValueError when the text is not a size."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size")
    return int(match[1]) * UNITS[match[2]]


def canonical(length: int) -> str:
    """A number of bytes in the largest unit that is exact."""
    unit = next((u for u in ("GiB", "MiB", "KiB") if length and length % UNITS[u] == 0), "B")
    return f"{length // UNITS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Size:
    """A size between two bounds, both included."""

    minimum: str
    maximum: str
    name: str = "size"

    @property
    def expected(self) -> str:
        return f'a size such as "64KiB" or "10MiB", from "{self.minimum}" to "{self.maximum}"'

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            problem = wrong_type(value, self.expected)
            hint = f'write "{value}B" if you mean bytes' if isinstance(value, int) else problem.hint
            return Problem(problem.code, problem.message, problem.expected, hint)
        if _FORM.fullmatch(value) is None:
            hint = 'write one integer and one unit (B, KiB, MiB, GiB) without a space, as in "10MiB"'
            return Problem("E-VAL-004", f"{described(value)} is not a size", self.expected, hint)
        length = size_in_bytes(value)
        if not size_in_bytes(self.minimum) <= length <= size_in_bytes(self.maximum):
            near = self.minimum if length < size_in_bytes(self.minimum) else self.maximum
            return Problem(
                "E-VAL-003", f"{described(value)} is out of range", self.expected, f"the nearest is {near}"
            )
        return canonical(length)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_FORM.pattern}$"}
