"""A person's go for a step that has a manual gate."""

from __future__ import annotations

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.errors import Stalled
from reconciler.release.branch import parse_branch
from reconciler.release.paths import go_path
from reconciler.release.render import render_go
from reconciler.release.state import Go


def say_go(caller: Caller, environment: str, step: int, why: str, *, dry_run: bool) -> None:
    """Write a person's go for a step. Raises `Stalled` E-GIT-230 when the open rollout has no such step."""

    def decide(state: BranchState) -> Wish | Already:
        files = parse_branch(state.files)
        rollout = files.ledger.open_rollout if files.ledger is not None else None
        if rollout is None:
            raise Stalled(
                "E-GIT-230",
                f"'{environment}' has no open rollout, so there is no step to say go for",
                cure=f"Look at its log, or wait until one opens: git log {caller.branch_prefix}env/{environment}",
            )
        if step > len(rollout.steps):
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
            return Already(
                f"{standing.by or 'somebody'} has said go for step {step} of {rollout.name} already"
            )
        go = Go(rollout.name, step, rollout.digest, asked.sequence, str(caller.author), why)
        return Wish(
            edits={go_path(rollout.name, step): render_go(go)},
            subject=f"Say go for step {step} of {rollout.name} in {environment}",
            body=why,
            trailers=(("Rollout", rollout.name), ("Actor", go.by)),
            next=f"Step {step} of {rollout.name} passes when its other gates do.",
        )

    make_wish(caller, environment, decide, dry_run=dry_run)
