"""What is known of one node, as the fleet functions need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """A node's last word. Moments are ours, never the node's.

    `reported_at` None: it never reported. `running` "": it runs nothing. `health` is `healthy`, `unhealthy` or
    `unknown`. `refused` is the digest of its last refusal that no later activation cleared, or "";
    `refused_sequence` is the sequence of the pointer that it refused.
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

    @property
    def alive_at(self) -> datetime:
        """The newest sign of life: its last report, or its registration."""
        return self.registered_at if self.reported_at is None else max(self.reported_at, self.registered_at)
