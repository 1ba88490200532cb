"""What a gate is and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.config.gates import GateSpec
from reconciler.fleet.batches import Batch
from reconciler.release.signals import StepSignals
from reconciler.release.state import Go, PlannedStep, Rules
from reconciler.release.swap import Swap
from reconciler.release.verdict import Verdict


@dataclass(frozen=True, slots=True)
class GateFacts:
    """The facts about one step at `now`. `earlier` counts the nodes of all steps before it together.

    `since` is when the step began or was resumed; `go` is a person's word for this very try of the
    step, `said` their newest word on the step, whatever try it was for; `signals` is what was
    measured since then, None when nobody looked; `alone` says why there may be no node left that was not moved, or is
    "". `swap` is that of a blue-green plan; `first`: nothing was released before.
    """

    step: PlannedStep
    batch: Batch
    earlier: Batch
    rules: Rules
    since: datetime
    now: datetime
    go: Go | None = None
    said: Go | None = None
    signals: StepSignals | None = None
    alone: str = ""
    swap: Swap | None = None
    first: bool = False

    @property
    def empty(self) -> bool:
        """Whether the step was planned for no nodes and has none, or all it has are pinned or outdated."""
        return self.batch.total == 0 and (
            self.step.nodes == 0 or self.batch.pinned > 0 or self.batch.outdated > 0
        )

    @property
    def unserved(self) -> bool:
        """Whether no requests are meant to reach the nodes that were moved."""
        weights = self.step.weights
        return self.swap is not None and weights is not None and weights[self.swap.standby] == 0

    @property
    def nobody(self) -> bool:
        """Whether nothing can go wrong: the step moves nobody, and shifts no traffic to those who were moved."""
        return self.empty and (self.swap is None or self.unserved)


@dataclass(frozen=True, slots=True)
class Gate:
    """`judge(facts, spec)`: the spec is what the plan says of this gate, with nothing in it for a gate that every
    step has. A `patient` gate has not failed when it still waits at the step's deadline."""

    name: str
    judge: Callable[[GateFacts, GateSpec], Verdict]
    patient: bool = False
