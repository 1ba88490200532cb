"""Whether the commits that come to trunk are signed by somebody whom trunk knows, where the server configuration asks.

Who is known says the last valid commit, so that nobody brings their own key along. A merge that adds nothing of its own
needs no signature: what it brings is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.findings import Finding, Severity
from reconciler.config.source import SIGNERS
from reconciler.flows.context import Context
from reconciler.flows.envbranch import commit_keys
from reconciler.flows.voters import signers_at
from reconciler.git.merging import merge
from reconciler.git.mirror import CommitInfo

MOST_COMMITS = 1000
MOST_FINDINGS = 20


def unverified(context: Context, valid: str | None, head: str) -> tuple[Finding, ...]:
    """A finding for each commit that leads to `head` and not to the last valid one, and that nobody known has signed.

    Without a valid commit there is nobody known yet: then the head alone is judged, by its own file.
    """
    if not context.project.signed_trunk:
        return ()
    mirror = context.mirror
    if valid is None or not mirror.has_commit(valid):
        commits = [mirror.commit(head)]
    else:
        commits = mirror.since(valid, head, limit=MOST_COMMITS)
        if len(commits) >= MOST_COMMITS:
            return (_finding("E-SGN-022", f"{MOST_COMMITS} commits or more come at once"),)
    found = list(_judged(context, valid or head, commits))
    if len(found) > MOST_FINDINGS:
        rest = f"and {len(found) - MOST_FINDINGS} commits more are not signed by anybody known"
        return (*found[:MOST_FINDINGS], _finding("E-SGN-020", rest))
    return tuple(found)


def _judged(context: Context, known: str, commits: list[CommitInfo]) -> Iterator[Finding]:
    mirror, signers, ours = context.mirror, signers_at(context, known), commit_keys(context).current
    for commit in commits:
        name = f"commit {commit.sha[:12]} by {commit.author_name} ('{commit.subject[:60]}')"
        key = mirror.signing_key(commit.sha)
        if key is not None and signers.principals_of(key, context.now()):
            continue
        if mirror.signed_by(commit.sha, *ours) or _adds_nothing(context, commit):
            continue
        if not mirror.is_signed(commit.sha):
            yield _finding("E-SGN-020", f"{name} is not signed")
        else:
            yield _finding(
                "E-SGN-021", f"{name} is signed by a key that is nobody's in {SIGNERS} of {known[:12]}"
            )


def _adds_nothing(context: Context, commit: CommitInfo) -> bool:
    """Whether it is what merging its two parents gives."""
    if len(commit.parents) != 2:
        return False
    return merge(context.mirror, *commit.parents).tree == commit.tree


def _finding(code: str, message: str) -> Finding:
    expected = f"commits that are signed with an SSH key of {SIGNERS}"
    hint = (
        "sign with git commit -S and gpg.format=ssh, and merge by a merge commit: squashing drops signatures"
    )
    return Finding(code, Severity.error, None, message, expected, hint)
