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
    """The facts about one step at `now`, which began or was resumed at `since`.

    `earlier` counts the nodes of all steps before it together.
    """

    step: PlannedStep
    batch: Batch
    earlier: Batch
    rules: Rules
    since: datetime
    now: datetime


def always(facts: GateFacts) -> bool:
    """The gate has something to say about every step."""
    return True


@dataclass(frozen=True, slots=True)
class Gate:
    """`concerns` says whether it is asked about a step at all."""

    name: str
    judge: Callable[[GateFacts], Verdict]
    concerns: Callable[[GateFacts], bool] = always
