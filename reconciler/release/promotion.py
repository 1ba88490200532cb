"""Automatic promotion: a new trunk commit becomes the wish of the environments that come first."""

from __future__ import annotations

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.actions import Promote
from reconciler.release.facts import Facts
from reconciler.release.paths import short
from reconciler.release.state import EnvironmentState, Reason, Release


def promote(state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts) -> Promote | Reason | None:
    """The promotion that is due, why one is not made, or None when trunk brought nothing new.

    A trunk commit is taken once: whoever sets the wish back afterwards is not overruled until trunk compiles to
    something else again. A commit that compiles to what is wished already needs no commit here.
    """
    if policy.after or policy.promote != "automatic" or not facts.trunk:
        return None
    newest = facts.trunk[0]
    files = state.files
    taken = files.promoted
    if taken is not None and all(commit.digest == taken.digest for commit in facts.trunk):
        return None
    if files.release is not None and files.release.digest == newest.digest:
        return None
    rollout = files.ledger.open_rollout if files.ledger is not None else None
    if state.holds_except(rollout.name if rollout is not None else ""):
        return None
    found = state.quarantined(newest.digest)
    if found is not None:
        return Reason(
            "W-REL-010",
            f"trunk {newest.sha[:7]} compiles to {short(newest.digest)}, which is quarantined: "
            f"{found.why or 'no reason given'}",
        )
    return Promote(Release(newest.digest, newest.sha, newest.subject, newest.by))
