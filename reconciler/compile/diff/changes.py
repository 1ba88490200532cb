"""One difference, and all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.compile.diff.meaning import Fact
from reconciler.compile.diff.model import Model


class Action(StrEnum):
    """What happened, in the order in which it is told: what is lost comes first."""

    removed = "removed"
    changed = "changed"
    added = "added"


AREAS: Mapping[str, str] = {
    "route": "routes",
    "auth": "authentication",
    "tls": "TLS",
    "waf": "WAF",
    "limit": "limits",
    "upstream": "upstreams",
    "listener": "listeners",
    "filter": "filters",
    "agent": "agents",
    "setting": "settings",
    "file": "other files",
    "secret": "secrets",
}
"""What a change is about, in the order in which it is told, with its heading."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One fact: None before means that it is new, None after that it is gone."""

    path: str
    before: Fact
    after: Fact

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"path": self.path, "before": _plain(self.before), "after": _plain(self.after)}


def _plain(fact: Fact) -> Any:
    return list(fact) if isinstance(fact, tuple) else fact


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the configuration that is gone, new or different.

    `area` is one of AREAS and `kind` what the part is. `routes` are the names of all routes that it has to do with,
    before or after. `was` is the part's former name when that is another.
    """

    action: Action
    area: str
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()
    routes: tuple[str, ...] = ()
    was: str = ""

    def field(self, path: str) -> FieldChange | None:
        """The change of one fact, or None when it is the same."""
        return next((field for field in self.fields if field.path == path), None)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "action": str(self.action),
            "area": self.area,
            "kind": self.kind,
            "name": self.name,
            "was": self.was or None,
            "fields": [field.to_json() for field in self.fields],
            "routes": list(self.routes),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """All differences of one environment, deletions first.

    `before` or `after` is None when the environment does not exist on that side. `restart` says that the proxy has to
    start anew. `raw` is the unified diff of the texts; it may be there without a single change.
    """

    environment: str
    changes: tuple[Change, ...]
    restart: bool
    raw: str
    before: Model | None
    after: Model | None

    @property
    def same(self) -> bool:
        """Whether the two mean the same and are written the same."""
        return not self.changes and not self.raw

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "environment": self.environment,
            "exists": {"before": self.before is not None, "after": self.after is not None},
            "restart": self.restart,
            "changes": [change.to_json() for change in self.changes],
            "raw": self.raw,
        }
