"""Tells when the code on disk changed, by the newest modification time: enough for a development loop."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SUFFIXES = frozenset({".py", ".html", ".css", ".js", ".kdl"})


class Watch:
    """Remembers the state of some folders; `changed` is true once for each change after that."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether a file was added, removed or written since the last call."""
        now = self._look()
        if now == self._seen:
            return False
        self._seen = now
        return True

    def _look(self) -> frozenset[tuple[str, int]]:
        return frozenset(
            (str(path), path.stat().st_mtime_ns)
            for folder in self._folders
            for path in folder.rglob("*")
            if path.suffix in SUFFIXES and path.is_file()
        )
