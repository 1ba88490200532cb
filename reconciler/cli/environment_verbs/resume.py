"""`sentinelctl resume`: lift holds."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.hold import hold_name
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.release.branch import parse_branch
from reconciler.release.paths import short
from reconciler.release.wishes.holding import resume_wish
from reconciler.release.wishes.releasing import release_wish


@click.command()
@environment_options
@click.option(
    "--hold", "name", callback=hold_name, metavar="NAME", help="Lift this hold alone. Default: all of them."
)
@click.option(
    "--all",
    "widen",
    is_flag=True,
    help="Go on with all nodes after a release that was for some alone. Holds stay.",
)
def command(*, caller: Caller, environment: str, dry_run: bool, name: str | None, widen: bool) -> None:
    """Lift the holds of ENVIRONMENT, also the one with which a failed rollout paused itself.

    With --all nothing is lifted: the release that was promoted with --only goes on to all other nodes.
    """
    if widen and name is not None:
        raise click.UsageError("--all widens a release and lifts no hold; give --hold without it")
    if widen:
        make_wish(caller, environment, lambda state: _widened(state, caller), dry_run=dry_run)
        return

    make_wish(
        caller,
        environment,
        lambda state: resume_wish(environment, parse_branch(state.files), name, str(caller.author)),
        dry_run=dry_run,
    )


def _widened(state: BranchState, caller: Caller) -> Wish | Already:
    files = parse_branch(state.files)
    wished = files.release
    if wished is None or not wished.only:
        return Already(f"{state.environment} is already released to all of its nodes")
    return release_wish(
        files,
        replace(wished, only="", by=str(caller.author)),
        subject=f"Widen the release of {short(wished.digest)} in {state.environment} to all nodes",
        because=f"it was for {wished.only}",
    )
