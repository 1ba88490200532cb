"""Registers a node: a join token becomes a node id and a key that is shown once.

Every registration makes a new node, with public keys that no node ever had: a home that was copied, or a node that was
retired, comes back as another node or not at all. A machine that brings no keys becomes a node that is given no
secrets.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from reconciler.bundle.possession import PublicKeys, Registration
from reconciler.db import owed
from reconciler.db.audit import Act, Actor, record
from reconciler.db.enrolled import retire
from reconciler.db.joining import token_hash, use_join_token
from reconciler.db.models import Event, JoinToken, Node
from reconciler.db.session import reading, writing
from reconciler.fleet.versions import versions_of
from web.nodes.body import only, string_map, text
from web.nodes.directory import NodeEntry
from web.nodes.problems import keys_known, malformed, name_taken, token_refused
from web.nodes.proving import Proof, read_keys, read_proof, redeem
from web.nodes.reports import read_labels

SILENT = timedelta(minutes=2)
"""A node that was heard of since then is not replaced: whoever has a token must not push a live one out."""

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,125}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Application:
    """What a machine asks for when it wants to become a node. With keys, `proof` is the second step of two."""

    token: str = field(repr=False)
    name: str
    labels: Mapping[str, str]
    versions: Mapping[str, str]
    keys: PublicKeys | None = None
    proof: Proof | None = None

    def registration(self, project: str) -> Registration:
        """What the proof is about. Only of an application with keys."""
        if self.keys is None:
            raise RuntimeError("an application without keys proves nothing")
        return Registration(project, self.token, self.name, self.labels, self.versions, self.keys)


@dataclass(frozen=True, slots=True)
class Registered:
    """A new node. `key` is the secret itself; only its SHA-256 is kept."""

    entry: NodeEntry
    key: str = field(repr=False)


def read_application(document: Mapping[str, Any]) -> Application:
    """Check the body of a registration. Raises `Problem` 400 that names the field."""
    only(document, frozenset({"token", "name", "labels", "versions", "keys", "proof"}))
    if "proof" in document and "keys" not in document:
        raise malformed("'proof' comes with 'keys'")
    name = text(document, "name", 127, least=1)
    if not NAME.fullmatch(name):
        raise malformed(
            "'name' must be letters, digits, '.', '_' or '-', beginning and ending with a letter or digit"
        )
    return Application(
        token=text(document, "token", 200),
        name=name,
        labels=read_labels(document) if "labels" in document else {},
        versions=string_map(document, "versions", most=8) if "versions" in document else {},
        keys=read_keys(document) if "keys" in document else None,
        proof=read_proof(document) if "proof" in document else None,
    )


def owner(project: str, token: str) -> str:
    """The organization that a token belongs to. Raises `Problem` 401 when there is no such token in the project."""
    with reading():
        row = JoinToken.get_or_none(JoinToken.token_sha256 == token_hash(token), JoinToken.project == project)
    if row is None:
        raise token_refused()
    return str(row.organization)


def register(project: str, application: Application, *, now: datetime, address: str) -> Registered:
    """Take one use of the token and write the node, in one transaction.

    Raises `Problem`: 401 for any bad token, 403 for a proof that does not hold, 409 for keys that a node has. Nothing
    is used up then.
    """
    try:
        return _register(project, application, now=now, address=address)
    except IntegrityError:
        raise keys_known() from None


def _retire_namesakes(token: JoinToken, name: str, *, now: datetime) -> None:
    """End the registrations of nodes of the same name and environment. Raises `Problem` 409 when one is still there."""
    namesakes = Node.select().where(
        Node.organization == token.organization,
        Node.project == token.project,
        Node.environment == token.environment,
        Node.name == name,
        Node.retired_at.is_null(),
    )
    for node in list(namesakes):
        if now - (node.reported_at or node.registered_at) < SILENT:
            raise name_taken(name)
        retire(node, "another machine took its place", now=now)


def _register(project: str, application: Application, *, now: datetime, address: str) -> Registered:
    keys = application.keys
    node_id = "n-" + base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]
    key = "snk_" + secrets.token_urlsafe(32)
    key_sha256 = hashlib.sha256(key.encode()).hexdigest()
    with writing():
        token = use_join_token(project, application.token, now=now)
        if token is None:
            raise token_refused()
        if keys is not None:
            redeem(application.registration(project), application.proof, now=now)
        if token.replaces:
            _retire_namesakes(token, application.name, now=now)
        Node.create(
            id=node_id,
            organization=token.organization,
            project=token.project,
            environment=token.environment,
            name=application.name,
            labels={**application.labels, **token.labels},
            fixed_labels=token.labels,
            versions=application.versions,
            key_sha256=key_sha256,
            signing_key=keys.signing if keys is not None else None,
            sealing_key=keys.sealing if keys is not None else None,
            registered_at=now,
            changed_at=now,
            address=address[:63],
        )
        Event.create(
            organization=token.organization,
            project=token.project,
            kind="node.registered",
            subject=node_id,
            message=f"{application.name} registered in {token.environment}",
            details={"environment": token.environment, "name": application.name},
            at=now,
        )
        record(
            Actor("machine", application.name, address),
            Act(
                "node.registered",
                token.organization,
                token.project,
                subject=node_id,
                details={"environment": token.environment, "join_token": token.id},
            ),
            now=now,
        )
        owed.ask(token.organization, token.project, "enrolment", now=now)
        if keys is not None:
            owed.ask(token.organization, token.project, "delivery", token.environment, now=now)
        labels = {**application.labels, **token.labels}
        entry = NodeEntry(
            node_id, token.organization, token.project, token.environment, now, key_sha256, labels,
            versions=versions_of(application.versions),
        )  # fmt: skip
    return Registered(entry, key)
