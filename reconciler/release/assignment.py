"""What a ledger says about which node gets what: the value that node API, flows and simulation decide cohorts by."""

from __future__ import annotations

from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.errors import Refused
from reconciler.fleet.cohorts import BASE, EVERYBODY, NEXT, Assignment, OpenRollout, PinnedNodes, Target
from reconciler.fleet.domains import OTHERS, Reaches
from reconciler.fleet.ranks import LAST_REACH, NO_REACH
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import Selector, groups_of, resolved, text_of
from reconciler.release.planning import next_name
from reconciler.release.state import EnvironmentState, Ledger, Moved, Only, Plan, Release, Rollout


def meant(wished: str, policy: EnvironmentPolicy) -> Selector:
    """What a selector means now, without groups. Raises `Refused` (E-NOD-101) when it names a group that is not."""
    groups = groups_of((group.name, group.lines) for group in policy.groups)
    return resolved(read_selector(wished), groups)


def only_of(wish: Release, policy: EnvironmentPolicy) -> Only | None:
    """The target of a wish, None for all nodes. Raises as `meant`."""
    return Only(wish.only, text_of(meant(wish.only, policy))) if wish.only else None


def already_of(ledger: Ledger, wish: Release) -> tuple[Moved, ...]:
    """What an open rollout of the same digest has moved, and those that it took over from: the next one goes on from
    there, whomever it is for."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if rollout is None or plan is None or rollout.digest != wish.digest:
        return ()
    reaches = _reached(rollout, plan)
    if set(reaches.values()) == {LAST_REACH}:
        reaches = {OTHERS: LAST_REACH}
    meant = "" if plan.only is None else plan.only.meant
    moved = Moved(rollout.name, meant, rollout.opened_at, reaches, plan.rules.spread, plan.apart)
    return (*plan.already, moved)


def assignment_of(ledger: Ledger) -> Assignment:
    """The assignment that holds from this ledger's sequence on."""
    rollout, plan = ledger.open_rollout, ledger.plan
    pins = _pins(ledger)
    if rollout is None or plan is None:
        return Assignment(None, pins)
    return Assignment(
        OpenRollout(
            rollout.name,
            Target(rollout.opened_at, _selector(plan.only)),
            _reached(rollout, plan),
            plan.rules.spread,
            _moved(plan.already),
            tuple(standing.nodes for standing in plan.apart),
        ),
        pins,
    )


def offers(ledger: Ledger) -> dict[str, str]:
    """Digest by cohort: `base` is what completed last, `next` what an open rollout brings, and one for each pin's."""
    found = {}
    if ledger.live:
        found[BASE] = ledger.live
    if ledger.open_rollout is not None:
        found[NEXT] = ledger.open_rollout.digest
    found.update((standing.nodes.cohort, standing.pin.digest) for standing in ledger.pins)
    return found


def opening(state: EnvironmentState, policy: EnvironmentPolicy, now: datetime) -> Assignment:
    """The assignment of the rollout that the wish would open now, before its first step.

    Without a rollout when the wish opens none: nothing is wished, or what runs already, or for a group that is not.
    """
    wish, ledger = state.files.release, state.files.ledger or Ledger()
    if wish is None or settled(ledger, wish):
        return EVERYBODY
    try:
        only = only_of(wish, policy)
    except Refused:
        return EVERYBODY
    already = _moved(already_of(ledger, wish))
    target = Target(now, _selector(only))
    rollout = OpenRollout(next_name(ledger), target, spread=policy.spread_label, already=already)
    return Assignment(rollout, _pins(ledger))


def settled(ledger: Ledger, wish: Release) -> bool:
    """Whether the wish is what the open rollout brings, to the same nodes, or what is live when none is open."""
    if ledger.open_rollout is None:
        return wish.digest == ledger.live
    wished = ledger.plan.wished if ledger.plan is not None else ""
    return (wish.digest, wish.only) == (ledger.open_rollout.digest, wished)


def _pins(ledger: Ledger) -> tuple[PinnedNodes, ...]:
    return tuple(standing.nodes for standing in ledger.pins)


def _selector(only: Only | None) -> Selector | None:
    return None if only is None else read_selector(only.meant)


def _moved(already: tuple[Moved, ...]) -> tuple[OpenRollout, ...]:
    return tuple(
        OpenRollout(
            moved.rollout,
            Target(moved.opened_at, read_selector(moved.meant) if moved.meant else None),
            moved.reaches,
            moved.spread,
            apart=tuple(standing.nodes for standing in moved.apart),
        )
        for moved in already
    )


def _reached(rollout: Rollout, plan: Plan) -> Reaches:
    """The reaches of the last step that has begun."""
    begun = [
        planned.reaches
        for planned, step in zip(plan.steps, rollout.steps, strict=True)
        if step.state != "waiting"
    ]
    return begun[-1] if begun else {OTHERS: NO_REACH}
