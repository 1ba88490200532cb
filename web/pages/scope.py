"""The organization and project that every query goes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """One project. There is no query without one."""

    organization: str
    project: str

    def rows(self, table: Any, *columns: Any) -> Any:
        """A SELECT of this project's rows of a table of `reconciler.db.models`; the caller narrows and orders it."""
        return table.select(*columns).where(
            table.organization == self.organization, table.project == self.project
        )
