"""What is wrong with a resource in one environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.config.findings import Place
from reconciler.config.report import Problem
from reconciler.config.resources import Resource


@dataclass(frozen=True, slots=True)
class Objection:
    """A problem with a resource in one environment, at one of its fields, or at a place of its own."""

    resource: Resource | None
    path: tuple[str, ...]
    problem: Problem
    value: Any = None
    place: Place | None = None
