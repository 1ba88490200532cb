"""Drift that was found, as facts, pages and the command read it. What reads is called inside `reading`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from peewee import Case, fn

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


def before(
    organization: str,
    project: str,
    *,
    environment: str | None,
    resolved: bool | None,
    position: int | None,
    limit: int,
) -> list[Drift]:
    """Drift of a project, the newest first, below a position; `resolved` narrows to what is over, or is not."""
    query = _of(organization, project, environment)
    if resolved is not None:
        query = query.where(Drift.resolved_at.is_null(not resolved))
    if position is not None:
        query = query.where(Drift.id < position)
    return list(query.order_by(Drift.id.desc()).limit(limit))


def one(organization: str, project: str, number: int) -> Drift | None:
    """One drift of a project, or None."""
    found: Drift | None = _of(organization, project, None).where(Drift.id == number).first()
    return found


def tallies(organization: str, project: str) -> dict[str, dict[str, int]]:
    """For each environment with drift: how many last, the nodes that have them, and how many are over."""
    lasting = Case(None, [(Drift.resolved_at.is_null(), 1)], 0)
    rows: Any = (
        Drift.select(
            Drift.environment,
            fn.COUNT(Drift.id),
            fn.SUM(lasting),
            fn.SUM(Case(None, [(Drift.resolved_at.is_null(), Drift.nodes)], 0)),
        )
        .where(Drift.organization == organization, Drift.project == project)
        .group_by(Drift.environment)
        .order_by(Drift.environment)
        .tuples()
    )
    return {
        environment: {"lasting": int(last), "nodes": int(nodes), "resolved": count - int(last)}
        for environment, count, last, nodes in rows
    }


def forget_drift(*, now: datetime) -> int:
    """Delete what is over for longer than `KEPT`; return how many rows."""
    with writing():
        deleted: int = Drift.delete().where(Drift.resolved_at < now - KEPT).execute()
    return deleted


def _of(organization: str, project: str, environment: str | None):  # type: ignore[no-untyped-def]
    query = Drift.select().where(Drift.organization == organization, Drift.project == project)
    return query if environment is None else query.where(Drift.environment == environment)
