"""Reads signed and sealed files from the object store for nodes, and keeps the last ones in memory.

Called from threads only. Nothing here checks signatures: nodes do, and must not have to believe us. Digests name the
bytes, so what is in memory is never stale; a sealed value is kept by its digest too, once it has it; roots are numbered
and never change either; a statement is signed again under a new root, whose number therefore is part of its name here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from reconciler.bundle.sealed import LONGEST, NONCE, TAG
from reconciler.errors import Refused
from reconciler.pinned import Pinned
from reconciler.store import layout
from reconciler.store.port import BlobStore, Missing

STATEMENT_LIMIT = 256 * 1024
ROOT_LIMIT = 64 * 1024
TILE_LIMIT = 8 * 1024
BLOB_MEMORY = 128 * 1024 * 1024
"""Bytes of blobs kept in memory: the bundles of a rollout, not of a history."""


class Memory:
    """The most recently used values whose sizes add up to at most `limit` bytes. Safe between threads.

    A value that several threads want at once is fetched once for each key.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}

    def get(self, key: str, fetch: Callable[[], bytes]) -> bytes:
        """The value, from memory or else through `fetch`, whose errors are passed on and not remembered."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            turn = self._fetching.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = fetch()
            with self._lock:
                self._fetching.pop(key, None)
                if len(value) <= self._limit and key not in self._values:
                    self._values[key] = value
                    self._size += len(value)
                    while self._size > self._limit:
                        _, dropped = self._values.popitem(last=False)
                        self._size -= len(dropped)
            return value


class Artifacts:
    """Statements, blobs, roots and tiles of logs by name."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._small = Memory(16 * 1024 * 1024)
        self._blobs = Memory(BLOB_MEMORY)

    def statement(self, organization: str, project: str, digest: str, version: int) -> bytes | None:
        """The statement envelope of a bundle as it was signed under root `version`, or None when the store lacks it."""
        key = layout.statement(organization, project, digest)
        return self._read(self._small, key, STATEMENT_LIMIT, name=f"{key} {version}")

    def blob(self, organization: str, project: str, digest: str, length: int) -> bytes | None:
        """The compressed bundle, `length` bytes long, or None when the store lacks it."""
        return self._read(self._blobs, layout.bundle(organization, project, digest), length)

    def blob_link(self, organization: str, project: str, digest: str, *, seconds: int) -> str | None:
        """Where nodes fetch the compressed bundle themselves for so long, or None when it is served here."""
        return self._store.link(layout.bundle(organization, project, digest), seconds=seconds)

    def sealed_value(
        self, organization: str, project: str, environment: str, name: str, pinned: Pinned
    ) -> bytes | None:
        """The sealed value that is meant, or None when the store lacks it.

        Raises `Refused` (E-SEC-021, E-STO-004) when the store has other bytes under its version; those are not kept.
        """
        key = layout.sealed_value(organization, project, environment, name, pinned.version)

        def fetch() -> bytes:
            value = self._store.get(key, limit=NONCE + LONGEST + TAG)
            if not pinned.names(value):
                raise Refused(
                    "E-SEC-021", f"'{key}' does not have the SHA-256 {pinned.sha256} that is listed"
                )
            return value

        try:
            return self._small.get(f"{key} {pinned.sha256}", fetch)
        except Missing:
            return None

    def root(self, organization: str, version: int) -> bytes | None:
        """The root envelope of this version, or None."""
        return self._read(self._small, layout.root(organization, version), ROOT_LIMIT)

    def log_tile(self, organization: str, path: str) -> bytes | None:
        """A tile of the organization's log, or None. Full and partial ones never change."""
        return self._read(self._small, layout.log(organization, path), TILE_LIMIT)

    def newest_root(self, organization: str) -> int | None:
        """The highest root version in the store, or None when there is none."""
        versions = (layout.root_version(key) for key in self._store.list(layout.roots(organization)))
        return max(versions, default=None)

    def _read(self, memory: Memory, key: str, limit: int, name: str = "") -> bytes | None:
        try:
            return memory.get(name or key, lambda: self._store.get(key, limit=limit))
        except Missing:
            return None
