"""Notices a new root in the object store, wherever it was published: then everything that roots sign is owed anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from reconciler.bundle.root import Root
from reconciler.bundle.succession import differences
from reconciler.db.audit import Act, Actor, record
from reconciler.db.models import Environment, Event, PublishedRoot
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.flows.roots import read_stored, stored_versions
from reconciler.store.port import BlobStore


def note_root(store: BlobStore, organization: str, projects: Iterable[str], *, now: datetime) -> bool:
    """Write down the newest root, and ask for trunk and environments of the organization's projects when it is news.

    Cheap when it is not. Raises `Stalled` E-KEY-009 when the roots do not follow one from the other.
    """
    newest = max(stored_versions(store, organization), default=0)
    with reading():
        row = PublishedRoot.get_or_none(PublishedRoot.organization == organization)
    if row is not None and row.version >= newest:
        return False
    chain = read_stored(store, organization, now=now)
    if chain is None:
        return False
    root, old = chain.newest, chain.roots[-2] if len(chain.roots) > 1 else None
    with writing():
        values = {
            PublishedRoot.version: root.version,
            PublishedRoot.epoch: root.epoch,
            PublishedRoot.expires_at: root.expires,
            PublishedRoot.noted_at: now,
        }
        owner = {PublishedRoot.organization: organization}
        PublishedRoot.insert({**owner, **values, PublishedRoot.version: 0}).on_conflict_ignore().execute()
        older = (PublishedRoot.organization == organization) & (PublishedRoot.version < root.version)
        if not PublishedRoot.update(values).where(older).execute():
            # Another clock was told of it since we looked.
            return False
        details = {"version": root.version, "epoch": root.epoch}
        act = Act(
            "root.published",
            organization,
            "",
            str(root.version),
            details=details,
            source=f"root:{root.version}",
        )
        record(Actor("system", "control plane"), act, now=now)
        for project in projects:
            _tell(organization, project, old, root, now)
    return True


def _tell(organization: str, project: str, old: Root | None, root: Root, now: datetime) -> None:
    ask(organization, project, "trunk", now=now)
    ask(organization, project, "enrolment", now=now)
    environments = Environment.select(Environment.name).where(
        Environment.organization == organization, Environment.project == project
    )
    for row in environments:
        ask(organization, project, "environment", row.name, now=now)
    Event.create(
        organization=organization,
        project=project,
        kind="root.published",
        subject=str(root.version),
        message=f"root {root.version} holds, until {root.expires:%Y-%m-%d}",
        details={"changes": list(differences(old, root))},
        at=now,
    )
