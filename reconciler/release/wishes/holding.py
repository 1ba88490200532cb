"""Wishes that make an environment wait, and go on."""

from __future__ import annotations

from reconciler.release.paths import HOLDS, hold_path
from reconciler.release.render import render_hold
from reconciler.release.state import BranchFiles, Hold
from reconciler.release.wishes.wish import Already, Wish

PAUSE = "pause"
"""The name of the hold that a pause is."""


def hold_wish(environment: str, files: BranchFiles, hold: Hold) -> Wish | Already:
    """Write a hold, unless it stands there with the same reason."""
    standing = next((found for found in files.holds if found.name == hold.name), None)
    if standing is not None and (standing.reason, standing.until) == (hold.reason, hold.until):
        return Already(f"{environment} is already held by '{hold.name}': {standing.reason}")
    return Wish(
        edits={hold_path(hold.name): render_hold(hold)},
        subject=f"Hold {environment} ({hold.name})",
        body=hold.reason,
        trailers=(("Hold", hold.name), ("Actor", hold.owner)),
        next=f"Nothing moves in {environment} from the control plane's next look on. "
        f"Lift it with: sentinelctl resume {environment} --hold {hold.name}",
    )


def resume_wish(environment: str, files: BranchFiles, name: str | None, actor: str) -> Wish | Already:
    """Lift the hold of that name, or with None all of them."""
    lifted = [hold for hold in files.holds if name is None or hold.name == name]
    if not lifted:
        others = f"; it is held by {', '.join(hold.name for hold in files.holds)}" if files.holds else ""
        what = f"a hold '{name}'" if name is not None else "a hold"
        return Already(f"{environment} is already without {what}{others}")
    names = ", ".join(hold.name for hold in lifted)
    left = [hold for hold in files.holds if hold not in lifted]
    return Wish(
        edits={f"{HOLDS}/{hold.name}.kdl": None for hold in lifted},
        subject=f"Resume {environment} (lift {names})",
        body="",
        trailers=(*(("Hold", hold.name) for hold in lifted), ("Actor", actor)),
        next=f"It is still held by {', '.join(hold.name for hold in left)}."
        if left
        else f"{environment} goes on at the control plane's next look.",
    )
