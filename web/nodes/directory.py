"""What the poll path knows: nodes and their key hashes, each cohort's ready-made answer, each project's bundles.

It lives in the memory of one event loop. `loading` fills it from a thread; nothing here waits or asks anybody.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.fleet.cohorts import Assignment, cohort_of
from reconciler.fleet.versions import UNKNOWN, Versions


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A registered node. `key` is the SHA-256 of its key, in hex; a retired node is not here and opens nothing."""

    id: str
    organization: str
    project: str
    environment: str
    registered_at: datetime
    key: str
    labels: Mapping[str, str] = field(default_factory=dict)
    tokens_after: datetime | None = None
    """Tokens that were issued before are not taken."""
    versions: Versions = UNKNOWN
    """What it said last of its proxy and its agent."""

    def with_key(self, sha256: str) -> NodeEntry:
        """The same node with another key."""
        return replace(self, key=sha256)


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer to a poll of one cohort. `etag` is quoted, as it stands in headers."""

    cohort: str
    etag: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class EnvironmentEntry:
    """The answers of one environment by cohort, and what decides which one is for a node."""

    answers: Mapping[str, Answer]
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A published bundle as a project owns it."""

    organization: str
    project: str
    digest: str
    sha256: str
    length: int


@dataclass(slots=True)
class Directory:
    """Replaced piecewise by `apply`, on the event loop only."""

    nodes: dict[str, NodeEntry] = field(default_factory=dict)
    environments: Mapping[tuple[str, str, str], EnvironmentEntry] = field(default_factory=dict)
    blobs: dict[tuple[str, str], BlobEntry] = field(default_factory=dict)
    loaded_at: float | None = None
    """`time.monotonic` of the last complete refresh; None before the first."""
    _by_key: dict[str, str] = field(default_factory=dict)
    _changed: asyncio.Future[None] | None = None

    def apply(
        self,
        nodes: Iterable[NodeEntry],
        retired: Iterable[str],
        environments: Mapping[tuple[str, str, str], EnvironmentEntry] | None,
        blobs: Iterable[BlobEntry],
        *,
        whole: bool,
        at: float,
    ) -> None:
        """Take a refresh in. `environments` None: unchanged; otherwise whoever waits in `changed` wakes.

        `whole`: these are all nodes there are.
        """
        if whole:
            self.nodes.clear()
            self._by_key.clear()
        for node in nodes:
            self.admit(node)
        for node_id in retired:
            self.forget(node_id)
        for blob in blobs:
            self.blobs[(blob.project, blob.digest)] = blob
        self.loaded_at = at
        if environments is not None:
            self.environments = environments
            self.wake()

    def admit(self, node: NodeEntry) -> None:
        """Know this node from now on, with this key alone."""
        self.forget(node.id)
        self.nodes[node.id] = node
        self._by_key[node.key] = node.id

    def wake(self) -> None:
        """Let every parked poll look again."""
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    def changed(self) -> asyncio.Future[None]:
        """A future that is done at the next change. Shared by all who wait: shield it before cancelling."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    def holder(self, key: bytes) -> NodeEntry | None:
        """The node that this key belongs to, or None.

        Looking up the hash of a random 256-bit key tells a stranger nothing through its timing.
        """
        return self.nodes.get(self._by_key.get(hashlib.sha256(key).hexdigest(), ""))

    def answer(self, node: NodeEntry) -> Answer | None:
        """What this node should be told now; None when there is nothing for it yet."""
        environment = self.environments.get((node.organization, node.project, node.environment))
        if environment is None:
            return None
        cohort = cohort_of(node.id, node.labels, node.registered_at, environment.assignment, node.versions)
        return environment.answers.get(cohort)

    def forget(self, node_id: str) -> None:
        """Know this node no more."""
        known = self.nodes.pop(node_id, None)
        if known is not None:
            self._by_key.pop(known.key, None)
