"""Appends entries, each once, whoever else appends at the same time and wherever an appender dies.

An entry gets its number by being put where nothing is. Whoever goes past a number first writes down what follows from
its entry (its index, full tiles), so below the hint nothing is ever missing, and what a dead appender left half done is
done by the next. An entry that is already there is found in one of two places: by its index below the hint, or on the
walk from the hint to the end; therefore the hint is read before the index is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.bundle.leaves import Leaf, encode_leaf
from reconciler.bundle.merkle import leaf_hash
from reconciler.bundle.tiles import WIDTH, Edge
from reconciler.errors import Stalled
from reconciler.flows.log.files import LogFiles


def append(files: LogFiles, leaves: Iterable[Leaf]) -> tuple[Edge, list[int]]:
    """Make sure that each is an entry. Returns the log's edge, which is beyond all of them, and their numbers."""
    edge = files.read_edge()
    before = edge.size
    numbers = [_append_one(files, edge, encode_leaf(leaf)) for leaf in leaves]
    _walk(files, edge)
    if edge.size != before:
        files.write_edge(edge)
    return edge, numbers


def catch_up(files: LogFiles) -> Edge:
    """The edge at the end of the log as it is now."""
    return append(files, ())[0]


def _append_one(files: LogFiles, edge: Edge, data: bytes) -> int:
    known = files.index_of(leaf_hash(data))
    if known is not None:
        return known
    while True:
        index = _walk(files, edge, until=data)
        if index is not None:
            return index
        if files.put_entry(edge.size, data):
            _take(files, edge, data)
            return edge.size - 1


def _walk(files: LogFiles, edge: Edge, until: bytes | None = None) -> int | None:
    """Go to the end of the log, or past the entry `until`, whose number is returned; None when it was not met."""
    while (entry := files.entry(edge.size)) is not None:
        _take(files, edge, entry)
        if entry == until:
            return edge.size - 1
    return None


def _take(files: LogFiles, edge: Edge, entry: bytes) -> None:
    """Go past one entry, after writing down what follows from it."""
    hashed = leaf_hash(entry)
    files.put_index(hashed, edge.size)
    for tile, row in edge.append(hashed):
        if tile.level == 0:
            files.put_bundle(tile.index, _bundle(files, tile.index))
        files.put_tile(tile, row)
    if edge.size % WIDTH == 0:
        # A long walk that is killed is not walked again from its beginning.
        files.write_edge(edge)


def _bundle(files: LogFiles, number: int) -> list[bytes]:
    found = []
    for index in range(number * WIDTH, (number + 1) * WIDTH):
        entry = files.entry(index)
        if entry is None:
            raise Stalled(
                "E-LOG-003",
                f"entry {index} of the log of '{files.organization}' is gone",
                cure="Restore the log's files from a copy; 'sentinelctl log verify' says what else is wrong",
            )
        found.append(entry)
    return found
