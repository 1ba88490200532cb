"""`sentinelctl cancel`: take a release back before it is live."""

from __future__ import annotations

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.promote import release_wish
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.errors import Stalled
from reconciler.release.branch import parse_branch
from reconciler.release.paths import short
from reconciler.release.state import Ledger, Release


@click.command()
@environment_options
@click.option("--why", required=True, metavar="TEXT", help="Reason, for the commit and the page.")
def command(*, caller: Caller, environment: str, dry_run: bool, why: str) -> None:
    """End the open rollout of ENVIRONMENT, or withdraw the release that waits there.

    Every node goes back to what was completed last. Nothing is quarantined: the same bundle may be promoted again.
    """

    def decide(state: BranchState) -> Wish | Already:
        files = parse_branch(state.files)
        ledger = files.ledger or Ledger()
        rollout = ledger.open_rollout
        if not ledger.history:
            raise Stalled(
                "E-GIT-243",
                f"'{environment}' has completed no bundle that it could go back to",
                cure=f'Let it stand still with sentinelctl pause {environment} --reason "…", or promote another bundle',
            )
        live = ledger.history[0]
        wished = files.release.digest if files.release is not None else ""
        if rollout is None and wished == live.digest:
            return Already(f"nothing is on its way in {environment}: it runs {short(live.digest)}")
        what = f"rollout {rollout.name}" if rollout is not None else f"the release of {short(wished)}"
        if wished == live.digest:
            return Already(f"{what} is being cancelled already")
        return release_wish(
            state,
            Release(live.digest, live.commit, why, str(caller.author)),
            subject=f"Cancel {what} in {environment}",
            because=f"{short(live.digest)} was completed last, in {live.rollout}",
        )

    make_wish(caller, environment, decide, dry_run=dry_run)
