"""The object store in a folder. Every write goes to a file beside, is synced, and appears under its key at once."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from reconciler.errors import ReconcilerError, Stalled, Transient
from reconciler.store.port import Missing, Taken, check_key, check_prefix, too_large

INCOMING = ".incoming"
"""Folder of unfinished writes. No key begins with a dot, so nothing in it is ever an object."""
PASSING = frozenset({errno.EIO, errno.EAGAIN, errno.EINTR, errno.ESTALE, errno.EMFILE, errno.ENFILE})


class FileStore:
    """Objects as files below `folder`, which is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, data: bytes) -> bool:
        """See `BlobStore.put`: a link is made only where nothing is, so of two writers one sees the other's object."""
        target = self._path(key)
        with _translated(key), self._written(target, data) as incoming:
            try:
                os.link(incoming, target)
            except FileExistsError:
                if self._read(target, len(data)) != data:
                    raise Taken(key) from None
                return False
            _sync_folder(target.parent)
            return True

    def replace(self, key: str, data: bytes) -> None:
        """See `BlobStore.replace`."""
        target = self._path(key)
        with _translated(key), self._written(target, data) as incoming:
            incoming.replace(target)
            _sync_folder(target.parent)

    def get(self, key: str, *, limit: int) -> bytes:
        """See `BlobStore.get`."""
        with _translated(key):
            data = self._read(self._path(key), limit)
        if len(data) > limit:
            raise too_large(key, limit)
        return data

    def exists(self, key: str) -> bool:
        """See `BlobStore.exists`."""
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        """See `BlobStore.delete`."""
        target = self._path(key)
        with _translated(key), contextlib.suppress(FileNotFoundError):
            target.unlink()
            _sync_folder(target.parent)

    def link(self, key: str, *, seconds: int) -> str | None:
        """None: a folder has no address."""
        check_key(key)
        return None

    def list(self, prefix: str) -> Iterator[str]:
        """See `BlobStore.list`."""
        folder = check_prefix(prefix).rpartition("/")[0]
        start = self._path(folder) if folder else self._folder
        keys = (path.relative_to(self._folder).as_posix() for path in start.rglob("*") if path.is_file())
        yield from sorted(key for key in keys if key.startswith(prefix) and not key.startswith("."))

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    @contextlib.contextmanager
    def _written(self, target: Path, data: bytes) -> Iterator[Path]:
        """A synced file with `data` on the same file system as `target`, whose folder exists; gone afterwards."""
        incoming = self._folder / INCOMING / secrets.token_hex(16)
        incoming.parent.mkdir(parents=True, exist_ok=True)
        _make_folder(target.parent)
        try:
            with incoming.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield incoming
        finally:
            incoming.unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path, limit: int) -> bytes:
        with path.open("rb") as file:
            return file.read(limit + 1)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ReconcilerError:
        raise
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise Missing(key) from None
    except OSError as error:
        if error.errno in PASSING:
            raise Transient("E-STO-006", f"the object store failed at '{key}': {error.strerror}") from None
        raise Stalled(
            "E-STO-005",
            f"the object store cannot keep or read '{key}': {error.strerror}",
            cure="Make room, or let this user read and write the folder of the object store",
        ) from None
