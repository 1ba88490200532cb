"""JSON that means one thing to every reader: what Python's own reader lets pass and we do not."""

from __future__ import annotations

import math
from typing import Any, NoReturn


class Unsound(ValueError):
    """JSON that different readers would read as different things."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no key stands twice, as `object_pairs_hook`. Raises `Unsound`."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unsound("a key of the body stands twice in one object")
    return found


def no_constant(name: str) -> NoReturn:
    """NaN and the infinities, which JSON has not, as `parse_constant`. Raises `Unsound`."""
    raise Unsound(f"{name} is no number in JSON")


def finite(text: str) -> float:
    """A number with a fraction or an exponent, as `parse_float`. Raises `Unsound` for one that is beyond every float,
    such as 1e400, which readers take for infinity."""
    number = float(text)
    if math.isinf(number):
        raise Unsound("a number is too large")
    return number
