"""A person's go for a step that has a manual gate."""

from __future__ import annotations

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.wish import make_wish
from reconciler.release.branch import parse_branch
from reconciler.release.wishes.going import go_wish


def say_go(caller: Caller, environment: str, step: int, why: str, *, dry_run: bool) -> None:
    """Write a person's go for a step. Raises `Stalled` E-GIT-230 when the open rollout has no such step."""
    actor = str(caller.author)
    make_wish(
        caller,
        environment,
        lambda state: go_wish(environment, parse_branch(state.files), step, why, actor),
        dry_run=dry_run,
    )
