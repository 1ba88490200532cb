"""The commits that end a rollout before all nodes are moved, and the one that turns its traffic back before that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.release import paths
from reconciler.release.actions import RollBack, Supersede, TurnBack
from reconciler.release.edits import (
    LONGEST,
    Edit,
    Material,
    active_of,
    ledger_of,
    open_of,
    with_step,
    without_hold,
    written,
)
from reconciler.release.paths import short
from reconciler.release.render import render_quarantine, render_release
from reconciler.release.serving import ended_serving, returned_serving, returning_words
from reconciler.release.state import EnvironmentState, Quarantine
from reconciler.release.swap import Returning


def roll_back(
    action: RollBack, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    """Every node goes back to what was good, and what failed is quarantined."""
    ledger, rollout = ledger_of(state), open_of(state)
    steps = rollout.steps
    if not rollout.is_partial:
        active = active_of(rollout)
        counts = action.counts if action.counts is not None else active.counts
        failed = replace(active, state="failed", ended=now, counts=counts, verdicts=action.verdicts)
        steps = with_step(steps, failed)
    ended = replace(
        rollout,
        state="rolled-back",
        because=because,
        paused_at=None,
        ended_at=now,
        steps=steps,
        returning=None,
    )
    subject = (
        f"Roll back {rollout.name} in {state.name}: {short(rollout.digest)} to {short(rollout.previous)}"
    )
    after = replace(ledger, sequence=ledger.sequence + 1, rollout=ended, serving=ended_serving(ledger))
    edit = written(state, after, subject, "rollout.rolled-back", material, config=ledger.live)
    quarantine = Quarantine(rollout.digest, f"{rollout.name} failed: {because}"[:LONGEST])
    files: dict[str, bytes | None] = {**edit.files, **without_hold(state, rollout)}
    if state.quarantined(rollout.digest) is None:
        files[paths.quarantine_path(rollout.digest)] = render_quarantine(quarantine)
    if action.release is not None:
        files[paths.RELEASE] = render_release(action.release)
    return replace(edit, files=files)


def supersede(
    action: Supersede, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    """Something else is wished; nothing has failed."""
    ledger, rollout = ledger_of(state), open_of(state)
    name = "cancelled" if action.back else "superseded"
    steps = rollout.steps
    if not rollout.is_partial:
        # The step neither passed nor failed: it will never be gone on with.
        steps = with_step(steps, replace(active_of(rollout), state="waiting", ended=now))
    ended = replace(
        rollout, state=name, because=because, paused_at=None, ended_at=now, steps=steps, returning=None
    )
    verb = "Cancel" if action.back else "Supersede"
    wish = state.files.release
    subject = f"{verb} rollout {rollout.name} in {state.name}: {short(wish.digest) if wish else 'nothing'} is wished"
    after = replace(ledger, sequence=ledger.sequence + 1, rollout=ended, serving=ended_serving(ledger))
    edit = written(state, after, subject, f"rollout.{name}", material, config=ledger.live)
    return replace(edit, files={**edit.files, **without_hold(state, rollout)})


def turn_back(
    action: TurnBack, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    """The traffic goes back first."""
    ledger, rollout = ledger_of(state), open_of(state)
    sequence = ledger.sequence + 1
    active = active_of(rollout)
    # The step keeps what spoke against it: when the rollout ends, its gates are not asked again.
    counts = action.counts if action.counts is not None else active.counts
    seen = replace(active, counts=counts, verdicts=action.verdicts or active.verdicts)
    returning = Returning(action.phase, action.cause, now, sequence, action.because[:LONGEST])
    turned = replace(
        rollout,
        state="open",
        because=because,
        paused_at=None,
        steps=with_step(rollout.steps, seen),
        returning=returning,
    )
    serving = returned_serving(ledger, action.phase)
    after = replace(ledger, sequence=sequence, rollout=turned, serving=serving)
    subject = f"Turn back rollout {rollout.name} in {state.name}: {returning_words(after)}"
    return written(state, after, subject, "rollout.turned-back", material)
