"""The commit of somebody's word on what an environment waits with."""

from __future__ import annotations

from datetime import datetime

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.cli.environment_verbs.signing import signer
from reconciler.cli.environment_verbs.wish import Already, BranchState, Wish, make_wish
from reconciler.config.people import is_person
from reconciler.errors import Stalled
from reconciler.release.assignment import settled
from reconciler.release.ballot import APPROVE, SHORT_HASH, Ballot, render_ballot
from reconciler.release.branch import parse_branch
from reconciler.release.paths import short
from reconciler.release.state import BranchFiles

COUNTS = "It counts when .sentinel/allowed-signers on trunk gives this key to {person}; the environment's page says."
UNSIGNED = (
    "It is not signed, so it is shown and does not count. Sign it with:\n"
    "  sentinelctl approve {environment} --sign ~/.ssh/id_ed25519"
)


def vote(
    caller: Caller, environment: str, verdict: str, *, why: str, sign: str | None, at: datetime, dry_run: bool
) -> None:
    """Commit the caller's word on the digest that is wished."""
    person = caller.author.email.lower()
    if not is_person(person):
        raise Stalled(
            "E-GIT-241",
            f"'{caller.author.email}' is no address that an approval can be given under",
            cure="Use the address that stands in .sentinel/allowed-signers: git config user.email, or --author",
        )
    key = sign if sign is not None else caller.signing_key

    def decide(state: BranchState) -> Wish | Already:
        files = parse_branch(state.files)
        wish = files.release
        if wish is None:
            raise Stalled(
                "E-GIT-242", f"nothing is wished for in '{environment}'", cure="Promote a bundle first"
            )
        plan = proposed(files)
        if verdict == APPROVE and not plan:
            raise Stalled(
                "E-GIT-242",
                f"no plan is proposed for {short(wish.digest)} in '{environment}'",
                cure="The control plane proposes one at its next look where the policy asks for approvals; try again",
            )
        ballot = Ballot(person, verdict, wish.digest, environment, plan, why, wish.hotfix, at)
        verb = "Approve" if verdict == APPROVE else "Reject"
        said = (("Bundle", wish.digest), *((("Plan", plan),) if plan else ()), ("Actor", str(caller.author)))
        return Wish(
            edits={ballot.path: render_ballot(ballot)},
            subject=f"{verb} {short(wish.digest)} in {environment}"
            + (f": plan {plan[:SHORT_HASH]}" if plan else ""),
            body=why,
            trailers=said,
            next=_next(environment, verdict, person, signed=key is not None),
        )

    make_wish(caller, environment, decide, dry_run=dry_run, sign=signer(key) if key is not None else None)


def proposed(files: BranchFiles) -> str:
    """The plan that an approval names: that of the open rollout of what is wished, or the one that is proposed."""
    wish, ledger = files.release, files.ledger
    if wish is None or ledger is None:
        return ""
    if ledger.open_rollout is not None and ledger.plan is not None and settled(ledger, wish):
        return ledger.plan.hash
    proposal = files.proposal
    return proposal.plan if proposal is not None and proposal.digest == wish.digest else ""


def _next(environment: str, verdict: str, person: str, *, signed: bool) -> str:
    if verdict != APPROVE:
        return f"{environment} stops at the control plane's next look, until you approve or delete your file."
    return COUNTS.format(person=person) if signed else UNSIGNED.format(environment=environment)
