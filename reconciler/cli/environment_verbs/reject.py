"""`sentinelctl reject`: stop a release."""

from __future__ import annotations

import click

from reconciler import clock
from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.voting import vote
from reconciler.release.ballot import REJECT


@click.command()
@environment_options
@click.option("--why", required=True, metavar="TEXT", help="Reason. Everybody reads this.")
@click.option("--sign", metavar="KEY", help="SSH key to sign with. A rejection counts without.")
def command(*, caller: Caller, environment: str, dry_run: bool, why: str, sign: str | None) -> None:
    """Reject the release that is wished for in ENVIRONMENT: it opens no rollout, and an open one pauses.

    It stands until you approve, or your file is deleted.
    """
    vote(caller, environment, REJECT, why=why, sign=sign, at=clock.now(), dry_run=dry_run)
