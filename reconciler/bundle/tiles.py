"""Tiles of a Merkle tree as C2SP's tlog-tiles lays them out (https://c2sp.org/tlog-tiles): 256 hashes a file.

Tile L/N holds the roots of the complete subtrees of 256^L leaves numbered from `256 * N`. A full tile never changes;
a partial one (`.p/W`) holds the first W. `Edge` is what has to be remembered to append: the partial tile of each level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.bundle.merkle import HASH_SIZE, Nodes, Span, cover, fold, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
LARGEST_TILE = WIDTH * HASH_SIZE


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile: `width` hashes, 256 when it is full."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its path below the log, such as `tile/0/x001/067` or `tile/1/000.p/5`."""
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{number_path(self.index)}{partial}"

    @property
    def length(self) -> int:
        """Its bytes."""
        return self.width * HASH_SIZE


@dataclass(slots=True)
class Edge:
    """The right edge of a tree of `size` leaves: the partial tile of each level, at most 8 KiB each."""

    size: int = 0
    rows: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[tuple[Tile, bytes]]:
        """Take the hash of one more leaf in. Returns the tiles that are full now, the lowest first."""
        full: list[tuple[Tile, bytes]] = []
        self.size += 1
        value, level = leaf, 0
        while True:
            if level == len(self.rows):
                self.rows.append(b"")
            row = self.rows[level] + value
            self.rows[level] = b"" if len(row) == LARGEST_TILE else row
            if self.rows[level]:
                return full
            full.append((Tile(level, (self.size >> (HEIGHT * (level + 1))) - 1), row))
            value, level = _root(row), level + 1

    def root(self) -> bytes:
        """The root of the tree."""
        subtrees = []
        for row in reversed(self.rows):
            count = len(row) // HASH_SIZE
            subtrees += [
                _root(row[(index << level) * HASH_SIZE : ((index + 1) << level) * HASH_SIZE])
                for level, index in cover((0, count))
            ]
        return fold(subtrees)

    def partials(self) -> list[tuple[Tile, bytes]]:
        """The partial tiles, the lowest first."""
        return [
            (Tile(level, self.size >> (HEIGHT * (level + 1)), len(row) // HASH_SIZE), row)
            for level, row in enumerate(self.rows)
            if row
        ]


def tile_of(level: int, index: int, size: int) -> Tile:
    """The tile, in a tree of `size` leaves, that the root of a complete subtree is read or computed from."""
    row = level // HEIGHT
    number = (index << (level % HEIGHT)) >> HEIGHT
    return Tile(row, number, min(WIDTH, (size >> (HEIGHT * row)) - number * WIDTH))


def tiles_of(spans: Iterable[Span], size: int) -> tuple[Tile, ...]:
    """The tiles that the roots of some spans are read from, each once."""
    return tuple(sorted({tile_of(level, index, size) for span in spans for level, index in cover(span)}))


def nodes_from(tiles: Mapping[Tile, bytes], size: int) -> Nodes:
    """The roots of complete subtrees of a tree of `size` leaves, from tiles at hand. A missing one is a KeyError."""

    def node(level: int, index: int) -> bytes:
        tile = tile_of(level, index, size)
        span = 1 << (level % HEIGHT)
        start = (index * span - tile.index * WIDTH) * HASH_SIZE
        return _root(tiles[tile][start : start + span * HASH_SIZE])

    return node


def number_path(number: int) -> str:
    """A number as a path: groups of three digits, all but the last with an `x` before them."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _root(row: bytes) -> bytes:
    """The root over a power of two of hashes."""
    hashes = [row[start : start + HASH_SIZE] for start in range(0, len(row), HASH_SIZE)]
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]
