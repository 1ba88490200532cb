"""Makes a backup of the database as it is at one moment, whoever works on it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from reconciler.clock import iso_milliseconds
from reconciler.config.installation import Installation
from reconciler.db.copying import read_rows
from reconciler.db.migrate import newest_migration
from reconciler.db.session import snapshot
from reconciler.flows.backup.contents import KEPT
from reconciler.flows.backup.form import FORM, LineWriter
from reconciler.flows.log.recorded import newest_recorded
from reconciler.flows.roots import read_stored
from reconciler.keys.sealed_stream import SealedWriter
from reconciler.store.port import BlobStore

EVERY = 10_000
"""Rows between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a backup is made of, beside the database."""

    configuration: bytes
    installation: Installation
    store: BlobStore


def make(
    source: Source,
    sink: BinaryIO,
    *,
    recipient: bytes | None,
    now: datetime,
    progress: Callable[[int], None],
) -> Mapping[str, Any]:
    """Write a backup into `sink` and return its manifest. `recipient`: the X25519 key that it is sealed for, or None.

    `progress` is told how many rows are written. Raises `Stalled` when an organization's roots cannot be read.
    """
    with ExitStack() as stack:
        target: BinaryIO = sink
        if recipient is not None:
            target = stack.enter_context(SealedWriter(sink, recipient))  # type: ignore[assignment]
        writer = LineWriter(target)
        writer.write("header", form=FORM, made_at=iso_milliseconds(now), schema=newest_migration())
        writer.write("configuration", text=source.configuration.decode())
        with snapshot():
            for organization in source.installation.organizations:
                writer.write("organization", **_state(source.store, organization.slug, now))
            count = 0
            for name, kept in KEPT.items():
                for values in read_rows(kept.table, kept.without):
                    writer.write("row", table=name, values=values)
                    count += 1
                    if count % EVERY == 0:
                        progress(count)
        return writer.close()


def _state(store: BlobStore, organization: str, now: datetime) -> dict[str, Any]:
    """What was signed by then: a restored database is held against it."""
    chain = read_stored(store, organization, now=now)
    recorded = newest_recorded(organization)
    return {
        "slug": organization,
        "epoch": chain.newest.epoch if chain is not None else 0,
        "root_version": chain.newest.version if chain is not None else 0,
        "checkpoint": str(recorded) if recorded is not None else "",
    }
