"""`sentinelctl promote`: ask an environment to run a bundle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.known import merged_by, named, newest_for
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.preview_risk import risk_lines
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.cli.moment import Moment
from reconciler.cli.selector import SelectorType
from reconciler.release.branch import LABEL, parse_branch
from reconciler.release.state import Release
from reconciler.release.wishes.releasing import by_pull_request, promote_wish


@click.command()
@environment_options
@click.option(
    "--digest", metavar="DIGEST", help="Bundle, or the beginning of its digest. Default: see above."
)
@click.option("--why", default="", metavar="TEXT", help="Reason, for the commit and the page.")
@click.option(
    "--only",
    type=SelectorType(),
    metavar="SELECTOR",
    help="The nodes that it is for, by labels and groups; all others keep what they run. docs/selectors.md",
)
@click.option("--at", type=Moment(), help="Schedule it: its rollout opens at this moment, and not before.")
@click.option(
    "--hotfix",
    default="",
    metavar="LABEL",
    help="Label it as a hotfix, which a freeze window may let through.",
)
def command(
    *,
    caller: Caller,
    environment: str,
    dry_run: bool,
    digest: str | None,
    why: str,
    only: str | None,
    at: datetime | None,
    hotfix: str,
) -> None:
    """Put a bundle into ENVIRONMENT.

    Without --digest this is the bundle that was completed last in the environments before it, or, where there is none
    before it, the one that automatic promotion took last. The commit is yours and is pushed with your credentials:
    to the environment's branch or, where policy asks for a pull request, to a branch of its own.
    With --dry-run the risk is told as well: what runs there and what would come are compiled here and compared.
    """

    if hotfix and LABEL.fullmatch(hotfix) is None:
        raise click.BadParameter(
            "letters, digits and ._#/- are possible, such as INC-123", param_hint="--hotfix"
        )

    def decide(state: BranchState) -> Wish | Already:
        files = parse_branch(state.files)
        if digest is not None:
            chosen = named(state.mirror, caller, digest)
        else:
            chosen = newest_for(state.mirror, caller, state, caller.path)
        wanted = Release(
            chosen.digest,
            chosen.commit,
            why,
            str(caller.author),
            not_before=at,
            hotfix=hotfix,
            only=only or "",
        )
        wish = promote_wish(environment, files, wanted, chosen.because)
        merging = merged_by(state.mirror, caller, environment)
        if merging and isinstance(wish, Wish):
            wish = by_pull_request(wish, environment, merging)
        if not dry_run or isinstance(wish, Already):
            return wish
        told = risk_lines(state.mirror, environment, files.ledger, chosen.commit, caller.path)
        return replace(wish, previewed=told)

    make_wish(caller, environment, decide, dry_run=dry_run)
