"""What a merge would give, without a checkout, without moving a branch, and without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

from reconciler.git.mirror import Mirror

NOBODY = pygit2.Signature("merge preview", "nobody@sentinel.invalid", 0, 0)
"""Nobody makes these commits, and they are the same whenever they are made."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The result: a commit that is on no branch, and its tree; both empty when `conflicts` names files.

    Where one side contains the other, it is the commit of the larger side.
    """

    commit: str
    tree: str
    conflicts: tuple[str, ...] = ()


def merge_base(mirror: Mirror, one: str, other: str) -> str | None:
    """The best commit that both have in common, or None. Raises `Refused` E-GIT-020 for a commit that is not there."""
    base = mirror.repository.merge_base(mirror.commit_object(one).id, mirror.commit_object(other).id)
    return None if base is None else str(base)


def changes(mirror: Mirror, one: str, other: str) -> tuple[str, ...]:
    """The paths at which two commits differ, sorted. Raises `Refused` E-GIT-020 for a commit that is not there."""
    deltas = mirror.commit_object(one).tree.diff_to_tree(mirror.commit_object(other).tree).deltas
    return tuple(sorted({side.path for delta in deltas for side in (delta.old_file, delta.new_file)}))


def merge(mirror: Mirror, onto: str, head: str) -> Merged:
    """What merging `head` into a branch at `onto` gives. Raises `Refused` E-GIT-020 for a commit that is not there."""
    ours, theirs = mirror.commit_object(onto), mirror.commit_object(head)
    for larger, smaller in ((head, onto), (onto, head)):
        if mirror.is_ancestor(smaller, larger):
            return Merged(larger, str(mirror.commit_object(larger).tree_id))
    index = mirror.repository.merge_commits(ours, theirs)
    if index.conflicts is not None:
        paths = {side.path for conflict in index.conflicts for side in conflict if side is not None}
        return Merged("", "", tuple(sorted(paths)))
    tree = index.write_tree(mirror.repository)
    commit = mirror.repository.create_commit(
        None, NOBODY, NOBODY, "Merge, to see what it would give\n", tree, [ours.id, theirs.id]
    )
    return Merged(str(commit), str(tree))
