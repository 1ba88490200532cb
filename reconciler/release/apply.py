"""Turns an action into one commit: its files, its subject and its trailers. The only writer of sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.release import paths
from reconciler.release.actions import (
    Action,
    AdvanceStep,
    ChangePins,
    Complete,
    CreateBranch,
    NoteTaken,
    OpenRollout,
    Pause,
    Promote,
    Propose,
    Reissue,
    RestoreLedger,
    Resume,
    RollBack,
    Supersede,
    TakeOver,
    TurnBack,
)
from reconciler.release.ballot import SHORT_HASH, render_proposal
from reconciler.release.edits import (
    LONGEST,
    Edit,
    Material,
    active_of,
    ledger_of,
    open_of,
    with_step,
    written,
)
from reconciler.release.ending import roll_back, supersede, turn_back
from reconciler.release.paths import short
from reconciler.release.pinning import with_pins
from reconciler.release.readme import CREATED, README, created_subject
from reconciler.release.render import (
    LEDGER_HEAD,
    render_hold,
    render_plan,
    render_promoted,
    render_release,
    render_rollout,
)
from reconciler.release.serving import advanced_serving, opened_serving, weight_words
from reconciler.release.state import (
    HISTORY_LIMIT,
    PARTIAL,
    Completed,
    EnvironmentState,
    Hold,
    Ledger,
    Plan,
    Progress,
    Promoted,
    Rollout,
)

__all__ = ["Edit", "Material", "apply", "wanted_config"]

LONGEST_TARGET = 60
MOST_NAMED = 10

REISSUED_FOR = timedelta(hours=1)
"""How long it is remembered that a pointer was issued again: bounds are of an hour."""


def wanted_config(action: Action, state: EnvironmentState) -> str | None:
    """The digest whose configuration belongs in `rendered/` after the action; "" for none, None for no change."""
    if isinstance(action, OpenRollout):
        return action.plan.digest
    if isinstance(action, RollBack | Supersede):
        return ledger_of(state).live
    return None


def apply(
    action: Action, state: EnvironmentState, *, because: str, now: datetime, material: Material
) -> Edit:
    """The commit that an action is. Raises RuntimeError for an action that does not fit the state."""
    return _APPLY[type(action)](action, state, because[:LONGEST], now, material)


def _create(
    action: CreateBranch, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    files = {paths.ROLLOUT: render_rollout(Ledger()), paths.README: README.format(name=state.name).encode()}
    return Edit(files, created_subject(state.name), CREATED)


def _restore(
    action: RestoreLedger, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    files = {path: material.originals.get(path) for path in action.paths}
    return Edit(files, f"Restore the ledger of {state.name}: {', '.join(action.paths)}", "ledger.restored")


def _take_over(
    action: TakeOver, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    files = {path: material.originals.get(path) for path in paths.LEDGER}
    return Edit(files, f"Take over the ledger of {state.name} with a new commit key", "ledger.taken-over")


def _promote(
    action: Promote, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    release = action.release
    files = {
        paths.RELEASE: render_release(release),
        paths.PROMOTED: render_promoted(Promoted(release.commit, release.digest)),
    }
    subject = f"Promote {release.commit[:7]} to {state.name}"
    said = (("Commit", release.commit), ("Skipped", _listed(action.skipped)))
    return Edit(files, subject, "release.promoted", digest=release.digest, said=said)


def _note_taken(
    action: NoteTaken, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    promoted = action.promoted
    subject = f"Note that {promoted.commit[:7]} was promoted to {state.name}"
    said = (("Commit", promoted.commit), ("Skipped", _listed(action.skipped)))
    files = {paths.PROMOTED: render_promoted(promoted)}
    return Edit(files, subject, "release.promoted", digest=promoted.digest, said=said)


def _listed(commits: tuple[str, ...]) -> str:
    """Commits as people read them, the first few by name."""
    more = f" and {len(commits) - MOST_NAMED} more" if len(commits) > MOST_NAMED else ""
    return ", ".join(commit[:7] for commit in commits[:MOST_NAMED]) + more


def _propose(
    action: Propose, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    proposal = action.proposal
    files = {paths.PROPOSAL: render_proposal(proposal, LEDGER_HEAD)}
    subject = f"Propose {short(proposal.digest)} for {state.name}: plan {proposal.plan[:SHORT_HASH]}"
    said = (("Plan", proposal.plan), ("Policy", proposal.policy))
    return Edit(files, subject, "release.proposed", digest=proposal.digest, said=said)


def _open_rollout(
    action: OpenRollout, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    ledger, plan = ledger_of(state), action.plan
    sequence = ledger.sequence + 1
    steps = tuple(Progress(step.number) for step in plan.steps)
    first = replace(steps[0], state="active", since=now, sequence=sequence)
    rollout = Rollout(
        name=plan.rollout,
        state="open",
        digest=plan.digest,
        previous=ledger.live,
        commit=action.release.commit,
        opened_at=now,
        because=because,
        steps=(first, *steps[1:]),
        widens=ledger.open_rollout.name if ledger.open_rollout is not None else "",
    )
    batches = f"{len(steps)} batches" if len(steps) > 1 else "1 batch"
    serving = opened_serving(plan)
    what = f"{short(plan.digest)}{_whom(plan)}, {plan.rules.strategy}, {batches}"
    subject = f"Open rollout {rollout.name} in {state.name}: {what}"
    after = replace(ledger, sequence=sequence, rollout=rollout, serving=serving)
    edit = written(state, after, subject, "rollout.opened", material)
    said = (
        ("Plan", plan.hash),
        ("Hotfix", action.release.hotfix),
        ("Promoted-by", action.release.by),
        *(("Approved-by", person) for person in plan.approved),
    )
    return replace(edit, files={**edit.files, paths.PLAN: render_plan(plan)}, said=said)


def _change_pins(
    action: ChangePins, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    after, words, digest = with_pins(ledger_of(state), action.pins)
    subject = f"{words[:1].upper()}{words[1:LONGEST_TARGET]} in {state.name}"
    return Edit({paths.ROLLOUT: render_rollout(after)}, subject, "pins.changed", digest=digest)


def _advance(
    action: AdvanceStep, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    ledger, rollout = ledger_of(state), open_of(state)
    active = active_of(rollout)
    sequence = ledger.sequence + 1
    done = replace(active, state="done", ended=now, counts=action.counts, verdicts=action.verdicts)
    following = replace(rollout.steps[active.number], state="active", since=now, sequence=sequence)
    moved = replace(rollout, because=because, steps=with_step(with_step(rollout.steps, done), following))
    shifted = weight_words(ledger.plan, following.number)
    subject = (
        f"Advance rollout {rollout.name} in {state.name}: batch {active.number} of {len(rollout.steps)} healthy"
        f"{f', then {shifted}' if shifted else ''}"
    )
    after = replace(
        ledger, sequence=sequence, rollout=moved, serving=advanced_serving(ledger, following.number)
    )
    return written(state, after, subject, "rollout.advanced", material)


def _complete(
    action: Complete, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    ledger, rollout = ledger_of(state), open_of(state)
    done = replace(
        active_of(rollout), state="done", ended=now, counts=action.counts, verdicts=action.verdicts
    )
    if ledger.plan is not None and ledger.plan.only is not None:
        # What nodes run is what they ran before this commit, so that the sequence stays.
        partial = replace(rollout, state=PARTIAL, because=because, steps=with_step(rollout.steps, done))
        whom = f"{_whom(ledger.plan)} alone"
        subject = f"End rollout {rollout.name} in {state.name}{whom}: {short(rollout.digest)}"
        return written(state, replace(ledger, rollout=partial), subject, "rollout.partial", material)
    sequence = ledger.sequence + 1
    ended = replace(
        rollout, state="completed", because=because, ended_at=now, steps=with_step(rollout.steps, done)
    )
    entry = Completed(rollout.digest, rollout.commit, rollout.name, sequence, now)
    after = replace(
        ledger, sequence=sequence, rollout=ended, history=(entry, *ledger.history)[:HISTORY_LIMIT]
    )
    subject = f"Complete rollout {rollout.name} in {state.name}: {short(rollout.digest)} is live"
    return written(state, after, subject, "rollout.completed", material)


def _pause(action: Pause, state: EnvironmentState, because: str, now: datetime, material: Material) -> Edit:
    ledger, rollout = ledger_of(state), open_of(state)
    steps = rollout.steps
    if action.hold:
        active = active_of(rollout)
        counts = action.counts if action.counts is not None else active.counts
        steps = with_step(steps, replace(active, state="failed", counts=counts, verdicts=action.verdicts))
    paused = replace(rollout, state="paused", because=action.because[:LONGEST], paused_at=now, steps=steps)
    subject = (
        f"Pause rollout {rollout.name} in {state.name}: {'it failed' if action.hold else 'it has to wait'}"
    )
    edit = written(state, replace(ledger, rollout=paused), subject, "rollout.paused", material)
    if not action.hold:
        return edit
    hold = render_hold(Hold(rollout.name, action.hold, "sentinel reconciler"))
    return replace(edit, files={**edit.files, paths.hold_path(rollout.name): hold})


def _resume(action: Resume, state: EnvironmentState, because: str, now: datetime, material: Material) -> Edit:
    ledger, rollout = ledger_of(state), open_of(state)
    # A higher sequence offers the digest again to nodes that refused it before the pause.
    sequence = ledger.sequence + 1
    active = replace(active_of(rollout), state="active", since=now, sequence=sequence, verdicts=())
    resumed = replace(
        rollout, state="open", because=because, paused_at=None, steps=with_step(rollout.steps, active)
    )
    subject = (
        f"Resume rollout {rollout.name} in {state.name} at batch {active.number} of {len(rollout.steps)}"
    )
    return written(
        state, replace(ledger, sequence=sequence, rollout=resumed), subject, "rollout.resumed", material
    )


def _whom(plan: Plan) -> str:
    """The target in a subject line: people's selectors may be longer than a line."""
    wished = plan.wished if len(plan.wished) <= LONGEST_TARGET else f"{plan.wished[:LONGEST_TARGET]}…"
    return f" for {wished}" if wished else ""


def _reissue(
    action: Reissue, state: EnvironmentState, because: str, now: datetime, material: Material
) -> Edit:
    ledger = ledger_of(state)
    recent = tuple(at for at in ledger.reissued if now - at < REISSUED_FOR)
    after = replace(ledger, sequence=ledger.sequence + 1, reissued=(now, *recent))
    nodes = f"{action.nodes} node{'s' if action.nodes != 1 else ''} drifted"
    subject = f"Issue the pointer of {state.name} again: {nodes}"
    return replace(written(state, after, subject, "drift.reissued", material), rollout="", digest=ledger.live)


_APPLY: Mapping[type[Action], Callable[..., Edit]] = {
    CreateBranch: _create,
    RestoreLedger: _restore,
    TakeOver: _take_over,
    Promote: _promote,
    NoteTaken: _note_taken,
    Propose: _propose,
    Reissue: _reissue,
    OpenRollout: _open_rollout,
    ChangePins: _change_pins,
    AdvanceStep: _advance,
    Complete: _complete,
    Pause: _pause,
    Resume: _resume,
    RollBack: roll_back,
    Supersede: supersede,
    TurnBack: turn_back,
}
