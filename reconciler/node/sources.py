"""Where signed files can be fetched: the control plane, and mirrors of what it publishes. None of them is trusted.

A source only says how to ask. What comes back is verified alike whoever sent it, so a mirror can be any web server in
front of a copy of `public/` in the object store. It has no node's key, no secret and nothing that is made for one node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reconciler.bundle import places
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.tiles import Tile
from reconciler.node import protocol
from reconciler.node.effects import HttpRequest
from reconciler.node.state import Identity


class Source(Protocol):
    """How to ask for a root, a tile of the log and a blob."""

    def root(self, version: int) -> HttpRequest: ...

    def log_tile(self, tile: Tile) -> HttpRequest: ...

    def blob(self, digest: str, length: int) -> HttpRequest: ...


@dataclass(frozen=True, slots=True)
class ControlPlaneSource:
    """The control plane itself, which knows this node by its key."""

    identity: Identity

    def root(self, version: int) -> HttpRequest:
        return protocol.root(self.identity, version)

    def log_tile(self, tile: Tile) -> HttpRequest:
        return protocol.log_tile(self.identity, tile)

    def blob(self, digest: str, length: int) -> HttpRequest:
        return protocol.download(self.identity, digest, length)


@dataclass(frozen=True, slots=True)
class MirrorSource:
    """The mirror of that number, from 1 on. It is asked without a key."""

    number: int
    organization: str
    project: str
    environment: str

    def pointer(self, cohort: str) -> HttpRequest:
        """The newest pointer of a cohort."""
        path = places.pointer(self.organization, self.project, self.environment, cohort)
        return self._get(path, LIMITS.pointer)

    def statement(self, digest: str) -> HttpRequest:
        """The statement about a bundle."""
        return self._get(places.statement(self.organization, self.project, digest), LIMITS.statement)

    def root(self, version: int) -> HttpRequest:
        return self._get(places.root(self.organization, version), LIMITS.root)

    def log_tile(self, tile: Tile) -> HttpRequest:
        return self._get(places.log(self.organization, tile.path), tile.length)

    def blob(self, digest: str, length: int) -> HttpRequest:
        return self._get(places.bundle(self.organization, self.project, digest), length)

    def _get(self, path: str, limit: int) -> HttpRequest:
        headers = {"User-Agent": protocol.AGENT}
        return HttpRequest(
            "GET", f"/{path}", headers, None, limit, protocol.ANSWER_SECONDS, source=self.number
        )


def mirrors_of(identity: Identity, count: int) -> tuple[MirrorSource, ...]:
    """The mirrors of a node, in the order in which they are asked."""
    return tuple(
        MirrorSource(number, identity.organization, identity.project, identity.environment)
        for number in range(1, count + 1)
    )
