"""The commits of promotions: the one that asks, and the one that merges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.flows.envbranch import EVENT_TRAILER, branch_ref
from reconciler.flows.envcommit import LONGEST_TRAILER, US, worded
from reconciler.flows.promotions.branches import Asking, ref_of
from reconciler.flows.promotions.look import Promoting
from reconciler.flows.roots import signers, trusted_roots
from reconciler.git.mirror import HEADS
from reconciler.git.writing import commit_edit, push
from reconciler.release import paths
from reconciler.release.actions import Promote
from reconciler.release.apply import Edit, Material, apply
from reconciler.release.pull_requests import Proposed
from reconciler.release.state import Release


def propose_branch(look: Promoting, wanted: Promote) -> None:
    """The branch of what automatic promotion takes, unless it is there."""
    ref = ref_of(look.context, look.environment, wanted.release.digest)
    if ref in look.refs:
        return
    sha = _commit(look, wanted.release, wanted.skipped)
    push(look.context.mirror, ref, sha, None)
    look.refs[ref] = sha


def merge_pull(look: Promoting, found: Asking, one: Proposed, wanted: Promote | None) -> None:
    """Put it on the environment's branch with the branch that asks for it as second parent, so that the forge sees that
    it was merged, and whoever asked for it stays known."""
    taken = wanted is not None and wanted.release.digest == one.release.digest
    skipped = wanted.skipped if wanted is not None and taken else ()
    sha = _commit(look, one.release, skipped, merged=found.head, number=one.number, noted=taken)
    push(look.context.mirror, branch_ref(look.context, look.environment), sha, look.branch.head)


def rebuild(look: Promoting, found: Asking, one: Proposed, wanted: Promote | None) -> Asking:
    """Make our own commit again, of the newest of the environment's branch, where it is still due."""
    if wanted is None or wanted.release.digest != one.release.digest:
        return found
    sha = _commit(look, wanted.release, wanted.skipped)
    ref = HEADS + one.branch
    push(look.context.mirror, ref, sha, found.head, rewrite=True)
    return replace(found, head=sha)


def _commit(
    look: Promoting,
    release: Release,
    skipped: Sequence[str],
    *,
    merged: str | None = None,
    number: int = 0,
    noted: bool = False,
) -> str:
    """The commit of a promotion on the environment's branch as it is: the release alone while it is asked for, and
    where we merge it also what automatic promotion has taken. Without an event it is nobody's decision yet."""
    context = look.context
    edit = apply(Promote(release, tuple(skipped)), look.state, because="", now=look.now, material=Material())
    kept = (paths.RELEASE, paths.PROMOTED) if noted else (paths.RELEASE,)
    said = [("Bundle", edit.digest), *edit.said, ("Because", release.why[:LONGEST_TRAILER])]
    if merged is not None:
        said += [("Via", f"pull request {number}"), (EVENT_TRAILER, edit.event)]
    return commit_edit(
        context.mirror,
        look.branch.head,
        {path: edit.files[path] for path in kept},
        message=worded(_subject(look, release, edit), [*said, ("Actor", "reconciler")]),
        author=US,
        committer=US,
        when=look.now,
        key=signers(context, "commit", trusted_roots(context).newest)[0],
        merged=merged,
    )


def _subject(look: Promoting, release: Release, edit: Edit) -> str:
    return edit.subject if release.commit else f"Promote {paths.short(release.digest)} to {look.environment}"
