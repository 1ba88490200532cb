"""A delivery, from its raw bytes to its answer, in an order that never changes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from peewee import IntegrityError

from reconciler.config.addresses import place
from reconciler.config.installation import Connection, Installation, Project
from reconciler.db import session
from reconciler.db.intake import Receipt
from reconciler.db.many import insert_row
from reconciler.db.models import Event
from reconciler.db.owed import ask
from reconciler.errors import Stalled
from reconciler.jobs.installed import InstalledFile
from reconciler.keys.uri import load_secret
from webhooks.matching import concerned, matters, of_repository
from webhooks.problems import odd_headers, unauthenticated, unreadable
from webhooks.receivers import RECEIVERS
from webhooks.receivers.delivery import Headers, Ignored, Malformed, PullRequest, Push, Renamed

log = logging.getLogger(__name__)

LONGEST_ENVIRONMENT = 63
"""Characters of a name, as the database has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the forge is told. `result` is the static name that is counted."""

    status: int
    result: str
    body: dict[str, Any]


@dataclass(slots=True)
class Receiving:
    """Receives deliveries of every connection. `wake` has what is owed enqueued; `ready` migrates the database."""

    installed: InstalledFile
    environ: Mapping[str, str]
    wake: Callable[[], None]
    now: Callable[[], datetime]
    ready: Callable[[], None] = lambda: None
    _silenced: set[str] = field(default_factory=set)

    def receive(self, forge: str, slug: str, headers: Headers, body: bytes) -> Answer:
        """Answer a delivery whose body is within its size. Raises `Problem`, and `Transient` when the database is away.

        0. What the forge never signs says nothing, and is answered alike for every connection, known or not.
        1. The connection of the URL and its secrets: none, no answer but 401.
        2. The signature over the raw bytes.
        3. The delivery's id and event.
        4. The payload, of which only repository, references and commit ids are read.
        5. Receipt and owed work, in one transaction.
        6. The nudge, which may fail.
        """
        receiver = RECEIVERS[forge]
        reason = receiver.unsigned(headers)  # 0
        if reason:
            return ignored(reason)
        installation, connection = self._connection(forge, slug)  # 1
        secrets = self._secrets(connection)
        authentic = receiver.verify(headers, body, secrets, self.now())  # 2
        if not authentic or installation is None or connection is None:
            raise unauthenticated()
        identity = receiver.identify(headers, body)  # 3
        if identity is None:
            raise odd_headers()
        delivery, event = identity
        read = receiver.read(event, headers, body)  # 4
        if isinstance(read, Malformed):
            raise unreadable(read.reason)
        if isinstance(read, Ignored):
            return ignored(read.reason)
        self.ready()
        answer = self._record(installation, connection, delivery, event, read, body)  # 5
        if answer.result == "accepted":
            self.wake()  # 6
        return answer

    def _connection(self, forge: str, slug: str) -> tuple[Installation | None, Connection | None]:
        try:
            installation = self.installed.current()
        except Stalled:
            return None, None
        connection = installation.connection(slug)
        if connection is None or connection.forge != forge:
            return installation, None
        return installation, connection

    def _secrets(self, connection: Connection | None) -> list[bytes]:
        """The secrets that can be loaded: during a rotation there are two, and one may be missing."""
        found = []
        for uri in connection.secrets if connection is not None else ():
            try:
                found.append(load_secret(uri, folder=self.installed.folder, environ=self.environ))
                self._silenced.discard(uri)
            except Stalled as error:
                if uri not in self._silenced:
                    log.error("secret-unusable: %s", error)
                    self._silenced.add(uri)
        return found

    def _record(
        self,
        installation: Installation,
        connection: Connection,
        delivery: str,
        event: str,
        read: Push | PullRequest | Renamed,
        body: bytes,
    ) -> Answer:
        moment = self.now()
        projects = projects_of(installation, connection)
        key = {"organization": connection.organization, "connection": connection.slug, "delivery": delivery}
        moves = read.moves if isinstance(read, Push) else ()
        try:
            with session.writing():
                receipt = insert_row(
                    Receipt,
                    {
                        **key,
                        "project": "",
                        "event": event,
                        "repository": read.repository.full_name or next(iter(read.repository.addresses), ""),
                        "place": place_of(projects, read),
                        "refs": {move.ref: {"before": move.before, "after": move.after} for move in moves},
                        "body_sha256": hashlib.sha256(body).hexdigest(),
                        "received_at": moment,
                    },
                )
                work, reason = asked_for(projects, read, moment)
        except IntegrityError:
            with session.reading():
                before = Receipt.get(**key)
            return Answer(200, "duplicate", {"status": "duplicate", "receipt": before.id})
        if not work:
            return ignored(reason, receipt=receipt)
        return Answer(202, "accepted", {"status": "accepted", "receipt": receipt, "work": work})


def ignored(reason: str, **more: object) -> Answer:
    """Authentic, and nothing to do. An answer of the 4xx would have some forges disable the webhook."""
    return Answer(200, "ignored", {"status": "ignored", "reason": reason, **more})


def asked_for(
    projects: list[Project], read: Push | PullRequest | Renamed, moment: datetime
) -> tuple[list[dict[str, str]], str]:
    """Ask for looks at repositories, within the transaction of the receipt; why at none when at none.

    However many projects share a repository, one of them stands for all of them.
    """
    kind, subject = "repository", ""
    if isinstance(read, PullRequest):
        trunks = {f"refs/heads/{project.trunk}" for project in projects}
        if read.target not in trunks:
            return promotions(projects, read, moment)
        found = concerned(projects, read.repository)
        kind, subject, reason = "pull", str(read.number), ""
        if read.action == "reviewed":
            kind, subject = "reviews", ""
    elif isinstance(read, Renamed):
        found = of_repository(projects, read.before)
        for project in found:
            note_rename(project, read, moment)
        reason = "no project has a repository of the name before"
    else:
        found = [p for p in concerned(projects, read.repository) if matters(p, read.moves)]
        reason = "it moved no branch that a project of this connection has"
    work: list[dict[str, str]] = []
    for url in dict.fromkeys(project.repository for project in found):
        first = min(project.slug for project in projects if project.repository == url)
        ask(found[0].organization, first, kind, subject, now=moment)
        work.append({"project": first, "kind": kind})
    return work, reason


def promotions(
    projects: list[Project], read: PullRequest, moment: datetime
) -> tuple[list[dict[str, str]], str]:
    """Ask for a look at the promotion that a pull request into an environment's branch is."""
    work: list[dict[str, str]] = []
    for project in concerned(projects, read.repository):
        start = f"refs/heads/{project.branch_prefix}env/"
        environment = read.target.removeprefix(start)
        if read.target.startswith(start) and 0 < len(environment) <= LONGEST_ENVIRONMENT:
            ask(project.organization, project.slug, "promotion", environment, now=moment)
            work.append({"project": project.slug, "kind": "promotion"})
    return (
        work,
        "a pull request into a branch that is no trunk, and no environment's, is nothing that is planned",
    )


def place_of(projects: list[Project], read: Push | PullRequest | Renamed) -> str:
    """Host and path of the one repository that this is about, empty when it may be about several or none of ours."""
    repository = read.before if isinstance(read, Renamed) else read.repository
    places = {place(project.repository) for project in of_repository(projects, repository)}
    return places.pop() if len(places) == 1 else ""


def note_rename(project: Project, renamed: Renamed, moment: datetime) -> None:
    """Tell people that a project's repository is called something else now: redirects are not followed."""
    Event.create(
        organization=project.organization,
        project=project.slug,
        kind="repository.renamed",
        subject=renamed.repository.full_name[:127],
        message=f"the forge calls the repository '{renamed.repository.full_name}' now; correct `repository` of the "
        f"project '{project.slug}' in control-plane.kdl, for redirects are not followed",
        details={"before": renamed.before.full_name, "now": renamed.repository.full_name},
        at=moment,
    )


def projects_of(installation: Installation, connection: Connection) -> list[Project]:
    """The projects that name this connection, within its own organization."""
    return [
        project
        for organization in installation.organizations
        if organization.slug == connection.organization
        for project in organization.projects
        if project.connection == connection.slug
    ]
