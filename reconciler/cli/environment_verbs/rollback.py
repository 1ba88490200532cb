"""`sentinelctl rollback`: ask an environment to run an earlier good bundle again."""

from __future__ import annotations

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.known import named
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.release.branch import parse_branch
from reconciler.release.wishes.releasing import previous, rollback_wish


@click.command()
@environment_options
@click.option(
    "--digest", metavar="DIGEST", help="Bundle, or the beginning of its digest. Default: the one before."
)
@click.option("--why", default="", metavar="TEXT", help="Reason, for the commit and the page.")
def command(*, caller: Caller, environment: str, dry_run: bool, digest: str | None, why: str) -> None:
    """Bring back the bundle that ENVIRONMENT completed before.

    While a release is on its way this is the one that was completed last; otherwise the one completed before that. It
    is rolled out under the same rules as any other, with a higher sequence.
    """

    def decide(state: BranchState) -> Wish | Already:
        files = parse_branch(state.files)
        chosen = named(state.mirror, caller, digest) if digest is not None else previous(files, environment)
        return rollback_wish(environment, files, chosen, why, str(caller.author))

    make_wish(caller, environment, decide, dry_run=dry_run)
