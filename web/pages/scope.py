"""The organization and project that every query goes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.db.models import Table


@dataclass(frozen=True, slots=True)
class Scope:
    """One project. There is no query without one."""

    organization: str
    project: str

    def rows(self, table: type[Table], *columns: Any) -> Any:
        """A SELECT of this project's rows; the caller narrows and orders it."""
        return table.select(*columns).where(
            table.organization == self.organization, table.project == self.project
        )
