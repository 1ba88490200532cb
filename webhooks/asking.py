"""What a delivery asks for: looks at repositories, pull requests and promotions. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.config.addresses import place
from reconciler.config.installation import Project
from webhooks.matching import concerned, matters, of_repository
from webhooks.receivers.delivery import PullRequest, Push, Renamed

LONGEST_ENVIRONMENT = 63
"""Characters of a name, as the database has it."""


@dataclass(frozen=True, slots=True)
class Look:
    """Work that is owed, as `reconciler.db.owed.ask` takes it."""

    organization: str
    project: str
    kind: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Rename:
    """The repository of a project is called something else now."""

    organization: str
    project: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The looks of a delivery, why there are none when there are none, and what people have to be told."""

    looks: tuple[Look, ...] = ()
    reason: str = ""
    renames: tuple[Rename, ...] = ()


def asked_for(projects: list[Project], read: Push | PullRequest | Renamed) -> Asked:
    """What a delivery to a connection of these projects asks for.

    However many projects share a repository, one of them stands for all of them.
    """
    if isinstance(read, PullRequest):
        return by_pull_request(projects, read)
    if isinstance(read, Renamed):
        found = of_repository(projects, read.before)
        names = read.before.full_name, read.repository.full_name
        return Asked(
            looks_at(projects, found, "repository"),
            "no project has a repository of the name before",
            tuple(Rename(project.organization, project.slug, *names) for project in found),
        )
    found = [project for project in concerned(projects, read.repository) if matters(project, read.moves)]
    return Asked(
        looks_at(projects, found, "repository"), "it moved no branch that a project of this connection has"
    )


def by_pull_request(projects: list[Project], read: PullRequest) -> Asked:
    """A look at the pull request where it is one into a trunk, else at the promotion that it may be."""
    if read.target in {f"refs/heads/{project.trunk}" for project in projects}:
        kind, subject = ("reviews", "") if read.action == "reviewed" else ("pull", str(read.number))
        return Asked(looks_at(projects, concerned(projects, read.repository), kind, subject))
    looks = []
    for project in concerned(projects, read.repository):
        start = f"refs/heads/{project.branch_prefix}env/"
        environment = read.target.removeprefix(start)
        if read.target.startswith(start) and 0 < len(environment) <= LONGEST_ENVIRONMENT:
            looks.append(Look(project.organization, project.slug, "promotion", environment))
    return Asked(
        tuple(looks),
        "a pull request into a branch that is no trunk, and no environment's, is nothing that is planned",
    )


def looks_at(projects: list[Project], found: list[Project], kind: str, subject: str = "") -> tuple[Look, ...]:
    """One look for each repository that the projects in `found` have, of the first project that has it too."""
    return tuple(
        Look(
            found[0].organization,
            min(project.slug for project in projects if project.repository == url),
            kind,
            subject,
        )
        for url in dict.fromkeys(project.repository for project in found)
    )


def place_of(projects: list[Project], read: Push | PullRequest | Renamed) -> str:
    """Host and path of the one repository that this is about, empty when it may be about several or none of ours."""
    repository = read.before if isinstance(read, Renamed) else read.repository
    places = {place(project.repository) for project in of_repository(projects, repository)}
    return places.pop() if len(places) == 1 else ""
