"""Which projects a push concerns, and which work it asks for. Pure.

A payload may lie about everything; the worst it can do is to have a branch looked at that did not move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from reconciler.config.installation import Project
from webhooks.receivers.delivery import Push


def concerned(projects: Sequence[Project], push: Push) -> list[Project]:
    """The projects whose repository is the one that was pushed to; all of them when that cannot be told."""
    addresses = {place(address) for address in push.addresses} - {""}
    exact = [project for project in projects if place(project.repository) in addresses]
    if exact:
        return exact
    ending = "/" + push.full_name.strip("/").lower()
    named = [project for project in projects if place(project.repository).lower().endswith(ending)]
    if named and len(ending) > 1:
        return named
    return list(projects)


def work_of(
    project: Project, refs: Iterable[str], environments: Callable[[], Iterable[str]]
) -> list[tuple[str, str]]:
    """(kind, subject) of the work that a push of `refs` asks for; trunk's when it names no branch.

    `environments` gives the names of the project's environments and is called only when a reference may be theirs: a
    branch that merely looks like an environment's asks for nothing.
    """
    moved = list(refs)
    if not moved:
        return [("trunk", "")]
    prefix = f"refs/heads/{project.branch_prefix}env/"
    found = []
    for ref in moved:
        if ref == f"refs/heads/{project.trunk}":
            found.append(("trunk", ""))
        elif ref.startswith(prefix) and ref.removeprefix(prefix) in set(environments()):
            found.append(("environment", ref.removeprefix(prefix)))
    return found


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
