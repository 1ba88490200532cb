"""`sentinelctl cancel`: take a release back before it is live."""

from __future__ import annotations

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import make_wish
from reconciler.release.branch import parse_branch
from reconciler.release.wishes.releasing import cancel_wish


@click.command()
@environment_options
@click.option("--why", required=True, metavar="TEXT", help="Reason, for the commit and the page.")
def command(*, caller: Caller, environment: str, dry_run: bool, why: str) -> None:
    """End the open rollout of ENVIRONMENT, or withdraw the release that waits there.

    Every node goes back to what was completed last. Nothing is quarantined: the same bundle may be promoted again.
    """

    make_wish(
        caller,
        environment,
        lambda state: cancel_wish(environment, parse_branch(state.files), why, str(caller.author)),
        dry_run=dry_run,
    )
