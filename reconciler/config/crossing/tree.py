"""What checks between resources look at, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    _by_kind: Mapping[str, list[Resource]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_kind: dict[str, list[Resource]] = {}
        for (kind, _), resource in self.resources.items():
            by_kind.setdefault(kind, []).append(resource)
        object.__setattr__(self, "_by_kind", by_kind)
        names = tuple(resource.name for resource in by_kind.get("environment", ()))
        object.__setattr__(self, "environments", names)

    def files_where(self, holds: Callable[[str], bool]) -> frozenset[str]:
        """Paths of the files of resources whose text is like that; each is looked at once."""
        texts = {r.origin.file.path: r.origin.file.text for r in self.resources.values() if r.origin}
        return frozenset(path for path, text in texts.items() if holds(text))

    def of(self, kind: str) -> Iterator[tuple[Resource, Mapping[str, Any], str | None]]:
        """(resource, effective data, the first environment it is effective in) of a kind, once for each variant.

        Resources with mistakes of their own are left out: what is wrong there has been told.
        """
        for resource in self._by_kind.get(kind, ()):
            if not (resource.origin and resource.origin.broken):
                for data, names in variants(resource, self.environments):
                    yield resource, data, names[0] if names else None
