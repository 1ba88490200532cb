"""Lengths of time: one integer and one unit in a string, such as "500ms", "30s", "5m", "24h" or "7d"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.values import described, wrong_type

UNITS: dict[str, int] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Unit → milliseconds."""

_FORM = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")


@lru_cache(maxsize=1024)
def milliseconds(text: str) -> int:
    """The length of a duration in milliseconds. Raises ValueError when the text is not one."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration")
    return int(match[1]) * UNITS[match[2]]


@lru_cache(maxsize=1024)
def seconds(text: str) -> int:
    """The length of a duration of whole seconds. Raises ValueError when it is not one."""
    length, rest = divmod(milliseconds(text), 1000)
    if rest:
        raise ValueError(f"{text!r} is not a number of whole seconds")
    return length


def canonical(length: int) -> str:
    """A number of milliseconds as a duration in the largest unit that is exact; days are left to people."""
    for unit in ("h", "m", "s"):
        if length and length % UNITS[unit] == 0:
            return f"{length // UNITS[unit]}{unit}"
    return f"{length}ms" if length else "0s"


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration between two bounds, both included: of whole seconds, unless it is `fine`."""

    minimum: str = "1s"
    maximum: str = "24h"
    name: str = "duration"
    fine: bool = False

    @property
    def expected(self) -> str:
        form = 'a duration such as "500ms" or "2s"'
        if not self.fine:
            form = 'a duration of whole seconds such as "30s" or "5m"'
        return f'{form}, from "{self.minimum}" to "{self.maximum}"'

    def read(self, value: KdlValue) -> Any | Problem:
        if not isinstance(value, str):
            problem = wrong_type(value, self.expected)
            hint = f'write "{value}s" if you mean seconds' if type(value) is int else problem.hint
            return Problem(problem.code, problem.message, problem.expected, hint)
        if _FORM.fullmatch(value) is None:
            hint = 'write one integer and one unit (ms, s, m, h, d) without a space, as in "90s"'
            return Problem("E-VAL-004", f"{described(value)} is not a duration", self.expected, hint)
        length = milliseconds(value)
        if length % 1000 and not self.fine:
            hint = f'the proxy counts whole seconds: "{max(1, round(length / 1000))}s" is the nearest'
            return Problem(
                "E-VAL-003", f"{described(value)} is not a number of whole seconds", self.expected, hint
            )
        if not milliseconds(self.minimum) <= length <= milliseconds(self.maximum):
            near = self.minimum if length < milliseconds(self.minimum) else self.maximum
            return Problem(
                "E-VAL-003", f"{described(value)} is out of range", self.expected, f"the nearest is {near}"
            )
        return canonical(length)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_FORM.pattern}$"}
