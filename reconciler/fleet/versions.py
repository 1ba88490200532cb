"""Whether a proxy is new enough for a bundle. What cannot be read forbids nothing: its own test has the last word."""

from __future__ import annotations

import re
from functools import lru_cache

_VERSION = re.compile(r"(?<![0-9.])([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(?![0-9])")


def read_version(words: str) -> tuple[int, ...] | None:
    """The first version in what a program says of itself, such as `zentinel 0.6.20`; None when there is none."""
    match = _VERSION.search(words)
    return tuple(map(int, match.groups())) if match is not None else None


@lru_cache(maxsize=4096)
def is_older(found: str, wanted: str) -> bool:
    """Whether the version in `found` is known, and lower than the one in `wanted`. Asked for every poll."""
    one, other = read_version(found), read_version(wanted)
    return one is not None and other is not None and one < other
