"""The look at every repository although no webhook came: one `ls-remote` for each, compared with the database.

It finds what webhooks missed: branches that moved since the repository was looked at, and work that was done for
another commit than where a branch stands. What it finds is only asked for; the work itself reads the branches again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from peewee import fn

from reconciler.config.addresses import place
from reconciler.config.installation import Installation, Project
from reconciler.db import session
from reconciler.db.intake import Receipt, Repository
from reconciler.db.models import Commit, Environment
from reconciler.db.owed import ask
from reconciler.errors import ReconcilerError
from reconciler.flows.context import git_credentials
from reconciler.git.identity import Credentials
from reconciler.git.remote import remote_refs

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Repositories that are looked at together: a forge that hangs holds up only itself."""

LONGEST_PAUSE = timedelta(minutes=15)
"""A repository that cannot be listed is tried ever more rarely, down to this."""

FIRST_SPREAD = timedelta(seconds=2)
"""After a start, the first looks are spread over this time."""

ASK_AGAIN_AFTER = timedelta(minutes=10)
"""Work that was asked for because of the same difference is not asked for again before this, so that the sweep does not
break the back-off of work that fails."""

RemoteRefs = Callable[[str, Credentials | None], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A branch, or a repository, that is not as the database says. `found` is what it is: a branch's commit, empty when
    it has vanished, and a repository's branches as one hash."""

    kind: str
    subject: str
    found: str


@dataclass(slots=True)
class _Watch:
    next_look: datetime
    failures: int = 0
    busy: bool = False


@dataclass(slots=True)
class Sweeper:
    """Remembers when each repository is due, and what has been asked for already. Losing it costs a few looks."""

    folder: Path
    environ: Mapping[str, str]
    every: timedelta
    list_refs: RemoteRefs = remote_refs
    _watches: dict[tuple[str, str], _Watch] = field(default_factory=dict)
    _asked: dict[tuple[str, str, str, str], tuple[str, datetime]] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sweep")
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start_due(self, installation: Installation, now: Callable[[], datetime]) -> int:
        """Begin to look at every repository whose time has come; return how many. It does not wait for them."""
        repositories = repositories_of(installation)
        moment = now()
        with self._lock:
            for gone in self._watches.keys() - repositories.keys():
                if not self._watches[gone].busy:
                    del self._watches[gone]
            due = []
            for key in repositories:
                watch = self._watches.setdefault(key, _Watch(moment + FIRST_SPREAD * spread(key)))
                if not watch.busy and watch.next_look <= moment:
                    watch.busy = True
                    due.append(key)
        for key in due:
            self._pool.submit(self._guarded_look, installation, key, repositories[key], now)
        return len(due)

    def look(
        self, installation: Installation, key: tuple[str, str], projects: list[Project], now: datetime
    ) -> list[Difference]:
        """List one repository and ask for the work of every difference that is new. Raises `ReconcilerError`."""
        url, slug = key
        connection = installation.connection(slug) if slug else None
        refs = self.list_refs(
            url,
            git_credentials(installation, connection, url, folder=self.folder, environ=self.environ, now=now),
        )
        found = []
        for organization in dict.fromkeys(project.organization for project in projects):
            own = [project for project in projects if project.organization == organization]
            found += self._compare(own, refs, now)
        return found

    def close(self) -> None:
        """Begin no more looks."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _compare(self, projects: list[Project], refs: dict[str, str], now: datetime) -> list[Difference]:
        """Of one organization's projects in one repository."""
        first = min(projects, key=lambda project: project.slug)
        moved = unseen(first, refs)
        found = []
        for project in [first] if moved else projects:
            for difference in [moved] if moved else differences(project, refs):
                if self._is_new(project, difference, now):
                    ask(project.organization, project.slug, difference.kind, difference.subject, now=now)
                    log.info(
                        "sweep-found project=%s kind=%s subject=%s commit=%s",
                        project.slug, difference.kind, difference.subject, difference.found,
                    )  # fmt: skip
                    found.append(difference)
        return found

    def _guarded_look(
        self,
        installation: Installation,
        key: tuple[str, str],
        projects: list[Project],
        now: Callable[[], datetime],
    ) -> None:
        failed = True
        try:
            self.look(installation, key, projects, now())
            failed = False
        except ReconcilerError as error:
            log.warning("sweep-failed projects=%s: %s", ",".join(project.slug for project in projects), error)
        except Exception:
            log.exception("sweep-failed projects=%s", ",".join(project.slug for project in projects))
        finally:
            session.close()
            with self._lock:
                watch = self._watches.setdefault(key, _Watch(now()))
                watch.busy = False
                watch.failures = watch.failures + 1 if failed else 0
                watch.next_look = now() + pause(self.every, watch.failures, key)

    def _is_new(self, project: Project, difference: Difference, now: datetime) -> bool:
        name = (project.organization, project.slug, difference.kind, difference.subject)
        with self._lock:
            before = self._asked.get(name)
            if before is not None and before[0] == difference.found and now - before[1] < ASK_AGAIN_AFTER:
                return False
            self._asked[name] = (difference.found, now)
            return True


def repositories_of(installation: Installation) -> dict[tuple[str, str], list[Project]]:
    """Every distinct repository, named by its URL and the connection whose credentials open it, with its projects."""
    found: dict[tuple[str, str], list[Project]] = {}
    for organization in installation.organizations:
        for project in organization.projects:
            found.setdefault((project.repository, project.connection or ""), []).append(project)
    return found


def unseen(project: Project, refs: Mapping[str, str]) -> Difference | None:
    """That the project's repository is not as it was when it was last looked at, or that a delivery has come since,
    which may explain what was missing; None when neither is so."""
    connection = project.connection or ""
    with session.reading():
        row = Repository.get_or_none(
            Repository.organization == project.organization,
            Repository.connection == connection,
            Repository.url == project.repository,
        )
        newest = (
            Receipt.select(fn.MAX(Receipt.id))
            .where(
                Receipt.organization == project.organization,
                Receipt.connection == connection,
                Receipt.place == place(project.repository),
                Receipt.id > (row.receipt if row is not None else 0),
            )
            .scalar()
        )
    if row is not None and row.version and row.refs == refs and newest is None:
        return None
    text = "\n".join([str(newest), *(f"{name} {sha}" for name, sha in sorted(refs.items()))])
    return Difference("repository", "", hashlib.sha256(text.encode()).hexdigest())


def differences(project: Project, refs: Mapping[str, str]) -> list[Difference]:
    """Where the branches of a project do not stand where the database says. `refs`: full name → commit id.

    Of a project with a folder of its own, trunk may stand further on: commits that do not concern it are not recorded.
    """
    with session.reading():
        newest = (
            Commit.select(Commit.sha)
            .where(Commit.organization == project.organization, Commit.project == project.slug)
            .order_by(Commit.position.desc(), Commit.id.desc())
            .first()
        )
        heads = {
            row.name: row.head
            for row in Environment.select(Environment.name, Environment.head)
            .where(Environment.organization == project.organization, Environment.project == project.slug)
            .order_by(Environment.position)
        }
    found = []
    trunk = refs.get(f"refs/heads/{project.trunk}", "")
    stood = newest.sha if newest is not None else ""
    if trunk != stood and not (project.path and trunk and stood):
        found.append(Difference("trunk", "", trunk))
    for name, head in heads.items():
        there = refs.get(f"refs/heads/{project.branch_prefix}env/{name}", "")
        if there != head:
            found.append(Difference("environment", name, there))
    return found


def pause(every: timedelta, failures: int, key: tuple[str, str]) -> timedelta:
    """The time until the next look: `every`, doubled for each failure in a row, and up to a tenth more by the key."""
    wait = every if failures == 0 else min(every * 2 ** min(failures, 16), max(LONGEST_PAUSE, every))
    return wait * (1 + 0.1 * spread(key))


def spread(key: tuple[str, str]) -> float:
    """A number from 0 up to 1 that is the same for the same repository."""
    return int.from_bytes(hashlib.sha256("\n".join(key).encode()).digest()[:4], "big") / 2**32
