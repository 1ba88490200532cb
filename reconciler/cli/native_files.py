"""Reads files in the proxy's own language from disk, and finds those that they include."""

from __future__ import annotations

import glob
import os
from itertools import islice
from pathlib import Path

from reconciler.compile.native import limits
from reconciler.compile.native.including import Found

OTHER_LANGUAGES = (".json", ".toml")
"""Endings that the proxy reads in a language of their own, which is not checked here."""


class Shown:
    """Reads files, and keeps what findings may want to quote."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def read(self, path: str, shown: str) -> bytes | None:
        try:
            with open(path, "rb") as file:
                content = file.read(limits.BYTES + 1)
        except OSError:
            return None
        self.contents[shown] = content
        return content


def find(within: str, pattern: str, root: Path | None, shown: Shown) -> list[Found]:
    """The files of an include, by the rules of the proxy's glob: * takes a leading dot too, ** goes into folders."""
    base = os.path.dirname(within)
    if os.path.isabs(pattern) and root is not None:
        pattern = os.path.join(root, pattern.lstrip("/"))
    found = []
    everything = os.path.join(glob.escape(base), pattern)
    for match in islice(sorted(glob.glob(everything, recursive=True, include_hidden=True)), limits.FILES + 1):
        real = os.path.realpath(match)
        name = os.path.relpath(match) if Path(match).is_relative_to(Path.cwd()) else match
        found.append(Found(real, name, shown.read(match, name)))
    return found
