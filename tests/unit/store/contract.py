"""What every object store does: one suite, inherited by a test class for each kind of store."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from reconciler.errors import Refused
from reconciler.store.port import BlobStore, Missing

KEY = "organizations/acme/projects/shop/bundles/0123.tar.zst"


class StoreContract:
    """Tests against a fixture `store`, which is empty, and `again`, which opens the same store once more."""

    def test_what_is_put_is_there(self, store: BlobStore, again: Callable[[], BlobStore]) -> None:
        assert store.put(KEY, b"bytes") is True
        assert again().get(KEY, limit=100) == b"bytes"
        assert again().exists(KEY)

    def test_the_same_bytes_again_are_no_change(self, store: BlobStore) -> None:
        assert store.put(KEY, b"bytes") is True
        assert store.put(KEY, b"bytes") is False

    @pytest.mark.parametrize("other", [b"other", b"bytes and more", b"", b"byte"])
    def test_other_bytes_are_refused_and_the_first_ones_stay(self, store: BlobStore, other: bytes) -> None:
        store.put(KEY, b"bytes")
        with pytest.raises(Refused) as caught:
            store.put(KEY, other)
        assert caught.value.code == "E-STO-003"
        assert store.get(KEY, limit=100) == b"bytes"

    def test_an_object_may_be_empty(self, store: BlobStore) -> None:
        assert store.put(KEY, b"") is True
        assert store.put(KEY, b"") is False
        assert store.get(KEY, limit=0) == b""

    def test_replace_replaces(self, store: BlobStore) -> None:
        store.replace(KEY, b"one")
        store.replace(KEY, b"two")
        assert store.get(KEY, limit=3) == b"two"

    def test_what_is_missing(self, store: BlobStore) -> None:
        assert not store.exists(KEY)
        with pytest.raises(Missing) as caught:
            store.get(KEY, limit=10)
        assert (caught.value.key, caught.value.code) == (KEY, "E-STO-001")

    def test_a_key_within_another_is_not_that_other(self, store: BlobStore) -> None:
        store.put(KEY, b"bytes")
        assert not store.exists("organizations/acme")
        with pytest.raises(Missing):
            store.get("organizations/acme", limit=10)

    def test_no_more_than_the_limit_is_read(self, store: BlobStore) -> None:
        store.put(KEY, b"12345")
        assert store.get(KEY, limit=5) == b"12345"
        with pytest.raises(Refused) as caught:
            store.get(KEY, limit=4)
        assert caught.value.code == "E-STO-004"

    def test_large_objects_come_back_whole(self, store: BlobStore) -> None:
        data = bytes(range(256)) * 16 * 1024
        store.put(KEY, data)
        assert store.get(KEY, limit=len(data)) == data

    def test_list_is_sorted_and_by_prefix(self, store: BlobStore) -> None:
        keys = ["a/10.json", "a/9.json", "a/b/c", "ab", "b/1"]
        for key in reversed(keys):
            store.put(key, b"")
        assert list(store.list("")) == keys
        assert list(store.list("a/")) == keys[:3]
        assert list(store.list("a")) == keys[:4]
        assert list(store.list("a/1")) == keys[:1]
        assert list(store.list("c/")) == []

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".x", "a/.b", "a b", "ä", "a\n", "a\\b", "a" * 513],
        ids=lambda key: ascii(key[:12]),
    )  # fmt: skip
    def test_what_is_no_key(self, store: BlobStore, key: str) -> None:
        for call in (
            lambda: store.put(key, b""),
            lambda: store.replace(key, b""),
            lambda: store.get(key, limit=1),
            lambda: store.exists(key),
        ):
            with pytest.raises(Refused) as caught:
                call()
            assert caught.value.code == "E-STO-002"

    def test_no_prefix_leaves_the_store(self, store: BlobStore) -> None:
        for prefix in ("../", "/", "/etc/", "a/../"):
            with pytest.raises(Refused):
                list(store.list(prefix))

    def test_of_many_writers_at_once_one_makes_the_object(self, again: Callable[[], BlobStore]) -> None:
        answers: list[object] = []
        start = threading.Barrier(8)

        def write(number: int) -> None:
            mine = again()
            start.wait()
            try:
                answers.append(mine.put(KEY, b"%d" % (number % 2) * 1000))
            except Refused as error:
                answers.append(error.code)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, answers)) == ["E-STO-003"] * 4 + ["False"] * 3 + ["True"]
        assert set(again().get(KEY, limit=1000)) in ({48}, {49})

    def test_what_is_deleted_is_gone(self, store: BlobStore) -> None:
        store.put(KEY, b"bytes")
        store.delete(KEY)
        store.delete(KEY)
        assert not store.exists(KEY)
        assert store.put(KEY, b"other") is True

    def test_what_is_no_key_is_neither_deleted_nor_linked(self, store: BlobStore) -> None:
        for call in (lambda: store.delete("../x"), lambda: store.link("../x", seconds=1)):
            with pytest.raises(Refused):
                call()
