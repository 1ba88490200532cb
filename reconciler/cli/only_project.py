"""Which project a command means."""

from __future__ import annotations

from reconciler.config.installation import Installation, Project
from reconciler.errors import Stalled


def only_project(installation: Installation, slug: str | None) -> Project:
    """The project of that slug, or the only one there is. Raises `Stalled` E-NOD-043."""
    projects = [project for o in installation.organizations for project in o.projects]
    if slug is None and len(projects) == 1:
        return projects[0]
    for project in projects:
        if project.slug == slug:
            return project
    names = ", ".join(project.slug for project in projects)
    raise Stalled(
        "E-NOD-043",
        f"there is no project '{slug}'" if slug else "there are several projects",
        cure=f"Name one with --project: {names}",
    )
