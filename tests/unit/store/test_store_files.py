from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import Stalled, Transient
from reconciler.settings import read_settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from reconciler.store.filesystem import FileStore
from reconciler.store.s3 import S3Store
from tests.unit.store.contract import KEY, StoreContract


@pytest.fixture
def again(tmp_path: Path) -> Callable[[], FileStore]:
    return lambda: FileStore(tmp_path / "objects")


@pytest.fixture
def store(again: Callable[[], FileStore]) -> FileStore:
    return again()


class TestFileStore(StoreContract):
    pass


def test_nothing_unfinished_is_left_or_listed(store: FileStore, tmp_path: Path) -> None:
    store.put(KEY, b"1")
    store.put(KEY, b"1")
    store.replace(KEY, b"2")
    assert list((tmp_path / "objects/.incoming").iterdir()) == []
    (tmp_path / "objects/.incoming/torn").write_bytes(b"half")
    assert list(store.list("")) == [KEY]


def test_a_write_that_dies_before_its_link_leaves_no_object(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", dies)
    with pytest.raises(KeyboardInterrupt):
        store.put(KEY, b"1")
    assert not store.exists(KEY)


def test_content_and_name_are_synced_before_put_answers(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("fsync", "link"):
        real = getattr(os, name)

        def noted(*args: object, name: str = name, real: Callable[..., object] = real) -> object:
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(os, name, noted)
    store.put("first", b"1")
    calls.clear()
    store.put("second", b"1")
    assert calls == ["fsync", "link", "fsync"]


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (28, Stalled, "E-STO-005"),
        (13, Stalled, "E-STO-005"),
        (30, Stalled, "E-STO-005"),
        (5, Transient, "E-STO-006"),
    ],
    ids=["no space", "permission", "read-only", "i/o"],
)
def test_a_broken_disk_says_what_to_do(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], code: str
) -> None:
    def broken(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(kind, match=code):
        store.put(KEY, b"1")


def test_settings_choose(tmp_path: Path) -> None:
    home = {"SENTINEL_HOME": str(tmp_path)}
    files = open_store(read_settings(home))
    assert isinstance(files, FileStore)
    files.put(KEY, b"1")
    assert (tmp_path / "objects" / KEY).read_bytes() == b"1"
    keys = {"S3_ENDPOINT": "http://127.0.0.1:1", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "hidden"}
    bucket = open_store(read_settings(home | keys))
    assert isinstance(bucket, S3Store)
    assert "hidden" not in repr(vars(bucket)["_place"])


def test_layout() -> None:
    digest = f"sha256:{'a' * 64}"
    assert layout.root("acme", 3) == "public/acme/roots/3.json"
    assert layout.root_version(layout.root("acme", 12)) == 12
    assert layout.bundle("acme", "shop", digest) == f"public/acme/projects/shop/bundles/{'a' * 64}.tar.zst"
    assert layout.statement("acme", "shop", digest) == f"public/acme/projects/shop/statements/{'a' * 64}.json"
    assert layout.pointer("acme", "shop", "dev", "base") == "public/acme/projects/shop/pointers/dev/base.json"
    assert layout.node("acme", "shop", "n-1") == "organizations/acme/projects/shop/nodes/n-1.json"
    assert (
        layout.decision("acme", "shop", digest)
        == f"organizations/acme/projects/shop/decisions/{'a' * 64}.json"
    )
