"""Which pins stand: each is judged like any wish, and what stood before stays while its file says nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.clock import iso
from reconciler.config.policy import EnvironmentPolicy
from reconciler.errors import Refused
from reconciler.fleet.selectors import text_of
from reconciler.release import rules
from reconciler.release.actions import ChangePins
from reconciler.release.assignment import meant
from reconciler.release.facts import Facts
from reconciler.release.paths import RELEASE, pin_path, short
from reconciler.release.pins import Pin, Standing
from reconciler.release.state import EnvironmentState, Ledger, Reason, Release

MOST_PINS = 20
"""Each costs the node API a look for every poll, and the ledger some bytes for ever."""


@dataclass(frozen=True, slots=True)
class Pinning:
    """What is to be done about pins, None for nothing; why some do not stand; and when time alone changes that."""

    action: ChangePins | None
    because: str
    waiting: tuple[Reason, ...]
    look_again_at: datetime | None


def judge_pins(
    state: EnvironmentState, ledger: Ledger, policy: EnvironmentPolicy, facts: Facts, now: datetime
) -> Pinning:
    """Compare the wishes with the ledger. `state` is that of the moment: what has run out is not in it."""
    before = {standing.pin.name: standing for standing in ledger.pins}
    wished = sorted(state.files.pins, key=lambda pin: pin.name)
    wanted: list[Standing] = []
    waiting: list[Reason] = []
    for number, pin in enumerate(wished):
        held = before.get(pin.name)
        reasons = tuple(_against(pin, state, policy, facts, now))
        if number >= MOST_PINS:
            reasons = (
                Reason("W-REL-026", f"there are more than {MOST_PINS} pins; '{pin.name}' does not stand"),
            )
            held = None
        waiting += reasons
        if not reasons:
            wanted.append(_admitted(pin, held, policy, now))
        elif held is not None and held.pin.stands(now) and state.quarantined(held.pin.digest) is None:
            wanted.append(held)
    kept = tuple(_kept(state, ledger, {standing.pin.name for standing in wanted}))
    waiting += [
        Reason(
            "W-REL-085",
            f"the pin '{standing.pin.name}' has ended and stays: its nodes would get {short(ledger.live)}, which is "
            f"quarantined; name another bundle in {RELEASE}, or delete the file in quarantine/",
        )
        for standing in kept
    ]
    pins = tuple(sorted((*wanted, *kept), key=lambda standing: standing.pin.name))
    ends = [standing.pin.until for standing in wanted if standing.pin.until is not None]
    thaws = [moment for moment in (rules.thaw(policy, now),) if moment is not None and waiting]
    look = min(ends + thaws, default=None)
    if pins == ledger.pins:
        return Pinning(None, "", tuple(waiting), look)
    return Pinning(ChangePins(pins), "; ".join(_changes(before, pins, state)), tuple(waiting), look)


def _kept(state: EnvironmentState, ledger: Ledger, wanted: set[str]) -> Iterator[Standing]:
    """The pins that end and yet stay, because what their nodes would get instead must not run."""
    if ledger.live and state.quarantined(ledger.live) is not None:
        for standing in ledger.pins:
            if standing.pin.name not in wanted and state.quarantined(standing.pin.digest) is None:
                yield standing


def with_pins(ledger: Ledger, pins: tuple[Standing, ...]) -> tuple[Ledger, str, str]:
    """The ledger with these pins, under a higher sequence when a node is moved by it; what that is in words; and the
    digest, "" when it is not about a single one."""
    moves = [one.effect for one in pins] != [one.effect for one in ledger.pins]
    after = replace(ledger, pins=pins, sequence=ledger.sequence + moves)
    was, now_are = {one.pin.name for one in ledger.pins}, {one.pin.name for one in pins}
    new, gone = sorted(now_are - was), sorted(was - now_are)
    said = [f"pin {', '.join(new)}"] if new else []
    said += [f"unpin {', '.join(gone)}"] if gone else []
    digests = {one.pin.digest for one in pins if one.pin.name in new}
    return after, " and ".join(said) or "change pins", digests.pop() if len(digests) == 1 else ""


def _against(
    pin: Pin, state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, now: datetime
) -> Iterator[Reason]:
    """Why a pin may not stand."""
    what = f"the pin '{pin.name}'"
    if not pin.digest:
        yield Reason("W-REL-025", f"{pin_path(pin.name)} cannot be read; what it said before stays")
        return
    # A pin is no hotfix: what lets the wished release through a freeze lets nothing else through.
    asking = replace(state, files=replace(state.files, release=Release(pin.digest)))
    case = rules.Case(Release(pin.digest), asking, policy, facts, now)
    asked = [
        rules.known,
        rules.kept,
        rules.not_quarantined,
        rules.completed_before,
        rules.not_quarantined_before,
    ]
    ledger = state.files.ledger or Ledger()
    released = {entry.digest for entry in ledger.history}
    if ledger.open_rollout is not None:
        released.add(ledger.open_rollout.digest)
    if pin.digest not in released:
        # Going back to what ran here is always possible; anything else changes nodes as a release does.
        asked.append(rules.not_frozen)
        if policy.approvals.count:
            yield Reason(
                "W-REL-024",
                f"{what}: {short(pin.digest)} was never released here, and releases need approvals; promote it first",
            )
    for rule in asked:
        for reason in rule(case):
            yield Reason(reason.code, f"{what}: {reason.message}")
    try:
        if pin.nodes:
            meant(pin.nodes, policy)
    except Refused as error:
        yield Reason("W-REL-022", f"{what}: {error.message}")


def _admitted(pin: Pin, held: Standing | None, policy: EnvironmentPolicy, now: datetime) -> Standing:
    """The pin as it stands from now on. What it meant at first, it means until its file says something else."""
    if held is not None and (held.pin.digest, held.pin.nodes, held.pin.ids) == (
        pin.digest,
        pin.nodes,
        pin.ids,
    ):
        return Standing(pin, held.meant, held.since)
    return Standing(pin, text_of(meant(pin.nodes, policy)) if pin.nodes else "", now)


def _changes(
    before: dict[str, Standing], after: tuple[Standing, ...], state: EnvironmentState
) -> Iterator[str]:
    names = {pin.name for pin in state.files.pins}
    for standing in after:
        pin, held = standing.pin, before.get(standing.pin.name)
        if held == standing:
            continue
        whom = pin.nodes or ", ".join(pin.ids)
        until = f" until {iso(pin.until)}" if pin.until is not None else ""
        yield f"'{pin.name}' keeps {whom} on {short(pin.digest)}{until}: {pin.reason or 'no reason given'}"
    kept = {standing.pin.name for standing in after}
    for name in sorted(before.keys() - kept):
        yield f"'{name}' ended: {'its digest may not run' if name in names else 'it was removed or has run out'}"
