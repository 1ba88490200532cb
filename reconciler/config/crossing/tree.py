"""What checks between resources look at, and what they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.config.leaves import variants
from reconciler.config.report import Problem
from reconciler.config.resources import Resource


@dataclass(frozen=True, slots=True)
class Objection:
    """A problem of a resource, shown at a field and at one of its values; in an environment, when it has overrides."""

    resource: Resource
    path: tuple[str, ...]
    problem: Problem
    value: Any = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """All resources by (kind, name), and the other files by path. `environments` are looked for once: checks ask for
    them at every resource."""

    resources: Mapping[tuple[str, str], Resource]
    attached: Mapping[str, bytes]
    environments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(name for kind, name in self.resources if kind == "environment")
        object.__setattr__(self, "environments", names)

    def of(self, kind: str) -> Iterator[tuple[Resource, Mapping[str, Any], str | None]]:
        """(resource, effective data, the first environment it is effective in) of a kind, once for each variant.

        Resources with mistakes of their own are left out: what is wrong there has been told.
        """
        for resource in self.resources.values():
            if resource.kind.name == kind and not (resource.origin and resource.origin.broken):
                for data, names in variants(resource, self.environments):
                    yield resource, data, names[0] if names else None
