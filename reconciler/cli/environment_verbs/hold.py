"""`sentinelctl hold`: tell an environment to wait."""

from __future__ import annotations

from datetime import datetime

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import make_wish
from reconciler.cli.moment import Moment
from reconciler.release.branch import parse_branch
from reconciler.release.paths import hold_path
from reconciler.release.state import Hold
from reconciler.release.wishes.holding import hold_wish


def hold_name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Check the name of a hold given on the command line."""
    if value is not None:
        try:
            hold_path(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return value


@click.command()
@environment_options
@click.option("--reason", required=True, metavar="TEXT", help="Why it has to wait. Everybody reads this.")
@click.option(
    "--name", default="hold", show_default=True, callback=hold_name, help="Name, to lift this one alone."
)
@click.option("--until", type=Moment(), help="When it ends by itself. Default: it stands until it is lifted.")
def command(
    *, caller: Caller, environment: str, dry_run: bool, reason: str, name: str, until: datetime | None
) -> None:
    """Hold ENVIRONMENT: no rollout opens and an open one makes no further step, until the hold is lifted."""
    place_hold(caller, environment, Hold(name, reason, str(caller.author), until), dry_run=dry_run)


def place_hold(caller: Caller, environment: str, hold: Hold, *, dry_run: bool) -> None:
    """Write a hold, unless it stands there with the same reason."""

    make_wish(
        caller,
        environment,
        lambda state: hold_wish(environment, parse_branch(state.files), hold),
        dry_run=dry_run,
    )
