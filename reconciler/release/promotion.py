"""Automatic promotion: what becomes the wish of an environment by itself, and when.

An environment that comes first takes commits of trunk; one that comes after others takes what has completed in all of
them and ran there for the soak time. Of several it takes the newest, each in turn, or the newest when a train leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.clock import iso
from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.actions import Promote
from reconciler.release.facts import Facts, Run
from reconciler.release.paths import short
from reconciler.release.state import EnvironmentState, Reason, Release
from reconciler.release.trains import leaves_at, left_at

BY = "sentinel reconciler"


@dataclass(frozen=True, slots=True)
class Waits:
    """Why nothing is promoted, and from when on time alone could change that; None when it cannot."""

    reason: Reason
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What could be promoted from `ready` on. `ready` None: it never will, for the reason that `why` gives."""

    release: Release
    ready: datetime | None
    why: str = ""


def promote(
    state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts, now: datetime
) -> Promote | Waits | None:
    """The promotion that is due, why one is not made, or None when there is nothing new.

    What was taken is taken once: whoever sets the wish back afterwards is not overruled until something else comes.
    What is wished already needs no commit here.
    """
    if policy.promote != "automatic":
        return None
    files = state.files
    rollout = files.ledger.open_rollout if files.ledger is not None else None
    if state.holds_except(rollout.name if rollout is not None else ""):
        return None
    # What people have closed as a pull request is not promoted; the environment says so of each.
    refused = frozenset(one.digest for one in facts.pending if one.rejected)
    found = fresh(state, policy, facts)
    if policy.take == "every":
        found = [one for one in found if one.release.digest not in refused]
    if not found:
        return None
    if policy.take == "every":
        return _every(found, state, now)
    promotion = _train(found, state, policy, now) if policy.take == "train" else _latest(found, state, now)
    return None if isinstance(promotion, Promote) and promotion.release.digest in refused else promotion


def fresh(state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts) -> list[Candidate]:
    """What automatic promotion has not taken yet, the newest first."""
    return _new(_followed(state, policy, facts) if policy.after else _trunk(facts), state)


def _latest(found: Sequence[Candidate], state: EnvironmentState, now: datetime) -> Promote | Waits | None:
    ready = [one for one in found if one.ready is not None and one.ready <= now]
    soonest = min((one.ready for one in found if one.ready is not None and one.ready > now), default=None)
    if ready:
        promotion = _take(ready[0], found, state)
        if promotion is not None:
            return promotion
    if soonest is None:
        return None
    soaking = next(one for one in found if one.ready == soonest)
    return Waits(Reason("W-REL-048", f"{_of(soaking)} is promoted at {iso(soonest)}: {soaking.why}"), soonest)


def _every(found: Sequence[Candidate], state: EnvironmentState, now: datetime) -> Promote | Waits | None:
    """The oldest that is not taken yet, when the one before has ended. What never gets ready, is quarantined, or runs
    already, as after a revert, is skipped."""
    ledger, wish = state.files.ledger, state.files.release
    if ledger is not None and wish is not None and (ledger.open_rollout or wish.digest != ledger.live):
        return None
    for one in reversed(found):
        if one.ready is None or state.quarantined(one.release.digest) is not None:
            continue
        if wish is not None and one.release.digest == wish.digest:
            continue
        if one.ready > now:
            return Waits(
                Reason("W-REL-048", f"{_of(one)} is promoted at {iso(one.ready)}: {one.why}"), one.ready
            )
        return _take(one, found, state)
    return None


def _train(
    found: Sequence[Candidate], state: EnvironmentState, policy: EnvironmentPolicy, now: datetime
) -> Promote | Waits | None:
    """The newest that was ready when a train left. What was not waits for the next one."""
    if policy.train is None:
        return None
    departure, following = left_at(policy.train, now), leaves_at(policy.train, now)
    aboard = [one for one in found if departure and one.ready is not None and one.ready <= departure]
    if aboard:
        promotion = _take(aboard[0], found, state)
        if promotion is not None:
            return promotion
    waiting = next((one for one in found if one.ready is not None and one not in aboard), None)
    if following is None or waiting is None:
        return None
    if waiting.ready is not None and waiting.ready > following:
        words = f"{_of(waiting)} is not ready for the train of {iso(following)}: {waiting.why}"
    else:
        words = f"{_of(waiting)} goes with the train of {iso(following)}"
    return Waits(Reason("W-REL-047", words), following)


