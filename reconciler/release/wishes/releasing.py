"""Wishes for a release: another bundle, or an earlier one again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.clock import iso
from reconciler.errors import Stalled
from reconciler.release.branch import parse_branch
from reconciler.release.paths import PROMOTIONS, RELEASE, short
from reconciler.release.pull_requests import AUTO, same_wish
from reconciler.release.render import render_release
from reconciler.release.state import BranchFiles, Ledger, Release
from reconciler.release.wishes.wish import Already, Wish

JUDGED = "The control plane judges it at its next look: a rollout opens, or the environment's page says why it waits."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A bundle to ask for. `commit` is the trunk commit it was made of, or "" when git does not know."""

    digest: str
    commit: str
    because: str


def release_wish(files: BranchFiles, release: Release, *, subject: str, because: str) -> Wish:
    """The commit that writes `release.kdl`; `because` says how the bundle was chosen."""
    trailers = (("Bundle", release.digest), *((("Commit", release.commit),) if release.commit else ()))
    return Wish(
        edits={RELEASE: render_release(release)},
        subject=subject,
        body=release.why,
        trailers=(*trailers, ("Because", because), ("Actor", release.by)),
        next="\n".join((*warnings(files, release.digest), JUDGED)),
    )


def warnings(files: BranchFiles, digest: str) -> tuple[str, ...]:
    """Sentences on what the branch itself says against `digest` right now."""
    held = tuple(f"It waits while the hold '{hold.name}' stands: {hold.reason}" for hold in files.holds)
    banned = tuple(
        f"It waits because {short(digest)} is quarantined here: {found.why or 'no reason is given'}"
        for found in files.quarantine
        if found.covers(digest)
    )
    return held + banned


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


def rollback_wish(
    environment: str, files: BranchFiles, chosen: Chosen, why: str, actor: str
) -> Wish | Already:
    """Ask for an earlier bundle, unless it is asked for already."""
    if files.release is not None and files.release.digest == chosen.digest:
        return Already(f"{environment} already asks for {chosen.digest} ({chosen.because})")
    return release_wish(
        files,
        Release(chosen.digest, chosen.commit, why, actor),
        subject=f"Roll {environment} back to {short(chosen.digest)}",
        because=chosen.because,
    )


def promote_wish(environment: str, files: BranchFiles, wanted: Release, because: str) -> Wish | Already:
    """Ask for a bundle, for the nodes and from the moment that `wanted` says, unless that is asked for already."""
    wished = files.release
    whom = f" for {wanted.only}" if wanted.only else ""
    if same_wish(wished, wanted):
        live = files.ledger is not None and files.ledger.live == wanted.digest
        verb = "runs" if live else "asks for"
        return Already(f"{environment} already {verb} {wanted.digest}{whom} ({because})")
    at = f" at {iso(wanted.not_before)}" if wanted.not_before is not None else ""
    subject = f"Promote {short(wanted.digest)} to {environment}{whom}{at}"
    return release_wish(files, wanted, subject=subject, because=because)


def by_pull_request(wish: Wish, environment: str, merged_by: str) -> Wish:
    """The same wish on a branch of its own, for which a pull request is opened. `merged_by` is what policy says."""
    ends = (
        "it is merged by itself when nothing stands against its rollout"
        if merged_by == AUTO
        else "people merge it"
    )
    digest = dict(wish.trailers)["Bundle"]
    return replace(
        wish,
        aside=f"{PROMOTIONS}/{environment}/{short(digest)}",
        next=f"The control plane opens a pull request into env/{environment} for it; {ends}",
    )


def asked_aside(wish: Wish, environment: str, there: Release | None) -> Already | None:
    """Whether the branch of a wish asks for the same already; `there` is what it asks for."""
    if not same_wish(there, parse_branch({RELEASE: wish.edits[RELEASE] or b""}).release or Release("")):
        return None
    words = f"{wish.aside} asks {environment} for it already; if its pull request was closed, reopen it"
    return Already(f"{words}, or delete the branch and promote again")


def cancel_wish(environment: str, files: BranchFiles, why: str, actor: str) -> Wish | Already:
    """Take a release back before it is live. Raises `Stalled` E-GIT-243 when there is nothing to go back to."""
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
        files,
        Release(live.digest, live.commit, why, actor),
        subject=f"Cancel {what} in {environment}",
        because=f"{short(live.digest)} was completed last, in {live.rollout}",
    )
