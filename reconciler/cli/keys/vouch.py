"""`sentinelctl keys vouch`: say which ledger of an environment holds, after a commit key was revoked."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.options import environment_options
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.errors import Stalled
from reconciler.keys.uri import load_key
from reconciler.release import paths
from reconciler.release.branch import parse_branch

FAR = 5_000


@click.command()
@environment_options
@click.option(
    "--commit",
    "sha",
    required=True,
    metavar="SHA",
    help="The last commit whose ledger is right.",
)
@click.option("--key", required=True, metavar="URI", help="The commit key of today, to sign with.")
def command(*, caller: Caller, environment: str, dry_run: bool, sha: str, key: str) -> None:
    """Sign the ledger of ENVIRONMENT as it stands in one of its commits, with the commit key of today.

    After a commit key was revoked, nothing that it alone signed counts. Look at `git log env/ENVIRONMENT`, choose the
    last commit that was surely ours, and the control plane goes on from there.
    """
    signer = load_key(key, folder=Path.cwd(), environ=os.environ)

    def decide(state: BranchState) -> Wish | Already:
        line = state.mirror.first_parents(state.head, limit=FAR, stop=None)
        chosen = [commit for commit in line if len(sha) >= 7 and commit.sha.startswith(sha)]
        if len(chosen) != 1:
            raise Stalled(
                "E-KEY-020",
                f"'{sha[:40]}' is not one commit on the first-parent line of the branch of '{environment}'",
                cure=f"Choose one of `git log --first-parent env/{environment}`",
            )
        files = {path: state.mirror.read_file(chosen[0].sha, path) for path in paths.LEDGER}
        parsed = parse_branch({path: content for path, content in files.items() if content is not None})
        if parsed.ledger is None:
            raise Stalled(
                "E-KEY-020",
                f"the commit {chosen[0].sha[:12]} has no ledger that can be read",
                cure="Choose another commit",
            )
        click.echo(
            f"Ledger of {chosen[0].sha[:12]} ({chosen[0].subject}): sequence {parsed.ledger.sequence}, "
            f"live {parsed.ledger.live or 'nothing'}"
        )
        return Wish(
            edits=files,
            subject=f"Vouch for the ledger of {environment} as of {chosen[0].sha[:12]}",
            body="The commit key that signed it was revoked.",
            trailers=(
                ("Ledger", chosen[0].sha),
                ("Event", "ledger.taken-over"),
                ("Actor", str(caller.author)),
            ),
            next="The control plane goes on from this ledger at its next look.",
        )

    make_wish(caller, environment, decide, dry_run=dry_run, key=signer)
