"""`sentinelctl approve`: let a release that waits for people go on."""

from __future__ import annotations

import click

from reconciler import clock
from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.going import say_go
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.voting import vote
from reconciler.release.ballot import APPROVE


@click.command()
@environment_options
@click.option("--why", default="", metavar="TEXT", help="Reason, for the commit and the page.")
@click.option(
    "--sign",
    metavar="KEY",
    help="SSH key to sign with. Default: git's user.signingkey, when it signs by ssh.",
)
@click.option(
    "--step", type=click.IntRange(1), metavar="N", help="Say go for this step of the open rollout instead."
)
def command(
    *, caller: Caller, environment: str, dry_run: bool, why: str, sign: str | None, step: int | None
) -> None:
    """Approve the release that ENVIRONMENT waits with, under the plan that is proposed for it.

    The commit is yours. It counts when it is signed by a key that trunk's .sentinel/allowed-signers gives to you, and
    when you neither promoted the release nor wrote anything that it brings. With --step it says go for a step whose
    policy has a manual gate.
    """
    if step is not None:
        say_go(caller, environment, step, why, dry_run=dry_run)
        return
    vote(caller, environment, APPROVE, why=why, sign=sign, at=clock.now(), dry_run=dry_run)
