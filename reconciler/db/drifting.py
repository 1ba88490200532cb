"""Drift that was found, as facts, pages and the command read it. What reads is called inside `reading`."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.db.gating import Drift
from reconciler.db.session import writing

KEPT = timedelta(days=90)
"""How long drift is remembered that is over."""


def open_drift(organization: str, project: str, environment: str | None = None) -> list[Drift]:
    """What lasts, of one environment or of all, the oldest first."""
    query = _of(organization, project, environment).where(Drift.resolved_at.is_null())
    return list(query.order_by(Drift.since, Drift.id))


def past_drift(organization: str, project: str, environment: str, *, limit: int) -> list[Drift]:
    """What is over, the newest first."""
    query = _of(organization, project, environment).where(Drift.resolved_at.is_null(False))
    return list(query.order_by(Drift.resolved_at.desc(), Drift.id.desc()).limit(limit))


def forget_drift(*, now: datetime) -> int:
    """Delete what is over for longer than `KEPT`; return how many rows."""
    with writing():
        deleted: int = Drift.delete().where(Drift.resolved_at < now - KEPT).execute()
    return deleted


def _of(organization: str, project: str, environment: str | None):  # type: ignore[no-untyped-def]
    query = Drift.select().where(Drift.organization == organization, Drift.project == project)
    return query if environment is None else query.where(Drift.environment == environment)
