"""A person's go for a step that has a manual gate."""

from __future__ import annotations

from reconciler.errors import Stalled
from reconciler.release.paths import go_path
from reconciler.release.render import render_go
from reconciler.release.state import BranchFiles, Go
from reconciler.release.wishes.wish import Already, Wish


def go_wish(environment: str, files: BranchFiles, step: int, why: str, actor: str) -> Wish | Already:
    """Say go for a step of the open rollout. Raises `Stalled` E-GIT-230 when there is no such step under way."""
    rollout = files.ledger.open_rollout if files.ledger is not None else None
    if rollout is None:
        raise Stalled(
            "E-GIT-230",
            f"'{environment}' has no open rollout, so there is no step to say go for",
            cure=f"Look at the log of the branch env/{environment}, or wait until one opens",
        )
    if not 1 <= step <= len(rollout.steps):
        raise Stalled(
            "E-GIT-230",
            f"{rollout.name} of '{environment}' has {len(rollout.steps)} steps, and no step {step}",
            cure=f"Name one from 1 to {len(rollout.steps)}",
        )
    asked = rollout.steps[step - 1]
    if rollout.state != "open" or asked.state != "active":
        # What is said before a step begins, or before it begins anew, is not said of what it will show.
        raise Stalled(
            "E-GIT-230",
            f"step {step} of {rollout.name} in '{environment}' is not under way: the rollout is {rollout.state}, "
            f"the step {asked.state}",
            cure=f"Say go once it has begun; what it waits for: sentinelctl why {environment}",
        )
    standing = files.go(rollout, asked)
    if standing is not None and standing.is_for(rollout, asked):
        return Already(f"{standing.by or 'somebody'} has said go for step {step} of {rollout.name} already")
    go = Go(rollout.name, step, rollout.digest, asked.sequence, actor, why)
    return Wish(
        edits={go_path(rollout.name, step): render_go(go)},
        subject=f"Say go for step {step} of {rollout.name} in {environment}",
        body=why,
        trailers=(("Rollout", rollout.name), ("Actor", go.by)),
        next=f"Step {step} of {rollout.name} passes when its other gates do.",
    )