def _take(chosen: Candidate, found: Sequence[Candidate], state: EnvironmentState) -> Promote | Waits | None:
    release = chosen.release
    if state.files.release is not None and state.files.release.digest == release.digest:
        return None
    quarantine = state.quarantined(release.digest)
    if quarantine is not None:
        words = f"{_of(chosen)} is not promoted: it is quarantined: {quarantine.why or 'no reason given'}"
        return Waits(Reason("W-REL-010", words))
    older = found[found.index(chosen) + 1 :]
    return Promote(release, tuple(one.release.commit for one in older))


def _new(found: Sequence[Candidate], state: EnvironmentState) -> list[Candidate]:
    """The candidates, the newest first, without those that bring nothing else than the one before them."""
    taken = state.files.promoted
    before = taken.digest if taken is not None else ""
    new: list[Candidate] = []
    for one in reversed(found):
        if one.release.digest != before:
            new.append(one)
            before = one.release.digest
    return new[::-1]


def _trunk(facts: Facts) -> list[Candidate]:
    return [
        Candidate(Release(one.digest, one.sha, one.subject, one.by), one.at, "it waits for its train")
        for one in facts.trunk
    ]


def _followed(state: EnvironmentState, policy: EnvironmentPolicy, facts: Facts) -> list[Candidate]:
    """What the first predecessor has completed since the last promotion, the newest first, as the others let it."""
    runs = [facts.runs.get(name) for name in policy.after]
    if not runs or any(one is None for one in runs):
        return []
    known = [one for one in runs if one is not None]
    taken, ledger = state.files.promoted, state.files.ledger
    here = {entry.digest for entry in ledger.history} if ledger is not None else set()
    found: list[Candidate] = []
    for run in known[0]:
        if run.digest == (taken.digest if taken is not None else None):
            break
        if taken is None and (found or run.digest in here):
            break
        found.append(_candidate(run, policy, facts, known))
    return found


def _candidate(
    run: Run, policy: EnvironmentPolicy, facts: Facts, runs: Sequence[tuple[Run, ...]]
) -> Candidate:
    """When a bundle has run in all predecessors for as long as is asked for."""
    soak = timedelta(seconds=policy.soak_seconds)
    where = " and ".join(policy.after)
    release = Release(run.digest, run.commit, f"completed in {where}", BY)
    ready: datetime | None = None
    for name, found in zip(policy.after, runs, strict=True):
        mine = [one for one in found if one.digest == run.digest]
        soaked = [one.since + soak for one in mine if one.until is None or one.until - one.since >= soak]
        if not soaked:
            ran = "has not completed" if not mine else f"ran for less than {policy.soak_seconds} s"
            return Candidate(release, None, f"it {ran} in {name}")
        if _taken_back(mine[0], found):
            return Candidate(release, None, f"{name} went back from it")
        if run.digest in facts.forbidden.get(name, {}):
            return Candidate(release, None, f"it is quarantined in {name}")
        # The earliest run that was long enough counts: what was good for long stays so. What has just come back there
        # was not there for a train that left before.
        first = max(min(soaked), mine[0].since)
        ready = first if ready is None else max(ready, first)
    return Candidate(release, ready, f"it runs in {where} for {policy.soak_seconds} s first")


def _taken_back(run: Run, runs: tuple[Run, ...]) -> bool:
    """Whether what followed the newest run of a digest is something that had completed before it."""
    place = runs.index(run)
    return place > 0 and any(older.digest == runs[place - 1].digest for older in runs[place + 1 :])


def _of(candidate: Candidate) -> str:
    commit = candidate.release.commit[:7]
    return f"{commit} ({short(candidate.release.digest)})" if commit else short(candidate.release.digest)
