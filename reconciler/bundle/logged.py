"""A pointer's place in the log, and when a node believes that the log it is shown is the one it saw before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.bundle.armour import armour
from reconciler.bundle.checkpoint import Checkpoint, read_checkpoint, read_hash
from reconciler.bundle.fields import Fields
from reconciler.bundle.leaves import Leaf, encode_leaf
from reconciler.bundle.merkle import (
    LONGEST_PROOF,
    consistency_spans,
    extends,
    includes,
    leaf_hash,
    prove_consistency,
)
from reconciler.bundle.note import LONGEST_NOTE
from reconciler.bundle.tiles import Tile, nodes_from, tiles_of
from reconciler.errors import Refused

NAMES = ("checkpoint", "index", "proof")


@dataclass(frozen=True, slots=True)
class LogProof:
    """Where an entry stands in the log of a signed checkpoint (the note's text), and the proof that it does."""

    checkpoint: str
    index: int
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """The form that pointers and `sentinelctl log prove` write."""
        return {
            "checkpoint": self.checkpoint,
            "index": self.index,
            "proof": [armour(value) for value in self.proof],
        }


UNLOGGED = LogProof("", 0, ())
"""No place in any log: nothing that has it is ever signed or believed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint that a node believed, as it was signed, and the epoch of the root it was signed under."""

    epoch: int
    checkpoint: str


def read_proof(fields: Fields) -> LogProof:
    """Read what `LogProof.to_json` wrote; its checkpoint is read where it is opened. Raises `Refused` (E-VER-014)."""
    try:
        proof = tuple(read_hash(str(value)) for value in fields.sequence("proof", LONGEST_PROOF))
    except ValueError as error:
        raise Refused("E-VER-014", f"{fields.what}: 'proof' is not a list of hashes: {error}") from None
    return LogProof(fields.text("checkpoint", longest=LONGEST_NOTE), fields.number("index"), proof)


def check_included(leaf: Leaf, place: LogProof, checkpoint: Checkpoint) -> None:
    """Return when the entry stands where its proof says. Raises `Refused` (E-VER-017)."""
    hashed = leaf_hash(encode_leaf(leaf))
    if not includes(hashed, place.index, checkpoint.size, place.proof, checkpoint.root):
        raise Refused(
            "E-VER-017", f"it is not entry {place.index} of the log of {checkpoint.size} entries it names"
        )


def compare(seen: Seen | None, epoch: int, offered: Checkpoint) -> Checkpoint | None:
    """The checkpoint that `offered` still has to be proved to extend; None when there is nothing to prove.

    Raises `Refused` (E-VER-016) when it cannot extend what was seen. A new epoch, which only a new root brings, may
    begin another log: that is how an organization goes on after entries were lost.
    """
    if seen is None or epoch > seen.epoch:
        return None
    known = read_checkpoint(seen.checkpoint)
    if epoch < seen.epoch or offered.size < known.size:
        raise _fork(known, offered, "it is smaller than the one seen before")
    if offered.size == known.size:
        if offered.root != known.root:
            raise _fork(known, offered, "two logs of one size have different roots")
        return None
    return known if known.size else None


def tiles_between(old: Checkpoint, new: Checkpoint) -> tuple[Tile, ...]:
    """The tiles of the newer log that show whether it extends the older one."""
    return tiles_of(consistency_spans(old.size, new.size), new.size)


def check_extends(old: Checkpoint, new: Checkpoint, tiles: Mapping[Tile, bytes]) -> None:
    """Return when `tiles`, which nobody has to trust, show that `new` begins with `old`.

    Raises `Refused` (E-VER-016).
    """
    for tile in tiles_between(old, new):
        if len(tiles.get(tile, b"")) != tile.length:
            raise _fork(old, new, f"the tile {tile.path} that would show it has not {tile.length} bytes")
    proof = prove_consistency(nodes_from(tiles, new.size), old.size, new.size)
    if not extends(old.size, old.root, new.size, new.root, proof):
        raise _fork(old, new, "its entries do not begin with those seen before")


def _fork(seen: Checkpoint, offered: Checkpoint, words: str) -> Refused:
    return Refused("E-VER-016", f"the log was rewritten: {words}; seen '{seen}', offered '{offered}'")
