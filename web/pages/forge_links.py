"""Where the forge shows what a page talks of: a commit, a file, a branch. Pure, and nothing is asked of the forge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from web.catalogue import ProjectEntry


@dataclass(frozen=True, slots=True)
class Shape:
    """How one forge builds its addresses, behind that of the repository."""

    commit: str
    file: str
    branch: str


_GITEA = Shape("commit/{sha}", "src/commit/{sha}/{path}", "commits/branch/{branch}")
SHAPES: Mapping[str, Shape] = {
    "github": Shape("commit/{sha}", "blob/{sha}/{path}", "commits/{branch}"),
    "gitlab": Shape("-/commit/{sha}", "-/blob/{sha}/{path}", "-/commits/{branch}"),
    "gitea": _GITEA,
    "forgejo": _GITEA,
    "bitbucket": Shape("commits/{sha}", "src/{sha}/{path}", "commits/branch/{branch}"),
    "bitbucket-data-center": Shape(
        "commits/{sha}", "browse/{path}?at={sha}", "commits?until=refs%2Fheads%2F{branch}"
    ),
}
"""Sources: the forges' own pages, looked up in November 2026. A generic forge has no pages that we know of."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""What is served there is git alone: the embedded system's repository has no pages."""


def commit(entry: ProjectEntry, sha: str) -> str | None:
    """The page of a commit; None where none is known."""
    return _address(entry, "commit", sha=sha) if sha else None


def file(entry: ProjectEntry, sha: str, path: str) -> str | None:
    """The page of a file as a commit has it. `path` counts from the top of the repository."""
    return _address(entry, "file", sha=sha, path=path) if sha and path else None


def own_file(entry: ProjectEntry, sha: str, path: str) -> str | None:
    """As `file`, with a path that counts from the project's folder."""
    return file(entry, sha, f"{entry.path}/{path}" if entry.path and path else path)


def branch(entry: ProjectEntry, name: str) -> str | None:
    """The page of a branch's history."""
    return _address(entry, "branch", branch=name)


def _address(entry: ProjectEntry, what: str, **parts: str) -> str | None:
    shape, root = SHAPES.get(entry.forge), _root(entry)
    if shape is None or root is None:
        return None
    words: str = getattr(shape, what)
    return f"{root}/{words.format(**{name: quote(value, safe='/') for name, value in parts.items()})}"


def _root(entry: ProjectEntry) -> str | None:
    """The page of the repository, always by HTTPS unless git itself is spoken over plain HTTP."""
    try:
        parts = urlsplit(entry.repository)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in ("https", "http", "ssh") or not host or host in LOOPBACK:
        return None
    scheme = "http" if parts.scheme == "http" else "https"
    # The port of SSH says nothing of where the pages are.
    where = f"{host}:{port}" if port and parts.scheme != "ssh" else host
    path = parts.path.strip("/").removesuffix(".git")
    if entry.forge == "bitbucket-data-center":
        words = [word for word in path.split("/") if word != "scm"]
        if len(words) != 2:
            return None
        path = f"projects/{words[0]}/repos/{words[1]}"
    return f"{scheme}://{where}/{quote(path)}"
