"""Which organizations and projects there are, for those who only look.

It is read from the server configuration, and again when that file changes. Nothing of keys, secrets or
credentials is kept: a page cannot show what it does not have.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from reconciler.config.installation import Installation, read_installation
from reconciler.jobs.last_good import PROBLEM, last_good

log = logging.getLogger(__name__)

LONGEST = 4000
"""Characters that are shown of why the server configuration cannot be used."""


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """A project as pages know it. `repository` has no user and no password in it; `connection` may be empty, and so
    may `forge`, which is the kind of forge behind it. `path` is the project's folder in the repository."""

    organization: str
    organization_name: str
    slug: str
    name: str
    repository: str
    trunk: str
    branch_prefix: str
    connection: str
    forge: str = ""
    path: str = ""

    def branch(self, environment: str) -> str:
        """The name of an environment's branch."""
        return f"{self.branch_prefix}env/{environment}"


Members = Mapping[tuple[str, str], Mapping[str, str]]
"""(organization, project or "") → e-mail address → role."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All projects, in the order of the server configuration, and who is a member of what."""

    projects: tuple[ProjectEntry, ...]
    members: Members = field(default_factory=dict)

    def project(self, organization: str, slug: str) -> ProjectEntry | None:
        """The project of that organization, or None."""
        return next((p for p in self.projects if p.slug == slug and p.organization == organization), None)

    def by_slug(self, slug: str) -> ProjectEntry | None:
        """The project of that slug, which is unique in an installation, or None."""
        return next((p for p in self.projects if p.slug == slug), None)

    def organizations(self) -> list[tuple[str, str, list[ProjectEntry]]]:
        """(slug, name, projects) of every organization that has a project, in order."""
        found: dict[str, tuple[str, str, list[ProjectEntry]]] = {}
        for entry in self.projects:
            found.setdefault(entry.organization, (entry.organization, entry.organization_name, []))[2].append(
                entry
            )
        return list(found.values())


class CatalogueSource(Protocol):
    """Where the catalogue comes from. `problem` says why the newest state could not be read, or is None."""

    def catalogue(self) -> Catalogue: ...

    @property
    def problem(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class FixedCatalogue:
    """A catalogue that does not change."""

    entries: tuple[ProjectEntry, ...]
    problem: str | None = None
    members: Members = field(default_factory=dict)

    def catalogue(self) -> Catalogue:
        return Catalogue(self.entries, self.members)


class CatalogueFile:
    """The catalogue in `control-plane.kdl`. A broken file leaves the last good catalogue in place: the one that was
    read here, or after a start the one that `home` has a copy of."""

    def __init__(self, path: Path, home: Path | None = None) -> None:
        self._path = path
        self._home = home
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._catalogue: Catalogue | None = None
        self._problem: str | None = f"{path.name} was not read yet"

    @property
    def problem(self) -> str | None:
        """Why the file, or the head of the repository that it comes from, cannot be used; None when all is well."""
        if self._problem is not None:
            return self._problem
        try:
            return self._path.with_name(self._path.name + PROBLEM).read_text("utf-8")[:LONGEST].strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return "why its repository cannot be followed is not to be read"

    def catalogue(self) -> Catalogue:
        """The newest catalogue that could be read."""
        with self._lock:
            try:
                status = self._path.stat()
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                if stamp != self._seen:
                    self._read(self._path.read_bytes())
                    self._seen = stamp
            except OSError as error:
                self._report(f"{self._path.name} cannot be read: {error.strerror}")
            if self._catalogue is None:
                kept = last_good(self._home) if self._home is not None else None
                self._catalogue = _of(kept) if kept is not None else Catalogue(())
            return self._catalogue

    def _read(self, content: bytes) -> None:
        installation, findings = read_installation(content, self._path.name)
        if installation is None:
            lines = "; ".join(str(finding) for finding in findings)
            self._report(f"{self._path.name} has mistakes: {lines}")
            return
        self._catalogue, self._problem = _of(installation), None

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.error("server-configuration-unusable: %s", problem)
        self._problem = problem


def _of(installation: Installation) -> Catalogue:
    return Catalogue(tuple(entries(installation)), members(installation))


def entries(installation: Installation) -> Iterable[ProjectEntry]:
    """The projects of an installation, without anything secret."""
    for organization in installation.organizations:
        forges = {connection.slug: connection.forge for connection in organization.connections}
        for project in organization.projects:
            yield ProjectEntry(
                organization=organization.slug,
                organization_name=organization.name,
                slug=project.slug,
                name=project.name or project.slug,
                repository=without_credentials(project.repository),
                trunk=project.trunk,
                branch_prefix=project.branch_prefix,
                connection=project.connection or "",
                forge=forges.get(project.connection or "", ""),
                path=project.path,
            )


def members(installation: Installation) -> Members:
    """Who is a member of which organization and project, and with which role."""
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for organization in installation.organizations:
        found[organization.slug, ""] = {member.email: member.role for member in organization.members}
        for project in organization.projects:
            found[organization.slug, project.slug] = {m.email: m.role for m in project.members}
    return found


def without_credentials(url: str) -> str:
    """The URL without user, password, query and fragment; a URL that cannot be read becomes empty."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if not parts.scheme:
        # An scp-like address such as git@forge:shop.git has a user that is no secret.
        return url
    user = "git@" if parts.scheme == "ssh" and parts.username == "git" else ""
    name = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{user}{name}{port}", parts.path, "", ""))
