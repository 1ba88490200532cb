"""The rules under which a wish may become a rollout. Each is one function in one table and names its code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.clock import iso
from reconciler.config.policy import EnvironmentPolicy
from reconciler.errors import Refused
from reconciler.fleet.domains import OTHERS
from reconciler.fleet.slots import SLOTS
from reconciler.release.approvals import approving, hotfix_short, rejecting
from reconciler.release.assignment import already_of, has_moved, only_of
from reconciler.release.facts import Facts
from reconciler.release.freeze import frozen, thaws_at
from reconciler.release.paths import RELEASE, hold_path, short
from reconciler.release.planning import slots_of
from reconciler.release.state import EnvironmentState, Hold, Ledger, Reason, Release
from reconciler.release.strategies import STRATEGIES


@dataclass(frozen=True, slots=True)
class Case:
    """A wish and everything it is judged by. `rollout` is the open rollout's name, whose own hold does not count."""

    release: Release
    state: EnvironmentState
    policy: EnvironmentPolicy
    facts: Facts
    now: datetime
    rollout: str = ""


def known(case: Case) -> Iterator[Reason]:
    """The bundle was built by us and contains this environment."""
    contains = case.facts.bundles.get(case.release.digest)
    if contains is None:
        yield Reason(
            "W-REL-003",
            f"no bundle {short(case.release.digest)} has been built here; name one that a trunk commit compiled to",
        )
    elif not contains:
        yield Reason(
            "W-REL-004", f"the bundle {short(case.release.digest)} has nothing for '{case.state.name}' in it"
        )


def kept(case: Case) -> Iterator[Reason]:
    """Its bytes are still there."""
    if case.release.digest in case.facts.removed:
        yield Reason(
            "W-REL-017",
            f"the bundle {short(case.release.digest)} was removed because nothing had pointed to it for long; push its "
            "commit to trunk again, as a revert for instance, and it is made anew",
        )


def not_quarantined(case: Case) -> Iterator[Reason]:
    """Nobody, and no failed rollout, has quarantined the digest."""
    yield from forbidding(case.state, case.release.digest)


def completed_before(case: Case) -> Iterator[Reason]:
    """Its rollout completed in every environment that this one comes after, or once here."""
    ledger = case.state.files.ledger
    if ledger is not None and any(entry.digest == case.release.digest for entry in ledger.history):
        return
    for name in case.policy.after:
        completed = case.facts.predecessors.get(name)
        if completed is None:
            yield Reason(
                "W-REL-086", f"what '{name}' has completed is not known: its branch cannot be followed yet"
            )
        elif case.release.digest not in completed:
            yield Reason("W-REL-006", f"{short(case.release.digest)} has not completed in '{name}'")


def not_quarantined_before(case: Case) -> Iterator[Reason]:
    """No environment that this one comes after has quarantined the digest, unless it completed here once."""
    yield from forbidding_before(case.state, case.policy, case.facts, case.release.digest)


def target_known(case: Case) -> Iterator[Reason]:
    """The node-groups that its target names are on trunk."""
    try:
        only_of(case.release, case.policy)
    except Refused as error:
        yield Reason("W-REL-022", error.words)


def somebody_meant(case: Case) -> Iterator[Reason]:
    """Some node is meant by its target. With no target there need be none: whoever registers gets what completed."""
    ledger = case.state.files.ledger or Ledger()
    if not case.release.only or case.facts.ranks or already_of(ledger, case.release):
        return
    if not any(target_known(case)):
        yield Reason("W-REL-023", f"no registered node is meant by {case.release.only}")


def strategy_known(case: Case) -> Iterator[Reason]:
    """The policy's strategy is one we have."""
    if case.policy.strategy not in STRATEGIES:
        yield Reason("W-REL-012", f"there is no strategy '{case.policy.strategy}'")


