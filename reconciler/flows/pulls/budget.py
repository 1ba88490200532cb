"""How much a forge still wants to hear from one credential: a row that all connections, projects and workers share.

Forges count requests by whom they are from, so what one connection was answered holds for each that names the same
credentials (or the same installation of an App) for the same API.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.config.installation import Connection
from reconciler.db.forge import ForgeBudget
from reconciler.db.session import reading, writing
from reconciler.flows.context import Context

BETWEEN_NOTES = timedelta(seconds=1)
"""Forges take comments that come faster for a flood."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one credential may do at one API, and when. Nothing of the credential itself is in its name."""

    credential: str
    context: Context

    def free_at(self, *, note: bool) -> datetime | None:
        """Before when nothing, or no comment, is to be told; None when the forge has asked for no pause."""
        with reading():
            row = ForgeBudget.get_or_none(ForgeBudget.credential == self.credential)
        if row is None:
            return None
        moments = [row.not_before]
        if note and row.noted_at is not None:
            moments.append(row.noted_at + BETWEEN_NOTES)
        return max((moment for moment in moments if moment is not None), default=None)

    def pause(self, after: timedelta) -> None:
        """Leave the forge alone for so long. A longer pause that somebody else was told of stays."""
        moment = self.context.now() + after
        with writing():
            ForgeBudget.insert(credential=self.credential, not_before=moment).on_conflict(
                conflict_target=[ForgeBudget.credential],
                update={ForgeBudget.not_before: moment},
                where=ForgeBudget.not_before.is_null() | (ForgeBudget.not_before < moment),
            ).execute()

    def noted(self) -> None:
        """A comment was written now."""
        now = self.context.now()
        with writing():
            ForgeBudget.insert(credential=self.credential, noted_at=now).on_conflict(
                conflict_target=[ForgeBudget.credential], update={ForgeBudget.noted_at: now}
            ).execute()


def budget_of(context: Context, connection: Connection, address: str) -> Budget:
    """The budget of what a connection speaks with, at the API of this address."""
    app = connection.app
    speaks = [connection.credentials] if app is None else [app.id, app.installation]
    name = json.dumps([address.rstrip("/").lower(), *speaks])
    return Budget(hashlib.sha256(name.encode()).hexdigest(), context)
