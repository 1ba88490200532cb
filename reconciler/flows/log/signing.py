"""Signs checkpoints, after making sure that the log still begins with everything that was signed before.

Only workers that hold the pointer key do this. A log that lost or changed an entry is not signed: the environment
stalls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.bundle.checkpoint import (
    Checkpoint,
    open_checkpoint,
    origin_of,
    read_checkpoint,
    sign_checkpoint,
)
from reconciler.bundle.leaves import Leaf, StatementLeaf
from reconciler.bundle.logged import LogProof
from reconciler.bundle.root import Root
from reconciler.bundle.tiles import Edge
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.log.appending import append, catch_up
from reconciler.flows.log.files import LogFiles
from reconciler.flows.log.recorded import check_grown, last_signed, record
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
    if _size(files.checkpoint()) <= edge.size:
        files.write_checkpoint(note)
    return Signed(note, checkpoint, edge)


def _size(note: str | None) -> int:
    """How many entries a published checkpoint claims; one that cannot be read claims none, and is replaced."""
    try:
        return read_checkpoint(note).size if note is not None else 0
    except Refused:
        return 0


def _holds(note: str, checkpoint: Checkpoint, root: Root) -> bool:
    """Whether a published checkpoint is this one, signed by keys that still count."""
    try:
        return open_checkpoint(note, root) == checkpoint
    except Refused:
        return False
