"""What a ledger says about which node gets what: the value that node API, flows and simulation decide cohorts by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.errors import Refused
from reconciler.fleet.cohorts import (
    BASE,
    EVERYBODY,
    NEXT,
    NO_NEEDS,
    Assignment,
    OpenRollout,
    PinnedNodes,
    Target,
)
from reconciler.fleet.domains import OTHERS, Reaches, reach_in
from reconciler.fleet.ranks import LAST_REACH, NO_REACH
from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import Selector, groups_of, resolved, text_of
from reconciler.fleet.slots import SLOTS
from reconciler.fleet.versions import Versions
from reconciler.release.planning import next_name, slots_of
from reconciler.release.state import EnvironmentState, Ledger, Moved, Only, Plan, Release, Rollout
from reconciler.release.swap import DRAIN, FULL, Weights, all_to


@dataclass(frozen=True, slots=True)
class Offer:
    """What a cohort's pointer says: the digest to run, and the weight that its nodes publish."""

    digest: str
    weight: int = FULL


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


def assignment_of(ledger: Ledger, needs: Mapping[str, Versions] = NO_NEEDS) -> Assignment:
    """The assignment that holds from this ledger's sequence on. `needs` is by digest the oldest proxy and agent that
    run it."""
    rollout, plan = ledger.open_rollout, ledger.plan
    pins = _pins(ledger)
    slots = None if ledger.serving is None else ledger.serving.slots
    digests = {cohort: offer.digest for cohort, offer in offers(ledger).items()} if needs else {}
    oldest = {cohort: needs[digest] for cohort, digest in digests.items() if digest in needs}
    if rollout is None or plan is None:
        return Assignment(None, pins, slots, oldest)
    if rollout.digest in needs:
        oldest[NEXT] = needs[rollout.digest]
    return Assignment(
        OpenRollout(
            rollout.name,
            Target(rollout.opened_at, _selector(plan.only)),
            _reached(rollout, plan),
            plan.rules.spread,
            _moved(plan.already),
            tuple(standing.nodes for standing in plan.apart),
            None if plan.swap is None else plan.swap.slots,
        ),
        pins,
        slots,
        oldest,
    )


def offers(ledger: Ledger) -> dict[str, Offer]:
    """What each cohort is offered: `base` what completed last, `next` what an open rollout brings, each slot what it
    should run at its weight, and one for each pin's digest.

    While a blue-green rollout is open, `base` are the nodes that it is not for. They run what the former slot ran
    before, and their weight is that slot's.
    """
    found = {}
    rollout, plan, weights = ledger.open_rollout, ledger.plan, weights_of(ledger)
    swap = plan.swap if rollout is not None and plan is not None else None
    if ledger.live:
        found[BASE] = Offer(ledger.live, weights[swap.former] if weights and swap else FULL)
    if rollout is not None and swap is None:
        found[NEXT] = Offer(rollout.digest)
    if weights is not None:
        found.update((slot, Offer(digest, weights[slot])) for slot, digest in _slot_digests(ledger))
    found.update((standing.nodes.cohort, Offer(standing.pin.digest)) for standing in ledger.pins)
    return found


def weights_of(ledger: Ledger) -> Weights | None:
    """The weights of the slots as they should be now; None where no slot has the traffic."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if ledger.serving is None:
        return None
    if rollout is None or plan is None or plan.swap is None:
        return ledger.serving.weights
    if rollout.returning is not None:
        return all_to(plan.swap.former if rollout.returning.phase == DRAIN else plan.swap.standby)
    active = rollout.active
    planned = None if active is None else plan.steps[active.number - 1]
    return planned.weights if planned is not None else None


def has_moved(ledger: Ledger) -> bool:
    """Whether the open rollout, or one that it goes on from, has told any node to run its release."""
    rollout, plan = ledger.open_rollout, ledger.plan
    if rollout is None or plan is None:
        return False
    return bool(plan.already) or any(reach != NO_REACH for reach in _reached(rollout, plan).values())


def carries(ledger: Ledger) -> bool:
    """Whether the open rollout is a blue-green one whose release is meant to get requests, instead of what is live:
    then the traffic has to go back before anything else does."""
    rollout, plan, weights = ledger.open_rollout, ledger.plan, weights_of(ledger)
    if rollout is None or plan is None or plan.swap is None or not weights:
        return False
    return bool(ledger.live) and weights[plan.swap.standby] > 0


def _slot_digests(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """What each slot runs, as far as there is anything for it."""
    rollout, plan = ledger.open_rollout, ledger.plan
    for slot in SLOTS:
        digest = ledger.live
        if rollout is not None and plan is not None and reach_in(_reached(rollout, plan), slot) == LAST_REACH:
            digest = rollout.digest
        if digest:
            yield slot, digest


def opening(
    state: EnvironmentState,
    policy: EnvironmentPolicy,
    now: datetime,
    needs: Mapping[str, Versions] = NO_NEEDS,
) -> Assignment:
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
    slots = slots_of(policy)
    rollout = OpenRollout(next_name(ledger), target, spread=policy.spread_label, already=already, slots=slots)
    oldest = {NEXT: needs[wish.digest]} if wish.digest in needs else {}
    return Assignment(rollout, _pins(ledger), needs=oldest)


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
    """The reaches of the last step that has begun. Once the traffic goes back, the slot that it goes back to is not
    reached any more."""
    begun = [
        planned.reaches
        for planned, step in zip(plan.steps, rollout.steps, strict=True)
        if step.state != "waiting"
    ]
    reaches = begun[-1] if begun else {OTHERS: NO_REACH}
    if rollout.returning is not None and plan.swap is not None:
        return {**reaches, plan.swap.former: NO_REACH}
    return reaches
