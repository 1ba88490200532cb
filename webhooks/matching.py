"""Which projects a push concerns, and which work it asks for. Pure.

A payload may lie about everything; the worst it can do is to have a branch looked at that did not move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

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


def work_of(
    project: Project, moves: Iterable[Move], environments: Callable[[], Iterable[str]]
) -> list[tuple[str, str]]:
    """(kind, subject) of the work that a push asks for; trunk's when it names no reference.

    `environments` gives the names of the project's environments and is called only when a reference may be theirs: a
    branch that merely looks like an environment's asks for nothing.
    """
    moved = [move.ref for move in moves]
    if not moved:
        return [("trunk", "")]
    prefix = f"refs/heads/{project.branch_prefix}env/"
    found = []
    for ref in dict.fromkeys(moved):
        if ref == f"refs/heads/{project.trunk}" or (project.tags and ref.startswith("refs/tags/")):
            found.append(("trunk", ""))
        elif ref.startswith(prefix) and ref.removeprefix(prefix) in set(environments()):
            found.append(("environment", ref.removeprefix(prefix)))
    return list(dict.fromkeys(found))


def place(address: str) -> str:
    """Host and path of a repository's URL, the same for https, ssh and `git@host:path`; empty for anything else."""
    text = address.strip()
    if "://" not in text:
        user_and_host, colon, path = text.partition(":")
        if not colon or "/" in user_and_host:
            return ""
        text = f"ssh://{user_and_host}/{path.lstrip('/')}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    path = parts.path.strip("/").removesuffix(".git")
    if not host or not path:
        return ""
    # The port tells servers on one machine apart, but ssh and https of one forge never share it.
    shown = f":{port}" if port and parts.scheme in {"http", "https"} else ""
    return f"{host}{shown}/{path}"
