"""Signs checkpoints, after making sure that the log still begins with everything that was signed before.

Only workers that hold the pointer key do this. A log that lost or changed an entry is not signed: the environment
stalls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.bundle.checkpoint import (
    PREFIX,
    Checkpoint,
    open_checkpoint,
    origin_of,
    read_checkpoint,
    read_short,
    sign_checkpoint,
)
from reconciler.bundle.leaves import Leaf, StatementLeaf
from reconciler.bundle.logged import LogProof
from reconciler.bundle.merkle import extends
from reconciler.bundle.root import Root
from reconciler.bundle.tiles import Edge
from reconciler.db.models import LogCheckpoint
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.log.appending import append, catch_up
from reconciler.flows.log.files import LogFiles
from reconciler.flows.roots import signers, trusted_roots


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, as a note and as what it says, and the edge of the log there."""

    note: str
    checkpoint: Checkpoint
    edge: Edge


def open_log(context: Context) -> LogFiles:
    """The log of the context's organization."""
    return LogFiles(context.store, context.organization.slug)


def append_statement(context: Context, leaf: StatementLeaf) -> int:
    """Enter a published bundle's statement. Needs no key: it is signed with the next checkpoint."""
    _, (number,) = append(open_log(context), [leaf])
    return number


def place(context: Context, leaves: Sequence[Leaf]) -> list[LogProof]:
    """Make sure that each is an entry, and prove each under one newly signed checkpoint.

    Raises `Stalled` (E-LOG-002 to E-LOG-004) when the log is damaged.
    """
    files = open_log(context)
    _, numbers = append(files, leaves)
    signed = newest(context)
    return [LogProof(signed.note, n, files.inclusion(n, signed.edge)) for n in numbers]


def newest(context: Context) -> Signed:
    """The checkpoint of the log as it is now, signed.

    Raises `Stalled` (E-LOG-004) when the log does not begin with what was signed before it.
    """
    files, organization = open_log(context), context.organization.slug
    root = trusted_roots(context).newest
    # What was signed is read before the log is, which can only be longer then.
    published = files.checkpoint()
    before = last_signed(organization, root.epoch, published)
    edge = catch_up(files)
    checkpoint = Checkpoint(origin_of(organization), edge.size, edge.root())
    if before is not None:
        check_grown(files, before, checkpoint, edge)
    record(checkpoint, root.epoch, now=context.now())
    if published is not None and _holds(published, checkpoint, root):
        return Signed(published, checkpoint, edge)
    for tile, row in edge.partials():
        files.put_tile(tile, row)
    note = sign_checkpoint(checkpoint, signers(context, "pointer", root))
    latest = files.checkpoint()
    if latest is None or read_checkpoint(latest).size <= edge.size:
        files.write_checkpoint(note)
    return Signed(note, checkpoint, edge)


def last_signed(organization: str, epoch: int, published: str | None) -> Checkpoint | None:
    """The largest checkpoint that was signed in this epoch of the root, None when the log begins with it.

    The database knows it; one that was lost and made anew knows nothing, and then the published one counts.
    """
    with reading():
        rows = LogCheckpoint.select().where(LogCheckpoint.organization == organization)
        row = rows.where(LogCheckpoint.epoch == epoch).order_by(LogCheckpoint.size.desc()).first()
        known = rows.exists()
    if row is not None:
        return read_short(row.checkpoint)
    return read_checkpoint(published) if published is not None and not known else None


def check_grown(files: LogFiles, before: Checkpoint, now: Checkpoint, edge: Edge) -> None:
    """Return when the log, whose edge and checkpoint these are, begins with `before`. Raises `Stalled` (E-LOG-004)."""
    if before.size <= now.size:
        proof = files.consistency(before.size, edge)
        if extends(before.size, before.root, now.size, now.root, proof):
            return
        words = "other entries stand where signed ones stood"
    else:
        words = f"{before.size - now.size} entries are gone"
    raise Stalled(
        "E-LOG-004",
        f"the log of '{files.organization}' is not the one that was signed: {words}; signed '{before}', found '{now}'",
        cure="Restore the log's files from a copy; if they are lost for good, publish a root with a higher epoch",
    )


def record(checkpoint: Checkpoint, epoch: int, *, now: datetime) -> None:
    """Remember what is signed, once: of two roots for one size the second is never signed. Raises `Stalled`."""
    organization = checkpoint.origin.removeprefix(PREFIX)
    values = {"organization": organization, "epoch": epoch, "size": checkpoint.size}
    with writing():
        LogCheckpoint.insert(
            **values, checkpoint=str(checkpoint), signed_at=now
        ).on_conflict_ignore().execute()
        row = LogCheckpoint.get(*[getattr(LogCheckpoint, name) == value for name, value in values.items()])
    if row.checkpoint != str(checkpoint):
        raise Stalled(
            "E-LOG-004",
            f"the log of '{organization}' is not the one that was signed: signed '{row.checkpoint}', "
            f"found '{checkpoint}'",
            cure="Restore the log's files from a copy; if they are lost for good, publish a root with a higher epoch",
        )


def _holds(note: str, checkpoint: Checkpoint, root: Root) -> bool:
    """Whether a published checkpoint is this one, signed by keys that still count."""
    try:
        return open_checkpoint(note, root) == checkpoint
    except Refused:
        return False
