"""A delivery, from its raw bytes to its answer, in an order that never changes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.config.installation import Connection, Installation, Project
from reconciler.db.together import Together
from reconciler.errors import Stalled
from reconciler.jobs.installed import InstalledFile
from webhooks.asking import asked_for, place_of
from webhooks.held import HeldSecrets
from webhooks.problems import odd_headers, unauthenticated, unreadable
from webhooks.receivers import RECEIVERS
from webhooks.receivers.delivery import Headers, Ignored, Malformed, PullRequest, Push, Renamed
from webhooks.recording import Delivery, Recorded, record

log = logging.getLogger(__name__)


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
    secrets: HeldSecrets
    wake: Callable[[], None]
    now: Callable[[], datetime]
    ready: Callable[[], None] = lambda: None
    _silenced: set[str] = field(default_factory=set)
    _recorded: Together[Delivery, Recorded] = field(default_factory=lambda: Together(record))

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
                found.append(self.secrets.load(uri, self.installed.folder))
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
        projects = projects_of(installation, connection)
        asked = asked_for(projects, read)
        moves = read.moves if isinstance(read, Push) else ()
        receipt, new = self._recorded.submit(
            Delivery(
                organization=connection.organization,
                connection=connection.slug,
                delivery=delivery,
                event=event,
                repository=read.repository.full_name or next(iter(read.repository.addresses), ""),
                place=place_of(projects, read),
                refs={move.ref: {"before": move.before, "after": move.after} for move in moves},
                body_sha256=hashlib.sha256(body).hexdigest(),
                received_at=self.now(),
                asked=asked,
            )
        )
        if not new:
            return Answer(200, "duplicate", {"status": "duplicate", "receipt": receipt})
        if not asked.looks:
            return ignored(asked.reason, receipt=receipt)
        work = [{"project": look.project, "kind": look.kind} for look in asked.looks]
        return Answer(202, "accepted", {"status": "accepted", "receipt": receipt, "work": work})


def ignored(reason: str, **more: object) -> Answer:
    """Authentic, and nothing to do. An answer of the 4xx would have some forges disable the webhook."""
    return Answer(200, "ignored", {"status": "ignored", "reason": reason, **more})


def projects_of(installation: Installation, connection: Connection) -> list[Project]:
    """The projects that name this connection, within its own organization."""
    return [
        project
        for organization in installation.organizations
        if organization.slug == connection.organization
        for project in organization.projects
        if project.connection == connection.slug
    ]
