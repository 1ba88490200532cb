"""What every object store does. `filesystem` and `s3` do it; one contract suite runs on both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from reconciler.errors import Refused, Stalled

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
MAX_KEY = 512


class Missing(Stalled):
    """There is no object of this key. Whoever can do without catches it."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "E-STO-001", f"the object store has no '{key}'", cure="Restore it, or rebuild it from git"
        )
        self.key = key


class Taken(Refused):
    """There are other bytes under this key, and they stay. Whoever lost a race on purpose catches it."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "E-STO-003",
            f"the object store has other bytes under '{key}'",
            cure="An object with a digest never changes: find out who wrote it, then restore the right one",
        )


class BlobStore(Protocol):
    """Objects by key. A key is relative, parts separated by `/`, no part beginning with a dot (`check_key`).

    Every method raises `Transient` (E-STO-006) when the store cannot be reached, `Stalled` (E-STO-005) when it
    denies access or cannot be written, `Refused` (E-STO-002) for a key that is none.
    """

    def put(self, key: str, data: bytes) -> bool:
        """Store an object that never changes. True when this call made it, False when the same bytes were there.

        Atomic and durable. Raises `Taken` (E-STO-003) when other bytes are there; they stay.
        """

    def replace(self, key: str, data: bytes) -> None:
        """Store an object over whatever was there. Atomic and durable; of two writers the last one wins."""

    def get(self, key: str, *, limit: int) -> bytes:
        """The object's bytes. Raises `Missing`, or `Refused` (E-STO-004) when it has more than `limit` bytes."""

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""

    def delete(self, key: str) -> None:
        """Remove an object. Nothing happens when there is none."""

    def link(self, key: str, *, seconds: int) -> str | None:
        """A URL at which whoever has it can read the object for so long, made without asking anybody.

        None when this store has no address that others could reach.
        """

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix` (text, not a folder; may be empty), sorted."""


def check_key(key: str) -> str:
    """The key itself. Raises `Refused` (E-STO-002) when it could leave the store or is written in two ways."""
    if len(key) > MAX_KEY or KEY.fullmatch(key) is None:
        raise Refused("E-STO-002", f"{ascii(key)[:120]} cannot be the key of an object")
    return key


def too_large(key: str, limit: int) -> Refused:
    """The refusal of `get` when an object is larger than its reader expects."""
    return Refused("E-STO-004", f"the object '{key}' has more than the {limit} bytes that are read")


def check_prefix(prefix: str) -> str:
    """The prefix itself. Raises `Refused` (E-STO-002) when no key could begin with it, the empty one excepted."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix
