"""What was signed of a log before, and that it is never contradicted: the log only grows, and a size has one root."""

from __future__ import annotations

from datetime import datetime

from reconciler.bundle.checkpoint import PREFIX, Checkpoint, read_checkpoint, read_short
from reconciler.bundle.merkle import extends
from reconciler.bundle.tiles import Edge
from reconciler.db.logged import LogCheckpoint
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.log.files import LogFiles


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
    if published is None or known:
        return None
    try:
        return read_checkpoint(published)
    except Refused as refusal:
        raise Stalled(
            "E-LOG-002",
            f"the published checkpoint of the log of '{organization}' is damaged: {refusal.message}",
            cure="Restore the file 'checkpoint' of the log: the database does not know what was signed either",
        ) from None


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


def newest_recorded(organization: str) -> Checkpoint | None:
    """The largest checkpoint of the newest epoch that the database remembers, or None."""
    with reading():
        row = (
            LogCheckpoint.select()
            .where(LogCheckpoint.organization == organization)
            .order_by(LogCheckpoint.epoch.desc(), LogCheckpoint.size.desc())
            .first()
        )
    return read_short(row.checkpoint) if row is not None else None
