"""`sentinelctl retry`: try a release again that failed."""

from __future__ import annotations

from collections.abc import Mapping

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.release.branch import parse_branch
from reconciler.release.paths import RELEASE, hold_path, quarantine_path, short
from reconciler.release.render import render_release
from reconciler.release.state import BranchFiles, Ledger, Release


@click.command()
@environment_options
@click.option("--reason", required=True, metavar="TEXT", help="What is different now. Everybody reads this.")
def command(*, caller: Caller, environment: str, dry_run: bool, reason: str) -> None:
    """Try the release again that failed last in ENVIRONMENT.

    A rollout that paused itself goes on where it stands. One that was rolled back is wished for again, and the
    quarantine of its bundle is lifted by the same commit, with the reason.
    """

    def decide(state: BranchState) -> Wish | Already:
        files = parse_branch(state.files)
        rollout = (files.ledger or Ledger()).rollout
        edits, what = _edits(files, reason, str(caller.author))
        if rollout is None or not edits:
            return Already(f"no release has failed in {environment}, so there is nothing to try again")
        return Wish(
            edits=edits,
            subject=f"Retry {short(rollout.digest)} in {environment}: {what}",
            body=reason,
            trailers=(("Bundle", rollout.digest), ("Rollout", rollout.name), ("Actor", str(caller.author))),
            next="The control plane judges it at its next look, by the same rules as the first time.",
        )

    make_wish(caller, environment, decide, dry_run=dry_run)


def _edits(files: BranchFiles, reason: str, by: str) -> tuple[Mapping[str, bytes | None], str]:
    """What has to change for the newest rollout to be tried again, and what that is; nothing when it did not fail."""
    rollout = (files.ledger or Ledger()).rollout
    if rollout is None:
        return {}, ""
    if rollout.is_open:
        own = any(hold.name == rollout.name for hold in files.holds)
        return ({hold_path(rollout.name): None}, f"{rollout.name} goes on") if own else ({}, "")
    if rollout.state != "rolled-back":
        return {}, ""
    edits: dict[str, bytes | None] = {}
    if any(found.covers(rollout.digest) for found in files.quarantine):
        edits[quarantine_path(rollout.digest)] = None
    if files.release is None or files.release.digest != rollout.digest:
        edits[RELEASE] = render_release(Release(rollout.digest, rollout.commit, reason, by))
    return edits, f"{rollout.name} was rolled back"
