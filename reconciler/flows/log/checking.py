"""Checks a whole log, entry by entry: what is in it, what was signed of it, and that nothing published is missing.

It writes nothing. What it finds is data: one `Check` for each question, in the order of the questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.bundle.checkpoint import Checkpoint, open_checkpoint, origin_of, read_checkpoint
from reconciler.bundle.leaves import Leaf, decode_leaf, encode_leaf
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.merkle import EMPTY, leaf_hash
from reconciler.bundle.pointer import peek_pointer
from reconciler.bundle.tiles import WIDTH, Edge
from reconciler.errors import ReconcilerError, Refused
from reconciler.flows.context import Context
from reconciler.flows.log.files import LogFiles
from reconciler.flows.log.recorded import newest_recorded
from reconciler.flows.log.signing import open_log
from reconciler.flows.publishing import statement_leaf
from reconciler.flows.roots import trusted_roots
from reconciler.store import layout

EVERY = 1000
"""Entries between two reports of progress."""

SHOWN = 5
"""Of things of one kind that are wrong: more are counted."""


@dataclass(frozen=True, slots=True)
class Given:
    """A checkpoint that was seen elsewhere. `where` says where, for people."""

    where: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer. `given` is set when the question was about a checkpoint from elsewhere."""

    what: str
    ok: bool
    words: str
    given: Given | None = None


@dataclass(slots=True)
class Walk:
    """What reading the log from its first entry gives: the edge at its end, and its roots at some sizes."""

    edge: Edge = field(default_factory=Edge)
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY})
    hashes: set[bytes] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def check_log(
    context: Context, projects: Sequence[str], given: Sequence[Given], progress: Callable[[int], None]
) -> tuple[Checkpoint, list[Check]]:
    """Ask every question about the organization's log. `progress` is told how many entries were read.

    Returns what the log is now, and the answers.
    """
    files = open_log(context)
    # Read before the log is: everything that was published before has to be in it.
    published = list(_published(context, projects))
    note = files.checkpoint()
    try:
        signed = read_checkpoint(note) if note is not None else None
    except Refused:
        signed = None
    recorded = newest_recorded(files.organization)
    known = [g.checkpoint for g in given] + ([signed] if signed else []) + ([recorded] if recorded else [])
    walk = _walk(files, {checkpoint.size for checkpoint in known}, progress)
    ours = Checkpoint(origin_of(files.organization), walk.edge.size, walk.edge.root())
    return ours, [
        Check(
            "entries", not walk.wrong, _several(walk.wrong) or f"{walk.edge.size} entries, each in its place"
        ),
        _signed(context, note, walk),
        _seen("our record", "what was signed", recorded, walk),
        *(
            Check(
                "seen",
                not (words := _why(g.checkpoint, files.organization, walk)),
                words or "it is a beginning",
                g,
            )
            for g in given
        ),
        _complete(files, published, walk),
    ]


def _walk(files: LogFiles, sizes: set[int], progress: Callable[[int], None]) -> Walk:
    walk, block = Walk(), list[bytes]()
    while (entry := files.entry(walk.edge.size)) is not None:
        index, hashed = walk.edge.size, leaf_hash(entry)
        try:
            decode_leaf(entry)
        except Refused as refusal:
            walk.wrong.append(f"entry {index}: {refusal.message}")
        if hashed in walk.hashes:
            walk.wrong.append(f"entry {index} is there a second time")
        walk.hashes.add(hashed)
        block.append(entry)
        for tile, row in walk.edge.append(hashed):
            if files.tile(tile) != row:
                walk.wrong.append(f"{tile.path} is not what the entries say")
        if len(block) == WIDTH:
            walk.wrong += _bundle(files, index // WIDTH, block)
            block = []
        if walk.edge.size in sizes:
            walk.roots[walk.edge.size] = walk.edge.root()
        if walk.edge.size % EVERY == 0:
            progress(walk.edge.size)
    return walk


def _bundle(files: LogFiles, number: int, block: list[bytes]) -> list[str]:
    try:
        if files.bundle(number) == block:
            return []
        return [f"the file of entries {number * WIDTH} to {number * WIDTH + WIDTH - 1} is missing or another"]
    except ReconcilerError as damage:
        return [damage.message]


def _signed(context: Context, note: str | None, walk: Walk) -> Check:
    if note is None:
        return Check("signed", walk.edge.size == 0, "nothing was signed yet")
    try:
        signed = open_checkpoint(note, trusted_roots(context).newest)
    except ReconcilerError as error:
        return Check("signed", False, error.message)
    return _seen("signed", "the published checkpoint", signed, walk)


def _seen(what: str, name: str, checkpoint: Checkpoint | None, walk: Walk) -> Check:
    if checkpoint is None:
        return Check(what, True, "the database remembers nothing")
    words = _why(checkpoint, checkpoint.origin.partition("/")[2], walk)
    return Check(what, not words, words or f"{name}, {checkpoint.size} entries, is a beginning of the log")


def _why(checkpoint: Checkpoint, organization: str, walk: Walk) -> str:
    """Why the log does not begin with a checkpoint; empty when it does."""
    if checkpoint.origin != origin_of(organization):
        return f"it is of the log '{checkpoint.origin}'"
    if checkpoint.size > walk.edge.size:
        return f"{checkpoint.size} entries were seen, {checkpoint.size - walk.edge.size} of them are gone"
    if walk.roots.get(checkpoint.size) != checkpoint.root:
        return f"other entries than these {checkpoint.size} were seen"
    return ""


def _complete(files: LogFiles, published: Iterable[tuple[str, bytes | str]], walk: Walk) -> Check:
    missing, count = [], 0
    for name, hashed in published:
        count += 1
        if isinstance(hashed, str):
            missing.append(f"{name} cannot be read: {hashed}")
        elif hashed not in walk.hashes and (files.index_of(hashed) or 0) < walk.edge.size:
            # One that a worker entered while the log was read has a number beyond what was read.
            missing.append(f"{name} is not in the log")
    words = _several(missing) or f"each of the {count} published statements and pointers is an entry"
    return Check("complete", not missing, words)


def _published(context: Context, projects: Sequence[str]) -> Iterator[tuple[str, bytes | str]]:
    """Each statement and pointer in the store: its key, and the leaf hash it has to have or why it cannot be read."""
    organization = context.organization.slug
    for slug in projects:
        for key in context.store.list(layout.statements(organization, slug)):
            yield key, _hash(_stated, context, slug, key)
        for key in context.store.list(layout.pointers(organization, slug)):
            yield key, _hash(_pointed, context, slug, key)


def _stated(context: Context, project: str, key: str) -> Leaf:
    return statement_leaf(context, project, f"sha256:{key.rpartition('/')[2].removesuffix('.json')}")


def _pointed(context: Context, project: str, key: str) -> Leaf:
    return peek_pointer(context.store.get(key, limit=LIMITS.pointer), limit=LIMITS.pointer).leaf


def _hash(read: Callable[[Context, str, str], Leaf], context: Context, project: str, key: str) -> bytes | str:
    try:
        return leaf_hash(encode_leaf(read(context, project, key)))
    except ReconcilerError as error:
        return error.message


def _several(wrong: list[str]) -> str:
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return "; ".join(wrong[:SHOWN]) + more