def fits_slots(case: Case) -> Iterator[Reason]:
    """A blue-green release is for all nodes, and each slot has some of them."""
    slots, ledger = slots_of(case.policy), case.state.files.ledger or Ledger()
    already = already_of(ledger, case.release)
    swapping = bool(already) and ledger.plan is not None and ledger.plan.swap is not None
    if not swapping and (slots is None or case.policy.strategy != "blue-green"):
        return
    if case.release.only or already:
        yield Reason(
            "W-REL-071",
            "a blue-green release is for the nodes of both slots, and cannot be narrowed or go on from one that was; "
            "promote it for all nodes, after going back to what is live",
        )
        return
    if slots is None:
        return
    ranks = case.facts.ranks
    outside = len(ranks.get(OTHERS, ()))
    if outside:
        yield Reason(
            "W-REL-073",
            f"{outside} nodes are in no slot: their label {slots.label} is neither {slots.blue} nor {slots.green}",
        )
    for slot in SLOTS:
        if ranks and not ranks.get(slot):
            cure = (
                f"label some {slots.label}={getattr(slots, slot)}"
                if slots.label
                else "tell slots apart by a label"
            )
            yield Reason("W-REL-072", f"the slot {slot} is empty: it has no node that is not pinned; {cure}")


def not_held(case: Case) -> Iterator[Reason]:
    """Nothing in `holds/`, apart from the open rollout's own."""
    yield from holding(case.state.holds_except(case.rollout))


def not_frozen(case: Case) -> Iterator[Reason]:
    """No freeze window holds."""
    yield from freezing(case.state, case.policy, case.facts, case.now)


def due(case: Case) -> Iterator[Reason]:
    """The time that the wish was scheduled for has come."""
    at = case.release.not_before
    if at is not None and case.now < at:
        yield Reason("W-REL-015", f"{short(case.release.digest)} is scheduled for {iso(at)}")


def approved(case: Case) -> Iterator[Reason]:
    """As many people as the policy asks for have approved this plan."""
    yield from approving(case.state, case.policy, case.facts)


def not_rejected(case: Case) -> Iterator[Reason]:
    """Nobody has rejected the digest."""
    yield from rejecting(case.state)


OF_NODES = frozenset({"W-REL-023", "W-REL-072", "W-REL-073"})
"""What registered nodes and their labels can change."""

ELSEWHERE = OF_NODES | {"W-REL-086"}
"""What changes where the environment's own branch does not: nobody nudges it then."""

NODES_MAY_COME = timedelta(minutes=1)
"""How long after only nodes, or a branch before, were lacking it is looked at again: a node that registers does not
tell the engine."""

RULES: tuple[Callable[[Case], Iterator[Reason]], ...] = (
    known,
    kept,
    not_quarantined,
    completed_before,
    not_quarantined_before,
    target_known,
    somebody_meant,
    strategy_known,
    fits_slots,
    approved,
    not_rejected,
    not_held,
    not_frozen,
    due,
)


def judge(case: Case) -> tuple[Reason, ...]:
    """Every reason why the wish has to wait; empty when it may open a rollout."""
    return tuple(dict.fromkeys(reason for rule in RULES for reason in rule(case)))


def forbidding(state: EnvironmentState, digest: str) -> Iterator[Reason]:
    """A reason when the digest is quarantined."""
    found = state.quarantined(digest)
    if found is not None:
        yield Reason(
            "W-REL-005",
            f"{short(digest)} is quarantined: {found.why or 'no reason given'}; "
            f"to allow it, delete its file in quarantine/",
        )


def forbidding_before(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, digest: str
) -> Iterator[Reason]:
    """A reason for each environment before that has quarantined the digest; none when it completed here once."""
    ledger = state.files.ledger
    if ledger is not None and any(entry.digest == digest for entry in ledger.history):
        return
    for name in policy.after:
        why = facts.forbidden.get(name, {}).get(digest)
        if why is not None:
            yield Reason(
                "W-REL-083",
                f"{short(digest)} is quarantined in '{name}': {why or 'no reason given'}; to allow it, delete its file "
                f"in quarantine/ there",
            )


def going_back(state: EnvironmentState, digest: str, rollout: str = "") -> tuple[Reason, ...]:
    """Why nodes may not go back to what is live: a quarantine and holds, apart from the rollout's own, forbid it."""
    return (*forbidding(state, digest), *holding(state.holds_except(rollout)))


