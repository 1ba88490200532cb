"""Writes down which nodes drift: a row for each pair of digests while it lasts, an event when it begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from reconciler.db.drifting import open_drift
from reconciler.db.gating import Drift
from reconciler.db.models import Environment, Event
from reconciler.fleet.drift import SEVERAL, Group
from reconciler.flows.context import Context
from reconciler.release.paths import short


def lock(row: Environment) -> None:
    """Make another run wait for the end of this transaction; the row stays as it is."""
    Environment.update(name=Environment.name).where(Environment.id == row.id).execute()


def record(
    context: Context,
    environment: str,
    found: Iterable[Group],
    severities: Mapping[Group, tuple[str, str]],
    now: datetime,
) -> bool:
    """Write new groups, what changed of known ones, and which are gone; whether anything was new or gone."""
    rows = open_drift(context.organization.slug, context.project.slug, environment)
    known = {(row.desired, row.running): row for row in rows}
    changed = False
    for group in found:
        row = known.pop((group.desired, group.running), None)
        values: dict[str, Any] = {"nodes": group.nodes, "examples": list(group.examples), "seen_at": now}
        if row is not None:
            Drift.update(**values).where(Drift.id == row.id).execute()
            continue
        severity, summary = severities.get(group, ("unknown", ""))
        Drift.insert(
            organization=context.organization.slug,
            project=context.project.slug,
            environment=environment,
            desired=group.desired,
            running=group.running,
            severity=severity,
            summary=summary,
            since=now,
            **values,
        ).on_conflict_ignore().execute()
        changed = True
        runs = f"run {_name(group.running)}" if group.nodes != 1 else f"runs {_name(group.running)}"
        message = f"{_nodes(group.nodes)} of {environment} {runs} instead of {_name(group.desired)}"
        _say(context, environment, "drift.found", message, now, group.nodes, severity)
    for row in known.values():
        Drift.update(resolved_at=now).where(Drift.id == row.id).execute()
        changed = True
        message = (
            f"no node of {environment} runs {_name(row.running)} instead of {_name(row.desired)} any more"
        )
        _say(context, environment, "drift.resolved", message, now, 0, row.severity)
    return changed


def _name(digest: str) -> str:
    """A digest for people, or what stands for one."""
    if not digest:
        return "nothing"
    return "other bundles" if digest == SEVERAL else short(digest)


def _nodes(count: int) -> str:
    return f"{count} node{'s' if count != 1 else ''}"


def _say(
    context: Context, environment: str, kind: str, message: str, now: datetime, nodes: int, severity: str
) -> None:
    Event.create(
        organization=context.organization.slug,
        project=context.project.slug,
        kind=kind,
        subject=environment,
        message=message,
        details={"nodes": nodes, "severity": severity},
        at=now,
    )
