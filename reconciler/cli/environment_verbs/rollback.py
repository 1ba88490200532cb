"""`sentinelctl rollback`: ask an environment to run an earlier good bundle again."""

from __future__ import annotations

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.known import Chosen, named
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.promote import release_wish
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.errors import Stalled
from reconciler.release.branch import parse_branch
from reconciler.release.paths import short
from reconciler.release.state import BranchFiles, Release


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
        if files.release is not None and files.release.digest == chosen.digest:
            return Already(f"{environment} already asks for {chosen.digest} ({chosen.because})")
        return release_wish(
            state,
            Release(chosen.digest, chosen.commit, why, str(caller.author)),
            subject=f"Roll {environment} back to {short(chosen.digest)}",
            because=chosen.because,
        )

    make_wish(caller, environment, decide, dry_run=dry_run)


def previous(files: BranchFiles, environment: str) -> Chosen:
    """The bundle that a rollback means when nobody names one. Raises `Stalled` E-GIT-209 when there is none.

    Going back twice goes back twice: what a rollback left behind is not what the next one brings.
    """
    history = files.ledger.history if files.ledger is not None else ()
    wanted = files.release.digest if files.release is not None else ""
    digests = [entry.digest for entry in history]
    if wanted not in digests:
        candidates = history
    elif wanted != digests[0]:
        entry = history[digests.index(wanted)]
        return Chosen(wanted, entry.commit, f"on its way back to what {entry.rollout} completed")
    else:
        # Behind the first time that this digest was completed: later times are rollbacks to it.
        oldest = len(digests) - 1 - digests[::-1].index(wanted)
        candidates = history[oldest + 1 :]
    for entry in candidates:
        if not any(quarantine.covers(entry.digest) for quarantine in files.quarantine):
            return Chosen(entry.digest, entry.commit, f"completed before, in {entry.rollout}")
    raise Stalled(
        "E-GIT-209",
        f"'{environment}' has completed no earlier bundle that is not quarantined",
        cure="Name one with --digest, or repair trunk and let the new commit roll out",
    )
