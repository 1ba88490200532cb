"""Which projects a push concerns. Pure.

A payload may lie about everything; the worst it can do is to have a branch looked at that did not move.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.config.addresses import place
from reconciler.config.installation import Project
from webhooks.receivers.delivery import Move, Repository


def concerned(projects: Sequence[Project], repository: Repository) -> list[Project]:
    """The projects whose repository that is; all of them when that cannot be told."""
    return of_repository(projects, repository) or list(projects)


def of_repository(projects: Sequence[Project], repository: Repository) -> list[Project]:
    """The projects whose repository has one of these URLs, or else this path."""
    addresses = {place(address) for address in repository.addresses} - {""}
    exact = [project for project in projects if place(project.repository) in addresses]
    if exact:
        return exact
    ending = "/" + repository.full_name.strip("/").lower()
    if len(ending) == 1:
        return []
    return [project for project in projects if place(project.repository).lower().endswith(ending)]


def matters(project: Project, moves: Sequence[Move]) -> bool:
    """Whether a push may concern the project: it moved trunk, something below its `env/` or its `promote/`, or a tag it
    listens to.

    One that names no reference may have moved anything.
    """
    prefixes = tuple(f"refs/heads/{project.branch_prefix}{folder}/" for folder in ("env", "promote"))
    return not moves or any(
        move.ref == f"refs/heads/{project.trunk}"
        or move.ref.startswith(prefixes)
        or (project.tags and move.ref.startswith("refs/tags/"))
        for move in moves
    )