def abandoning(state: EnvironmentState, ledger: Ledger) -> Iterator[Reason]:
    """A reason when the nodes that the open rollout has moved would be sent to a quarantined digest, were it ended."""
    rollout = ledger.open_rollout
    found = state.quarantined(ledger.live) if ledger.live and has_moved(ledger) else None
    if found is None or rollout is None:
        return
    words = (
        f"{short(ledger.live)}, which is live, is quarantined ({found.why or 'no reason given'}), and the nodes that "
        f"{rollout.name} has moved would go back to it; to allow that, delete its file in quarantine/"
    )
    if state.quarantined(rollout.digest) is None:
        words += f", or name {short(rollout.digest)} in {RELEASE} until it has completed"
    yield Reason("W-REL-084", words)


def holding(holds: tuple[Hold, ...]) -> Iterator[Reason]:
    """A reason for each hold."""
    for hold in holds:
        owner = f" (by {hold.owner})" if hold.owner else ""
        until = f", until {iso(hold.until)}" if hold.until is not None else ""
        yield Reason("W-REL-007", f"held: {hold.reason}{owner}{until}; delete {_path(hold.name)} to go on")


def freezing(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, now: datetime
) -> Iterator[Reason]:
    """A reason for each freeze window that holds, unless it lets the wish through as a hotfix."""
    label = state.files.release.hotfix if state.files.release is not None else ""
    for held in frozen(policy.freezes, policy.name, now):
        owner = f" (ask {held.window.owner})" if held.window.owner else ""
        words = f"frozen until {iso(held.until)} by '{held.window.name}': {held.window.reason}{owner}"
        more = held.window.hotfix_approvals
        if more is None:
            yield Reason("W-REL-014", words)
        elif not label:
            needed = policy.approvals.count + more
            yield Reason("W-REL-014", f"{words}; a labelled hotfix passes with {needed} approvals")
        else:
            missing, why = hotfix_short(state, policy, facts, more)
            if missing:
                yield Reason("W-REL-046", f"{words}; the hotfix {label} has {missing}")
                yield from why


def thaw(policy: EnvironmentPolicy, now: datetime) -> datetime | None:
    """When to look again because of freeze windows: at the end of those that hold. None when none does."""
    ends = [held.until for held in frozen(policy.freezes, policy.name, now)]
    return max(ends, default=None)


def earliest(state: EnvironmentState, policy: EnvironmentPolicy, now: datetime) -> datetime | None:
    """Until when time alone keeps the wish back, whatever else comes; None when time keeps nothing back."""
    wish = state.files.release
    frozen_until = thaws_at(policy.freezes, policy.name, now)
    passes = wish is not None and bool(wish.hotfix)
    moments = [
        frozen_until if frozen_until is not None and not passes else None,
        wish.not_before if wish is not None else None,
        *(hold.until for hold in state.files.holds),
    ]
    return max((moment for moment in moments if moment is not None and moment > now), default=None)


def look_again(state: EnvironmentState, policy: EnvironmentPolicy, now: datetime) -> datetime | None:
    """The next moment at which time alone could let a wish through: a freeze or a hold ends, or its time comes."""
    wish = state.files.release
    moments = [
        thaw(policy, now),
        wish.not_before if wish is not None else None,
        *(hold.until for hold in state.files.holds),
    ]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def try_again(
    reasons: tuple[Reason, ...], state: EnvironmentState, policy: EnvironmentPolicy, now: datetime
) -> datetime | None:
    """When to judge a wish again that waits for these reasons."""
    moments = [look_again(state, policy, now)]
    if reasons and all(reason.code in ELSEWHERE for reason in reasons):
        moments.append(now + NODES_MAY_COME)
    return min((moment for moment in moments if moment is not None), default=None)


def _path(name: str) -> str:
    try:
        return hold_path(name)
    except ValueError:
        return f"holds/{name}.kdl"


def no_wish(state: EnvironmentState) -> Reason:
    """Why there is nothing to judge: `release.kdl` is missing, or cannot be read."""
    broken = next((found for found in state.files.malformed if found.path == RELEASE), None)
    if broken is not None:
        return Reason("W-REL-002", f"the wish cannot be read: {broken.message}")
    return Reason("W-REL-001", f"nothing has been promoted yet: there is no {RELEASE}")
