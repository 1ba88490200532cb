"""A log in memory, for the tests of those who only meet its checkpoints, proofs and tiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nacl.signing import SigningKey

from reconciler.bundle.checkpoint import Checkpoint, origin_of, sign_checkpoint
from reconciler.bundle.leaves import AuditLeaf, Leaf, encode_leaf
from reconciler.bundle.logged import LogProof
from reconciler.bundle.merkle import inclusion_spans, leaf_hash, prove_inclusion
from reconciler.bundle.pointer import Pointer
from reconciler.bundle.tiles import Edge, Tile, nodes_from, tiles_of


@dataclass
class PaperLog:
    """Every tile that a log ever had, by path; entries are added at the end and never twice."""

    organization: str = "acme"
    edge: Edge = field(default_factory=Edge)
    tiles: dict[Tile, bytes] = field(default_factory=dict)
    index: dict[bytes, int] = field(default_factory=dict)

    def add(self, leaf: Leaf) -> int:
        hashed = leaf_hash(encode_leaf(leaf))
        if hashed not in self.index:
            self.index[hashed] = self.edge.size
            self.tiles |= dict(self.edge.append(hashed))
            self.tiles |= dict(self.edge.partials())
        return self.index[hashed]

    def grow(self, count: int, mark: str = "0") -> None:
        """Entries of no meaning; other `mark`, other entries."""
        for _ in range(count):
            self.add(AuditLeaf(self.organization, self.edge.size, mark * 64))

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(origin_of(self.organization), self.edge.size, self.edge.root())

    def prove(self, leaf: Leaf, keys: Iterable[SigningKey]) -> LogProof:
        index, size = self.add(leaf), self.edge.size
        needed = tiles_of(inclusion_spans(index, size), size)
        nodes = nodes_from({tile: self.tiles[tile] for tile in needed}, size)
        return LogProof(sign_checkpoint(self.checkpoint(), keys), index, prove_inclusion(nodes, index, size))


def logged(pointer: Pointer, *keys: SigningKey, log: PaperLog | None = None) -> Pointer:
    """The pointer with its place in a log, which is one of its own unless there is one given."""
    return replace(pointer, log=(log or PaperLog(pointer.organization)).prove(pointer.leaf, keys))
