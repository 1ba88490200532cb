"""Secrets of webhooks, held in memory until what they are read from changes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from reconciler.keys.uri import load_secret

Stamp = tuple[int, ...]

SETTLED = 2_000_000_000
"""Nanoseconds since a file last changed after which it is held. Before that it may change once more without looking
otherwise: file systems count time in ticks."""


class HeldSecrets:
    """Loads secrets as `load_secret` does. A file is read again when anything but its access time has changed: opening
    it for each delivery would give the interpreter to other threads, and wait for it, half a dozen times."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._held: dict[tuple[Path, str], tuple[Stamp, bytes]] = {}

    def load(self, uri: str, folder: Path) -> bytes:
        """The secret that `uri` names; a relative path starts at `folder`. Raises `Stalled` as `load_secret` does."""
        stamp = _stamp(uri, folder)
        held = self._held.get((folder, uri))
        if held is not None and stamp is not None and held[0] == stamp:
            return held[1]
        # Looked at before it is read: a file that changes in between is read again the next time.
        secret = load_secret(uri, folder=folder, environ=self._environ)
        if stamp is not None and time.time_ns() - max(stamp[:2]) > SETTLED:
            self._held[folder, uri] = (stamp, secret)
        return secret


def _stamp(uri: str, folder: Path) -> Stamp | None:
    """What changes with the file that `uri` names; None when it names no file that is there."""
    scheme, _, rest = uri.partition(":")
    if scheme != "file" or not rest:
        return None
    try:
        about = os.stat(folder / rest)
    except (OSError, ValueError):
        return None
    return (
        about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino, about.st_dev, about.st_mode, about.st_uid,
    )  # fmt: skip
