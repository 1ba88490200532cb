"""Which live bundles are due to be rebuilt from their commits: each about once a day, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler.config.installation import Installation, Project
from reconciler.db.evidence import Reproduction
from reconciler.db.live import live_bundles
from reconciler.db.models import Bundle
from reconciler.db.owed import ask
from reconciler.db.session import reading
from reconciler.jobs.sweep import spread

EVERY = timedelta(days=1)
SPREAD = timedelta(hours=6)
"""By the digest, so that what was published together is not rebuilt together."""

FIRST_WITHIN = timedelta(hours=1)
"""A bundle that has come alive is rebuilt soon, once a worker has the time."""

AT_ONCE = 4
"""Bundles that are asked for in one round of the clock: rebuilding waits for pushes, not the other way round."""


def ask_for_rebuilds(installation: Installation, now: datetime) -> int:
    """Ask for the live bundles whose time has come, those that waited longest first; return how many."""
    projects = [project for organization in installation.organizations for project in organization.projects]
    due = sorted(found for project in projects for found in _due(project, now))[:AT_ONCE]
    for _, organization, project, digest in due:
        ask(organization, project, "reproduce", digest, now=now)
    return len(due)


def _due(project: Project, now: datetime) -> Iterator[tuple[datetime, str, str, str]]:
    organization, slug = project.organization, project.slug
    live = live_bundles(organization, slug)
    with reading():
        published = {
            row.digest: row.created_at
            for row in Bundle.select(Bundle.digest, Bundle.created_at).where(
                Bundle.organization == organization, Bundle.project == slug, Bundle.digest.in_(live)
            )
        }
        checked = {
            row.digest: row.checked_at
            for row in Reproduction.select(Reproduction.digest, Reproduction.checked_at).where(
                Reproduction.organization == organization,
                Reproduction.project == slug,
                Reproduction.digest.in_(live),
            )
        }
    for digest, created_at in published.items():
        part = spread((organization, digest))
        if digest in checked:
            moment = checked[digest] + EVERY + SPREAD * (part - 0.5)
        else:
            moment = created_at + FIRST_WITHIN * part
        if moment <= now:
            yield moment, organization, slug, digest
