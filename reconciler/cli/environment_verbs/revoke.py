"""`sentinelctl revoke`: forbid a bundle in every environment."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.known import named
from reconciler.cli.environment_verbs.options import repository_options
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, environments, make_wish
from reconciler.errors import Stalled
from reconciler.git.mirror import Mirror
from reconciler.git.url import shown
from reconciler.release.branch import parse_branch
from reconciler.release.wishes.quarantining import allow_wish, forbid_wish


@click.command()
@click.argument("digest")
@repository_options
@click.option("--reason", required=True, metavar="TEXT", help="Why. Everybody reads this.")
@click.option("--lift", is_flag=True, help="Allow it again.")
def command(*, caller: Caller, dry_run: bool, digest: str, reason: str, lift: bool) -> None:
    """Forbid the bundle DIGEST, or the beginning of its digest, in every environment: one commit in each branch.

    A rollout of it goes back. Where it is live, nodes keep running it and the environment says so until another bundle
    is promoted. Running it again does what is still missing.
    """
    with TemporaryDirectory(prefix="sentinelctl-") as folder:
        mirror = Mirror.open(Path(folder) / "mirror.git", caller.url, caller.credentials)
        names = environments(mirror, caller)
        if not names:
            raise Stalled(
                "E-GIT-204",
                f"{shown(caller.url)} has no environment branch",
                cure="Check --repository and --branch-prefix",
            )
        chosen = named(mirror, caller, digest).digest
    for name in names:
        make_wish(
            caller, name, lambda state: _wish(state, caller, chosen, reason, lift=lift), dry_run=dry_run
        )


def _wish(state: BranchState, caller: Caller, digest: str, reason: str, *, lift: bool) -> Wish | Already:
    decide = allow_wish if lift else forbid_wish
    return decide(state.environment, parse_branch(state.files), digest, reason, str(caller.author))
