"""The files of one organization's log in the object store, below `public/<organization>/log/`.

    entry/<n>           one entry, put only where none is: whoever puts it has the number. The truth
    leaf/<ab>/<cdef…>   the number of the entry of that leaf hash, so that nothing is entered twice
    tile/<L>/<N>        256 hashes (C2SP tlog-tiles); `.p/<W>` beside each checkpoint that needs it
    tile/entries/<N>    256 entries, each with its length in two bytes before it
    edge.json           where an appender left off: a hint that may be behind, and never wrong
    checkpoint          the newest signed checkpoint

All but the last two never change. Below the size that `edge.json` says every other file is there.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.bundle.leaves import LARGEST_LEAF
from reconciler.bundle.merkle import (
    EMPTY,
    HASH_SIZE,
    Span,
    consistency_spans,
    inclusion_spans,
    prove_consistency,
    prove_inclusion,
    root_of,
)
from reconciler.bundle.note import LONGEST_NOTE
from reconciler.bundle.tiles import LARGEST_TILE, WIDTH, Edge, Tile, nodes_from, number_path, tiles_of
from reconciler.errors import Stalled
from reconciler.store import layout
from reconciler.store.port import BlobStore, Missing, Taken

EDGE_LIMIT = 256 * 1024
BUNDLE_LIMIT = WIDTH * (LARGEST_LEAF + 2)


@dataclass(frozen=True, slots=True)
class LogFiles:
    """Reads and writes files; every number of leaves is checked by whoever calls."""

    store: BlobStore
    organization: str

    def entry(self, index: int) -> bytes | None:
        """One entry, or None: there is none yet."""
        return self._get(f"entry/{number_path(index)}", LARGEST_LEAF)

    def put_entry(self, index: int, data: bytes) -> bool:
        """Take a number for an entry; False when another entry has it."""
        try:
            self.store.put(self._key(f"entry/{number_path(index)}"), data)
        except Taken:
            return False
        return True

    def index_of(self, hashed: bytes) -> int | None:
        """The number of the entry of that leaf hash, or None when none is known. Raises `Stalled` (E-LOG-002)."""
        path = _leaf_path(hashed)
        data = self._get(path, 20)
        if data is None:
            return None
        if not data.isdigit():
            raise self._damaged(path, "it is no number")
        return int(data)

    def put_index(self, hashed: bytes, index: int) -> None:
        """Remember the number of an entry. The first one stays, should the log hold one entry twice."""
        with contextlib.suppress(Taken):
            self.store.put(self._key(_leaf_path(hashed)), b"%d" % index)

    def put_tile(self, tile: Tile, row: bytes) -> None:
        """Store a tile. Raises `Stalled` (E-LOG-002) when there is another one."""
        self._put(tile.path, row)

    def put_bundle(self, number: int, entries: Iterable[bytes]) -> None:
        """Store 256 entries in one file. Raises `Stalled` (E-LOG-002) when there is another one."""
        data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        self._put(f"tile/entries/{number_path(number)}", data)

    def bundle(self, number: int) -> list[bytes] | None:
        """256 entries, or None. Raises `Stalled` (E-LOG-002) when the file is not one of ours."""
        path = f"tile/entries/{number_path(number)}"
        data = self._get(path, BUNDLE_LIMIT)
        if data is None:
            return None
        found, at = [], 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            found.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        if at != len(data) or len(found) != WIDTH:
            raise self._damaged(path, f"it does not hold {WIDTH} entries")
        return found

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's bytes, or None."""
        return self._get(tile.path, LARGEST_TILE)

    def read_edge(self) -> Edge:
        """Where an appender left off. Without the hint, where the full tiles end."""
        data = self._get("edge.json", EDGE_LIMIT)
        if data is None:
            return self._edge_from_tiles()
        try:
            document = json.loads(data)
            edge = Edge(document["size"], [base64.b64decode(row, validate=True) for row in document["rows"]])
            widths = [(edge.size >> 8 * level) % WIDTH * HASH_SIZE for level in range(len(edge.rows))]
            if [len(row) for row in edge.rows] != widths or edge.size >> 8 * len(widths):
                raise ValueError("size and rows do not fit")
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise self._damaged("edge.json", f"it cannot be read ({error})") from None
        return edge

    def write_edge(self, edge: Edge) -> None:
        """Say where we left off. Of two writers the last one wins: the hint may go back, and nothing is lost by it."""
        rows = [base64.b64encode(row).decode() for row in edge.rows]
        self.store.replace(self._key("edge.json"), json.dumps({"size": edge.size, "rows": rows}).encode())

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint, or None."""
        data = self._get("checkpoint", LONGEST_NOTE)
        return None if data is None else data.decode("utf-8", "replace")

    def write_checkpoint(self, note: str) -> None:
        """Publish a signed checkpoint."""
        self.store.replace(self._key("checkpoint"), note.encode())

    def root_at(self, size: int, edge: Edge) -> bytes:
        """The root that the log had at an earlier size. Raises `Stalled` (E-LOG-002) when a tile is missing."""
        span = (0, size)
        return root_of(nodes_from(self._tiles([span], edge), edge.size), span) if size else EMPTY

    def inclusion(self, index: int, edge: Edge) -> tuple[bytes, ...]:
        """The proof that an entry is in the log as the edge has it. Raises `Stalled` (E-LOG-002)."""
        tiles = self._tiles(inclusion_spans(index, edge.size), edge)
        return prove_inclusion(nodes_from(tiles, edge.size), index, edge.size)

    def published_inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof under a checkpoint of `size` entries that was published: its partial tiles are there."""
        tiles = {tile: self._full(tile) for tile in tiles_of(inclusion_spans(index, size), size)}
        return prove_inclusion(nodes_from(tiles, size), index, size)

    def consistency(self, old: int, edge: Edge) -> tuple[bytes, ...]:
        """The proof that the log as the edge has it extends its earlier self. Raises `Stalled` (E-LOG-002)."""
        tiles = self._tiles(consistency_spans(old, edge.size), edge)
        return prove_consistency(nodes_from(tiles, edge.size), old, edge.size)

    def _tiles(self, spans: Iterable[Span], edge: Edge) -> Mapping[Tile, bytes]:
        held = dict(edge.partials())
        return {tile: held[tile] if tile in held else self._full(tile) for tile in tiles_of(spans, edge.size)}

    def _full(self, tile: Tile) -> bytes:
        data = self.tile(tile)
        if data is None or len(data) != tile.length:
            raise self._damaged(
                tile.path, "it is missing" if data is None else f"it has not {tile.length} bytes"
            )
        return data

    def _edge_from_tiles(self) -> Edge:
        edge = Edge()
        while (row := self.tile(Tile(0, edge.size // WIDTH))) is not None:
            if len(row) != LARGEST_TILE:
                raise self._damaged(Tile(0, edge.size // WIDTH).path, f"it has not {LARGEST_TILE} bytes")
            for start in range(0, LARGEST_TILE, HASH_SIZE):
                edge.append(row[start : start + HASH_SIZE])
        return edge

    def _put(self, path: str, data: bytes) -> None:
        try:
            self.store.put(self._key(path), data)
        except Taken:
            raise self._damaged(path, "it is not what the entries say") from None

    def _get(self, path: str, limit: int) -> bytes | None:
        try:
            return self.store.get(self._key(path), limit=limit)
        except Missing:
            return None

    def _key(self, path: str) -> str:
        return layout.log(self.organization, path)

    def _damaged(self, path: str, words: str) -> Stalled:
        return Stalled(
            "E-LOG-002",
            f"the file '{path}' of the log of '{self.organization}' is damaged: {words}",
            cure="Restore the log's files from a copy; 'sentinelctl log verify' says what else is wrong",
        )


def _leaf_path(hashed: bytes) -> str:
    name = hashed.hex()
    return f"leaf/{name[:2]}/{name[2:]}"
