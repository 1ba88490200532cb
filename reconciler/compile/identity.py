"""What a node compares: which configuration this is, and whether the proxy has to start anew for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def config_id(parts: Iterable[bytes], chains: Iterable[str] = ()) -> str:
    """The first 16 hex digits of the SHA-256 of a configuration without its marker filter, part by part.

    `chains` are the digests of the certificates that it names by paths, in order: behind the same path another chain is
    another configuration, which has to be brought to life.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    for chain in chains:
        digest.update(f"\0{chain}".encode())
    return digest.hexdigest()[:16]


def restart_key(parts: Iterable[bytes]) -> str:
    """16 hex digits over everything that the proxy reads only when it starts.

    The same key: a reload is enough. Each part goes in with its length, so that no two lists of parts look alike.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.hexdigest()[:16]
