"""What is known of one node, as the fleet functions need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from reconciler.fleet.versions import UNKNOWN, Versions


class Observed(Protocol):
    """A node as the fleet functions read it; `Observation` says what each part means."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def registered_at(self) -> datetime: ...
    @property
    def reported_at(self) -> datetime | None: ...
    @property
    def alive_at(self) -> datetime: ...
    @property
    def running(self) -> str: ...
    @property
    def running_since(self) -> datetime | None: ...
    @property
    def health(self) -> str: ...
    @property
    def health_since(self) -> datetime | None: ...
    @property
    def health_reason(self) -> str: ...
    @property
    def refused(self) -> str: ...
    @property
    def refused_sequence(self) -> int: ...
    @property
    def refused_because(self) -> str: ...
    @property
    def versions(self) -> Versions: ...


@dataclass(frozen=True, slots=True)
class Observation:
    """A node's last word. Moments are ours, never the node's.

    `reported_at` None: it never reported. `running` "": it runs nothing. `health` is `healthy`, `unhealthy` or
    `unknown`. `refused` is the digest of its last refusal that no later activation cleared, or "";
    `refused_sequence` is the sequence of the pointer that it refused. `versions` is what it says of its
    proxy and its agent.
    """

    id: str
    name: str
    registered_at: datetime
    reported_at: datetime | None = None
    running: str = ""
    running_since: datetime | None = None
    health: str = "unknown"
    health_since: datetime | None = None
    health_reason: str = ""
    refused: str = ""
    refused_sequence: int = 0
    refused_because: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    versions: Versions = UNKNOWN

    @property
    def alive_at(self) -> datetime:
        """The newest sign of life: its last report, or its registration."""
        return self.registered_at if self.reported_at is None else max(self.reported_at, self.registered_at)
