"""Promotions that are pull requests: what becomes of each one, and what the environment says of it.

What its branch asks for is what counts. A promotion is made when the environment asks for the same, whoever merged it
and however; the forge is only asked whether people have closed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.actions import NoteTaken, Promote
from reconciler.release.facts import Facts
from reconciler.release.paths import RELEASE, short
from reconciler.release.promotion import fresh
from reconciler.release.state import EnvironmentState, Promoted, Reason, Release

AUTO = "auto"
UNPROPOSED = "W-REL-157"


class Forge(StrEnum):
    """How the forge has a pull request."""

    none = "none"
    open = "open"
    closed = "closed"
    merged = "merged"


class Fate(StrEnum):
    """What becomes of a promotion."""

    waits = "waits"
    merge = "merge"
    rebuild = "rebuild"
    rejected = "rejected"
    superseded = "superseded"
    done = "done"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A branch that asks for `release`. `number` is that of its pull request, 0 while it has none.

    `ours`: nobody but us has committed to it. `conflicts`: it cannot be merged as it is. `others` are the paths besides
    the release that merging it would change. `problem` is why it gets no pull request, or "".
    """

    branch: str
    release: Release
    number: int = 0
    forge: Forge = Forge.none
    ours: bool = True
    conflicts: bool = False
    others: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of it, and why; `reason` is what the environment's page says, None when it has ended."""

    fate: Fate
    reason: Reason | None = None


def judge_pull(
    one: Proposed,
    state: EnvironmentState,
    policy: EnvironmentPolicy,
    *,
    newer: str,
    against: Sequence[Reason],
) -> Judged:
    """What becomes of a promotion. `newer` is the digest that automatic promotion would take now, "" for none;
    `against` is what stands against a rollout of it, where we merge."""
    what = f"{short(one.release.digest)} for {state.name}"
    pull = f"pull request {one.number}" if one.number else f"the branch {one.branch}"
    if same_wish(state.files.release, one.release) or one.forge is Forge.merged:
        return Judged(Fate.done)
    if one.ours and newer not in ("", one.release.digest):
        return Judged(Fate.superseded)
    if one.forge is Forge.closed:
        words = f"{pull}, which asked for {what}, was closed: nothing is promoted; reopen it to go on"
        return Judged(Fate.rejected, Reason("W-REL-151", words))
    if one.conflicts and one.ours:
        return Judged(
            Fate.rebuild, Reason("W-REL-150", f"{pull} asks for {what}, and is made anew when it is due")
        )
    if one.conflicts:
        words = (
            f"{pull} asks for {what} and cannot be merged: {RELEASE} was changed meanwhile; it has commits of others, "
            f"so bring it up to date by hand, or delete the branch {one.branch} and promote again"
        )
        return Judged(Fate.waits, Reason("W-REL-152", words))
    if one.problem:
        words = f"{one.branch} asks for {what} and gets no pull request: {one.problem}"
        return Judged(Fate.waits, Reason("W-REL-153", words))
    if not one.number:
        return Judged(
            Fate.waits, Reason("W-REL-150", f"{one.branch} asks for {what}; a pull request is opened for it")
        )
    if policy.pull_request != AUTO:
        return Judged(Fate.waits, Reason("W-REL-150", f"{pull} asks for {what}: merge it to promote"))
    if one.others:
        words = (
            f"{pull} asks for {what} and is not merged by itself: it changes {', '.join(one.others[:3])} too; people "
            "may merge it"
        )
        return Judged(Fate.waits, Reason("W-REL-154", words))
    if against:
        words = f"{pull} asks for {what} and is merged when nothing stands against it: "
        return Judged(
            Fate.waits, Reason("W-REL-155", words + "; ".join(f"{one.code} {one.message}" for one in against))
        )
    return Judged(Fate.merge)


def same_wish(wish: Release | None, other: Release) -> bool:
    """Whether both ask for the same: the bundle, for which nodes, from when on and under which label."""
    return wish is not None and all(
        getattr(wish, name) == getattr(other, name) for name in ("digest", "not_before", "hotfix", "only")
    )


def note_taken(state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts) -> NoteTaken | None:
    """The note, which is due, that what automatic promotion had proposed has been merged by people."""
    wish = state.files.release
    if not policy.pull_request or policy.promote != "automatic" or wish is None:
        return None
    found = fresh(state, policy, facts)
    chosen = next((n for n, one in enumerate(found) if one.release.digest == wish.digest), None)
    if chosen is None:
        return None
    skipped = tuple(one.release.commit for one in found[chosen + 1 :])
    return NoteTaken(Promoted(found[chosen].release.commit, wish.digest), skipped)


def unproposed(promotion: Promote, facts: Facts) -> tuple[Reason, ...]:
    """What the environment says of a promotion for which there is no branch yet."""
    release = promotion.release
    if any(one.digest == release.digest for one in facts.pending):
        return ()
    return (Reason(UNPROPOSED, f"{short(release.digest)} is going to be proposed by a pull request"),)
