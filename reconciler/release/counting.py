"""What of the facts comes from nodes. Flows and simulation count with the same function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch, StepWindow, count_batches, eligible_ranks, left_out
from reconciler.fleet.observations import Observed
from reconciler.release.assignment import assignment_of, opening
from reconciler.release.facts import step_windows
from reconciler.release.state import EnvironmentState, Ledger
from reconciler.release.swap import RESTORE


@dataclass(frozen=True, slots=True)
class Counted:
    """The fields of `Facts` with the same names."""

    batches: tuple[Batch, ...]
    returned: Batch | None
    ranks: Mapping[str, tuple[str, ...]]
    left_out: int


def count(
    state: EnvironmentState, policy: EnvironmentPolicy, nodes: Sequence[Observed], *, now: datetime
) -> Counted:
    """Count the nodes for the open rollout, and for the one that the wish would open."""
    ledger = state.files.ledger or Ledger()
    assignment = assignment_of(ledger)
    rollout, plan = ledger.open_rollout, ledger.plan
    batches: tuple[Batch, ...] = ()
    returned = None
    if rollout is not None and plan is not None:

        def counted(digest: str, windows: tuple[StepWindow, ...]) -> tuple[Batch, ...]:
            return count_batches(
                assignment,
                digest,
                windows,
                nodes,
                now=now,
                stale_after_seconds=plan.rules.stale_after_seconds,
                min_healthy_seconds=plan.rules.min_healthy_seconds,
            )

        batches = counted(rollout.digest, step_windows(ledger))
        back = rollout.returning
        if back is not None and back.phase == RESTORE:
            # The last step is the one that had moved them.
            windows = (replace(one, since=back.since, sequence=back.sequence) for one in step_windows(ledger))
            returned = counted(rollout.previous, tuple(windows))[-1]
    return Counted(
        batches, returned, eligible_ranks(opening(state, policy, now), nodes), left_out(assignment, nodes)
    )
