"""What a log does on every object store: one suite, inherited by a test class for each kind of store."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.bundle.leaves import AuditLeaf, Leaf, StatementLeaf, encode_leaf
from reconciler.bundle.merkle import extends, includes, leaf_hash
from reconciler.bundle.tiles import WIDTH, Edge, number_path
from reconciler.errors import ReconcilerError, Stalled
from reconciler.flows.log.appending import append, catch_up
from reconciler.flows.log.files import LogFiles
from reconciler.store import layout
from reconciler.store.port import BlobStore, Missing

ORGANIZATION = "acme"


def leaves(start: int, end: int) -> list[Leaf]:
    return [AuditLeaf(ORGANIZATION, number, "0" * 64) for number in range(start, end)]


def root_of(entries: list[Leaf]) -> bytes:
    edge = Edge()
    for leaf in entries:
        edge.append(leaf_hash(encode_leaf(leaf)))
    return edge.root()


class Killed(BaseException):
    """The process ends here: nothing catches it."""


class DyingStore:
    """The store of a process that is killed before its `left`-th write."""

    def __init__(self, store: BlobStore, left: int) -> None:
        self._store = store
        self.left = left

    def put(self, key: str, data: bytes) -> bool:
        self._live()
        return self._store.put(key, data)

    def replace(self, key: str, data: bytes) -> None:
        self._live()
        self._store.replace(key, data)

    def get(self, key: str, *, limit: int) -> bytes:
        return self._store.get(key, limit=limit)

    def exists(self, key: str) -> bool:
        return self._store.exists(key)

    def list(self, prefix: str) -> Iterator[str]:
        return self._store.list(prefix)

    def _live(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


class HintlessStore(DyingStore):
    """A store that lost the hint where appenders left off."""

    def get(self, key: str, *, limit: int) -> bytes:
        if key.endswith("/edge.json"):
            raise Missing(key)
        return super().get(key, limit=limit)


class LossyStore(DyingStore):
    """A store that lost one file."""

    def __init__(self, store: BlobStore, lost: str) -> None:
        super().__init__(store, 1_000_000)
        self.lost = lost

    def get(self, key: str, *, limit: int) -> bytes:
        if key == self.lost:
            raise Missing(key)
        return super().get(key, limit=limit)


class LogContract:
    """Tests against a fixture `store`, which is empty, and `again`, which opens the same store once more."""

    @pytest.fixture
    def files(self, store: BlobStore) -> LogFiles:
        return LogFiles(store, ORGANIZATION)

    def test_an_empty_log(self, files: LogFiles) -> None:
        assert catch_up(files).root() == Edge().root()
        assert files.entry(0) is None

    def test_entries_have_the_order_and_the_root_of_their_appending(
        self, files: LogFiles, again: Callable[[], BlobStore]
    ) -> None:
        wanted = leaves(0, 12)
        edge, numbers = append(files, wanted[:5])
        assert numbers == [0, 1, 2, 3, 4]
        edge, numbers = append(LogFiles(again(), ORGANIZATION), wanted[5:])
        assert (numbers, edge.size, edge.root()) == (list(range(5, 12)), 12, root_of(wanted))
        assert [files.entry(index) for index in range(12)] == [encode_leaf(leaf) for leaf in wanted]
        assert files.root_at(7, edge) == root_of(wanted[:7])

    def test_what_is_there_is_not_appended_again(self, files: LogFiles) -> None:
        append(files, leaves(0, 3))
        edge, numbers = append(files, [*leaves(1, 2), *leaves(3, 4), *leaves(3, 4)])
        assert (numbers, edge.size) == ([1, 3, 3], 4)

    def test_an_appender_whose_hint_is_behind_finds_what_is_there(
        self, files: LogFiles, store: BlobStore
    ) -> None:
        append(files, leaves(0, 3))
        key = layout.log(ORGANIZATION, "edge.json")
        behind = store.get(key, limit=10_000)
        append(files, leaves(3, 8))
        store.replace(key, behind)
        edge, numbers = append(files, [*leaves(5, 6), *leaves(8, 9)])
        assert (numbers, edge.root()) == ([5, 8], root_of(leaves(0, 9)))

    def test_a_log_that_lost_an_entry_is_not_gone_on_with(self, files: LogFiles, store: BlobStore) -> None:
        append(files, leaves(0, WIDTH - 1))
        lossy = LogFiles(LossyStore(store, layout.log(ORGANIZATION, f"entry/{number_path(7)}")), ORGANIZATION)
        with pytest.raises(Stalled, match="entry 7 of the log") as caught:
            append(lossy, leaves(WIDTH - 1, WIDTH))
        assert caught.value.code == "E-LOG-003"

    def test_two_appenders_never_own_one_number(self, again: Callable[[], BlobStore]) -> None:
        results: dict[int, tuple[Edge, list[int]]] = {}
        both, start = leaves(1000, 1003), threading.Barrier(2)

        def work(who: int) -> None:
            files = LogFiles(again(), ORGANIZATION)
            mine = [*leaves(who * 10, who * 10 + 6), *both]
            start.wait()
            for leaf in mine:
                edge, numbers = append(files, [leaf])
                before = results.get(who, (edge, []))[1]
                results[who] = (edge, before + numbers)

        threads = [threading.Thread(target=work, args=(who,)) for who in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        files = LogFiles(again(), ORGANIZATION)
        edge = catch_up(files)
        entries = [files.entry(index) for index in range(edge.size)]
        assert edge.size == 15
        assert len(set(entries)) == 15
        assert results[0][1][6:] == results[1][1][6:], "the entries of both have one number"
        for who in range(2):
            mine = [*leaves(who * 10, who * 10 + 6), *both]
            assert [entries[number] for number in results[who][1]] == [encode_leaf(leaf) for leaf in mine]

    def test_a_kill_before_any_write_leaves_a_log_that_goes_on(self, store: BlobStore) -> None:
        """Each round dies one write later, and a round that lives ends with the same log as all the others."""
        done = 0
        for round_ in range(12):
            wanted = leaves(done, done + 2)
            try:
                append(LogFiles(DyingStore(store, round_ % 6), ORGANIZATION), wanted)
            except Killed:
                pass
            else:
                assert round_ % 6 == 5
            edge, numbers = append(LogFiles(store, ORGANIZATION), wanted)
            done += 2
            assert (numbers, edge.size) == ([done - 2, done - 1], done)
            assert edge.root() == root_of(leaves(0, done))

    @pytest.mark.parametrize("size", [255, 256, 257])
    def test_full_tiles_are_there_before_the_hint_goes_past_them(self, store: BlobStore, size: int) -> None:
        files = LogFiles(store, ORGANIZATION)
        wanted = leaves(0, size)
        append(files, wanted[:250])
        for left in itertools.count():
            with contextlib.suppress(Killed):
                edge, _ = append(LogFiles(DyingStore(store, left), ORGANIZATION), wanted)
                break
        full = size // 256
        assert (files.bundle(0) is not None) == bool(full)
        assert files.read_edge().size == size
        index = 254
        assert includes(
            leaf_hash(encode_leaf(wanted[index])), index, size, files.inclusion(index, edge), root_of(wanted)
        )
        old = root_of(wanted[:200])
        assert extends(200, old, size, root_of(wanted), files.consistency(200, edge))
        if full:
            lost = LogFiles(HintlessStore(store, 99), ORGANIZATION)
            assert lost.read_edge().size == 256, (
                "without the hint an appender begins where the full tiles end"
            )
            assert append(lost, [])[0].root() == root_of(wanted)

    @pytest.mark.parametrize(
        "hint",
        [
            b"",
            b"{}",
            b'{"size": 1, "rows": []}',
            b'{"size": 2, "rows": ["AAAA"]}',
            b'{"size": "1", "rows": []}',
        ],
    )
    def test_a_hint_that_cannot_be_is_refused(self, files: LogFiles, store: BlobStore, hint: bytes) -> None:
        append(files, leaves(0, 2))
        store.replace(layout.log(ORGANIZATION, "edge.json"), hint)
        with pytest.raises(Stalled) as caught:
            append(files, leaves(2, 3))
        assert caught.value.code == "E-LOG-002"

    def test_a_tile_that_is_not_what_the_entries_say_stops_the_appender(
        self, files: LogFiles, store: BlobStore
    ) -> None:
        append(files, leaves(0, 255))
        store.put(layout.log(ORGANIZATION, "tile/0/000"), bytes(8192))
        with pytest.raises(ReconcilerError) as caught:
            append(files, leaves(255, 256))
        assert caught.value.code == "E-LOG-002"

    def test_organizations_have_a_log_each(self, store: BlobStore) -> None:
        other: Any = LogFiles(store, "other")
        append(LogFiles(store, ORGANIZATION), leaves(0, 3))
        edge, numbers = append(other, [StatementLeaf("other", "shop", "sha256:" + "1" * 64, "2" * 64)])
        assert (edge.size, numbers) == (1, [0])
