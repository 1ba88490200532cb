"""Whether what a node has is new enough for a bundle. What cannot be read forbids nothing: the node's own check has the
last word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_VERSION = re.compile(r"(?<![0-9.])([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(?![0-9])")


class Versions(NamedTuple):
    """What a node says of its proxy and of its agent, or the oldest ones that a bundle needs; "" says nothing."""

    proxy: str = ""
    agent: str = ""


UNKNOWN = Versions()


@lru_cache(maxsize=4096)
def _shared(proxy: str, agent: str) -> Versions:
    # Most nodes of a fleet say the same, and one copy of it is enough.
    return Versions(proxy, agent)


def versions_of(said: Mapping[str, Any] | None) -> Versions:
    """What a node's document of versions says."""
    said = said or {}
    return _shared(str(said.get("proxy") or ""), str(said.get("agent") or ""))


def read_version(words: str) -> tuple[int, ...] | None:
    """The first version in what a program says of itself, such as `zentinel 0.6.20`; None when there is none."""
    match = _VERSION.search(words)
    return tuple(map(int, match.groups())) if match is not None else None


@lru_cache(maxsize=4096)
def is_older(found: str, wanted: str) -> bool:
    """Whether the version in `found` is known, and lower than the one in `wanted`."""
    one, other = read_version(found), read_version(wanted)
    return one is not None and other is not None and one < other


@lru_cache(maxsize=4096)
def too_old(found: Versions, needs: Versions) -> tuple[str, ...]:
    """Which of "proxy" and "agent" are older than what is needed. Asked for every poll."""
    pairs = zip(Versions._fields, found, needs, strict=True)
    return tuple(part for part, one, wanted in pairs if is_older(one, wanted))
