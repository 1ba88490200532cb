"""Opens an organization's log for a command, by what the settings of this process name."""

from __future__ import annotations

import os

from reconciler.db.session import connect
from reconciler.errors import Stalled
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.settings import read_settings


def open_organization(slug: str | None) -> tuple[Context, list[str]]:
    """A context of the organization, and the slugs of its projects. Raises `Stalled`."""
    settings = read_settings(os.environ)
    connect(settings)
    installation = load_installation(settings)
    organizations = [o for o in installation.organizations if o.projects]
    found = next((o for o in organizations if o.slug == slug), None)
    if slug is None and len(organizations) == 1:
        found = organizations[0]
    if found is None:
        names = ", ".join(o.slug for o in organizations)
        raise Stalled(
            "E-LOG-006",
            f"there is no organization '{slug}' with a project"
            if slug
            else "there is not exactly one organization",
            cure=f"Name one with --organization: {names}",
        )
    projects = [project.slug for project in found.projects]
    return open_context(settings, installation, found.slug, projects[0], os.environ), projects
