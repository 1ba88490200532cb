"""Types of measured values: percentages, factors and thresholds. They stand in quotes, so that 99.9 stays 99.9."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.values import Json, described, wrong_type

_DECIMAL = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_PERCENT = re.compile(rf"({_DECIMAL})%")
_FACTOR = re.compile(_DECIMAL)
_QUANTITY = re.compile(rf"({_DECIMAL})(%|ms|s|)")


def plain(number: Decimal) -> str:
    """A number without an exponent and without zeros that say nothing."""
    text = format(number.normalize(), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unquoted(value: KdlValue, expected: str, suffix: str) -> Problem:
    problem = wrong_type(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return problem
    return Problem(problem.code, problem.message, expected, f'write "{value}{suffix}" in quotes')


@dataclass(frozen=True, slots=True)
class Percent:
    """A percentage between two bounds, both included, such as "99.9%"."""

    minimum: str
    maximum: str
    name: str = "percentage"

    @property
    def expected(self) -> str:
        return f'a percentage from "{self.minimum}%" to "{self.maximum}%"'

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return _unquoted(value, self.expected, "%")
        match = _PERCENT.fullmatch(value)
        if match is None:
            return Problem(
                "E-VAL-004", f"{described(value)} is not a percentage", self.expected, 'write it like "99.9%"'
            )
        number = Decimal(match[1])
        if not Decimal(self.minimum) <= number <= Decimal(self.maximum):
            near = self.minimum if number < Decimal(self.minimum) else self.maximum
            return Problem(
                "E-VAL-003", f"{described(value)} is out of range", self.expected, f"the nearest is {near}%"
            )
        return f"{plain(number)}%"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_PERCENT.pattern}$"}


@dataclass(frozen=True, slots=True)
class Factor:
    """A decimal number between two bounds, both included, such as "14.4"."""

    minimum: str
    maximum: str
    name: str = "number"

    @property
    def expected(self) -> str:
        return f'a number in quotes, from "{self.minimum}" to "{self.maximum}"'

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return _unquoted(value, self.expected, "")
        if _FACTOR.fullmatch(value) is None:
            return Problem(
                "E-VAL-004", f"{described(value)} is not a number", self.expected, 'write it like "14.4"'
            )
        number = Decimal(value)
        if not Decimal(self.minimum) <= number <= Decimal(self.maximum):
            near = self.minimum if number < Decimal(self.minimum) else self.maximum
            return Problem(
                "E-VAL-003", f"{described(value)} is out of range", self.expected, f"the nearest is {near}"
            )
        return plain(number)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_FACTOR.pattern}$"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with the unit of what it measures: "2%", "800ms", "100"."""

    name: str = "quantity"
    expected: str = 'a number with its unit, such as "2%", "800ms", "1.5s" or "100"'

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return _unquoted(value, self.expected, "")
        match = _QUANTITY.fullmatch(value)
        if match is None:
            return Problem(
                "E-VAL-004",
                f"{described(value)} is not a quantity",
                self.expected,
                'write it like "2%" or "800ms"',
            )
        if match[2] == "s":
            return f"{plain(Decimal(match[1]) * 1000)}ms"
        return f"{plain(Decimal(match[1]))}{match[2]}"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_QUANTITY.pattern}$"}


def unit_of(quantity: str) -> str:
    """ "%", "ms", or nothing for a count."""
    return quantity.lstrip("0123456789.")


def share(percent: str) -> Decimal:
    """A percentage such as "99.9%" as a number from 0 to 1."""
    return Decimal(percent.removesuffix("%")) / 100
