"""`sentinelctl resume`: lift holds."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.hold import hold_name
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.promote import release_wish
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.release.branch import parse_branch
from reconciler.release.paths import HOLDS, short


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

    def decide(state: BranchState) -> Wish | Already:
        standing = parse_branch(state.files).holds
        lifted = [hold for hold in standing if name is None or hold.name == name]
        if not lifted:
            others = f"; it is held by {', '.join(hold.name for hold in standing)}" if standing else ""
            what = f"a hold '{name}'" if name is not None else "a hold"
            return Already(f"{environment} is already without {what}{others}")
        names = ", ".join(hold.name for hold in lifted)
        left = [hold for hold in standing if hold not in lifted]
        return Wish(
            edits={f"{HOLDS}/{hold.name}.kdl": None for hold in lifted},
            subject=f"Resume {environment} (lift {names})",
            body="",
            trailers=(*(("Hold", hold.name) for hold in lifted), ("Actor", str(caller.author))),
            next=f"It is still held by {', '.join(hold.name for hold in left)}."
            if left
            else f"{environment} goes on at the control plane's next look.",
        )

    make_wish(caller, environment, decide, dry_run=dry_run)


def _widened(state: BranchState, caller: Caller) -> Wish | Already:
    wished = parse_branch(state.files).release
    if wished is None or not wished.only:
        return Already(f"{state.environment} is already released to all of its nodes")
    return release_wish(
        state,
        replace(wished, only="", by=str(caller.author)),
        subject=f"Widen the release of {short(wished.digest)} in {state.environment} to all nodes",
        because=f"it was for {wished.only}",
    )
