"""`sentinelctl pause`: hold an environment's rollout where it is. A pause is a hold with that name."""

from __future__ import annotations

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.hold import place_hold
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.release.state import Hold
from reconciler.release.wishes.holding import PAUSE


@click.command()
@environment_options
@click.option(
    "--reason", default="paused", show_default=True, metavar="TEXT", help="Why. Everybody reads this."
)
def command(*, caller: Caller, environment: str, dry_run: bool, reason: str) -> None:
    """Pause the rollout of ENVIRONMENT: nodes keep what they run, and its deadlines do not count meanwhile."""
    place_hold(caller, environment, Hold(PAUSE, reason, str(caller.author)), dry_run=dry_run)
