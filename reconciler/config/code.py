"""One code of a finding, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code's title, what it means, and what to do."""

    code: str
    title: str
    meaning: str
    cure: str
