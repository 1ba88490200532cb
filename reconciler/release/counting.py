"""What of the facts comes from nodes. Flows and simulation count with the same function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import (
    Batch,
    Outdated,
    StepWindow,
    count_batches,
    eligible_ranks,
    left_out,
    outdated,
)
from reconciler.fleet.cohorts import NO_NEEDS, Assignment
from reconciler.fleet.observations import Observed
from reconciler.fleet.versions import UNKNOWN, Versions
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
    outdated: tuple[Outdated, ...]


def count(
    state: EnvironmentState,
    policy: EnvironmentPolicy,
    nodes: Sequence[Observed],
    *,
    now: datetime,
    needs: Mapping[str, Versions] = NO_NEEDS,
) -> Counted:
    """Count the nodes for the open rollout, and for the one that the wish would open. `needs` is by digest the oldest
    proxy and agent that run it."""
    ledger = state.files.ledger or Ledger()
    assignment = assignment_of(ledger, needs)
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
    coming = opening(state, policy, now, needs)
    return Counted(
        batches,
        returned,
        eligible_ranks(coming, nodes),
        left_out(assignment, nodes),
        _outdated(state, ledger, assignment, coming, nodes, needs),
    )


def _outdated(
    state: EnvironmentState,
    ledger: Ledger,
    assignment: Assignment,
    coming: Assignment,
    nodes: Sequence[Observed],
    needs: Mapping[str, Versions],
) -> tuple[Outdated, ...]:
    """Who is left out of what is under way, else of what would come, else of what is live."""
    rollout, wish = ledger.open_rollout, state.files.release
    if rollout is None and coming.rollout is not None and wish is not None:
        return outdated(coming, wish.digest, needs.get(wish.digest, UNKNOWN), nodes)
    digest = ledger.live if rollout is None else rollout.digest
    return outdated(assignment, digest, needs.get(digest, UNKNOWN), nodes)
