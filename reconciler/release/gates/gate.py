"""What a gate is and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.fleet.batches import Batch
from reconciler.release.state import PlannedStep, Rules
from reconciler.release.verdict import Verdict


@dataclass(frozen=True, slots=True)
class GateFacts:
    """The facts about one step at `now`. `earlier` counts the nodes of all steps before it together."""

    step: PlannedStep
    batch: Batch
    earlier: Batch
    rules: Rules
    now: datetime


@dataclass(frozen=True, slots=True)
class Gate:
    name: str
    judge: Callable[[GateFacts], Verdict]
