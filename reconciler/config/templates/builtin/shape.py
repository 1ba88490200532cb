"""What a built-in template consists of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Builtin:
    """A template in the language itself, as a project could write it, and a service that is made from it."""

    text: str
    example: str
