"""`sentinelctl drift`: which nodes run something else than they should."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import click

from reconciler import clock
from reconciler.cli.only_project import only_project
from reconciler.config.installation import Project
from reconciler.db.drifting import open_drift, past_drift
from reconciler.db.gating import Drift
from reconciler.db.models import Environment
from reconciler.db.session import connect, reading
from reconciler.errors import Stalled
from reconciler.flows.context import load_installation
from reconciler.release.paths import short
from reconciler.settings import read_settings

PAST = 500
"""How much of what is over is counted and shown at most."""


@click.command()
@click.argument("environment")
@click.option("--project", help="Default: the only project there is.")
@click.option("--all", "everything", is_flag=True, help="Also what is over.")
@click.option("--stats", is_flag=True, help="Counts alone: how much there was, and how long it lasted.")
def command(environment: str, project: str | None, everything: bool, stats: bool) -> None:
    """List what drifts in ENVIRONMENT: nodes that run something else than git wants, for longer than their grace."""
    found = _project(project, environment, os.environ)
    with reading():
        lasting = open_drift(found.organization, found.slug, environment)
        over = past_drift(found.organization, found.slug, environment, limit=PAST)
    now = clock.now()
    if stats:
        _stats(lasting, over)
        return
    if not lasting:
        click.echo(f"no node of {environment} drifts")
    for row in (*lasting, *(over if everything else ())):
        _show(row, now)


def _project(slug: str | None, environment: str, environ: Mapping[str, str]) -> Project:
    settings = read_settings(environ)
    project = only_project(load_installation(settings), slug)
    connect(settings)
    with reading():
        known = [
            row.name
            for row in Environment.select()
            .where(Environment.organization == project.organization, Environment.project == project.slug)
            .order_by(Environment.position)
        ]
    if environment not in known:
        raise Stalled(
            "E-REL-030",
            f"project '{project.slug}' has no environment '{environment}'",
            cure=f"Use one of {', '.join(known)}" if known else "None has been looked at yet",
        )
    return project


def _show(row: Drift, now: datetime) -> None:
    until = row.resolved_at or now
    state = (
        f"resolved after {_span(until - row.since)}" if row.resolved_at else f"for {_span(until - row.since)}"
    )
    nodes = f"{row.nodes} node{'s' if row.nodes != 1 else ''}"
    click.echo(f"{row.severity:8} {nodes} on {_name(row.running)} instead of {_name(row.desired)}, {state}")
    if row.summary:
        click.echo(f"         {row.summary}")
    for example in row.examples:
        click.echo(f"         {example}")


def _stats(lasting: Iterable[Drift], over: list[Drift]) -> None:
    rows = list(lasting)
    click.echo(f"lasting   {len(rows)}, {sum(row.nodes for row in rows)} nodes")
    click.echo(f"resolved  {len(over)}{' or more' if len(over) == PAST else ''}")
    spans = sorted(row.resolved_at - row.since for row in over)
    if spans:
        click.echo(f"lasted    {_span(spans[len(spans) // 2])} in the middle, {_span(spans[-1])} at most")
    for severity in sorted({row.severity for row in (*rows, *over)}):
        count = sum(row.severity == severity for row in (*rows, *over))
        click.echo(f"{severity:9} {count}")


def _name(digest: str) -> str:
    if not digest:
        return "nothing"
    return short(digest) if digest.startswith("sha256:") else f"{digest} bundles"


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
