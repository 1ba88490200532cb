"""What a commit may not do: each function finds one such fault, or nothing ("")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reconciler.release.actions import Promote
from reconciler.release.paths import short
from reconciler.release.state import EnvironmentState, Ledger
from reconciler.release.trains import leaves_at
from reconciler.simulator.virtual.environment import Environment, published_of
from reconciler.simulator.virtual.scenario import Bundle
from reconciler.simulator.virtual.telling import pinned, told_by

if TYPE_CHECKING:
    from reconciler.simulator.virtual.world import World

MOMENT = timedelta(milliseconds=1)


def go_fault(before: Ledger, environment: Environment) -> str:
    """A step with a manual gate passes, and nobody said go in its present try."""
    rollout, plan = before.open_rollout, before.plan
    active = rollout.active if rollout is not None else None
    if rollout is None or plan is None or active is None or active.since is None:
        return ""
    if not any(gate.kind == "manual" for gate in plan.rules.gates):
        return ""
    said = environment.said.get((rollout.name, active.number))
    where = f"step {active.number} of {rollout.name} of {environment.name}"
    return "" if said is not None and said >= active.since else f"{where} passes without a go"


def quarantine_fault(state: EnvironmentState, told: Mapping[str, str], will: Mapping[str, str]) -> str:
    """A commit sends nodes to what is quarantined. `told` and `will` are what each is told before and after it.

    A node whose pin ends while the first rollout of all is paused gets what the others were given: there is no other.
    """
    ledger = state.files.ledger
    stuck = ledger.open_rollout if ledger is not None else None
    only = stuck.digest if stuck is not None and stuck.state == "paused" and not stuck.previous else ""
    sent = sorted(
        node
        for node, digest in will.items()
        if digest not in ("", told[node], only) and state.quarantined(digest) is not None
    )
    return f"{sent[:3]} are told {short(will[sent[0]])}, which is quarantined" if sent else ""


def traffic_gate_fault(
    before: Ledger, environment: Environment, bundles: Mapping[str, Bundle], now: datetime
) -> str:
    """A step passes its error-rate gate although more fails than may, on nodes all of which say what they run."""
    rollout, plan = before.open_rollout, before.plan
    if rollout is None or plan is None or plan.swap is not None:
        return ""
    most = min(
        (gate.number("max-ppm") for gate in plan.rules.gates if gate.kind == "error-rate"), default=None
    )
    bundle = bundles.get(rollout.digest)
    if most is None or bundle is None or bundle.failing * 1000 <= most:
        return ""
    published = published_of(before)
    told, kept = told_by(published, environment), pinned(published, environment)
    moved = [
        node
        for node in environment.nodes
        if told[node.id] == rollout.digest != before.live and node.id not in kept
    ]
    if not moved or not all(node.truthful for node in moved):
        return ""
    return f"{rollout.name} goes on while {bundle.failing} permille of {len(moved)} nodes' requests fail"


def train_fault(action: Promote, environment: Environment, world: World) -> str:
    """What is promoted came, or completed where it has to before, after the last train had left."""
    policy = environment.policy
    if policy is None or policy.take != "train" or policy.train is None:
        return ""
    digest, commit = action.release.digest, action.release.commit
    if policy.after:
        done = [
            max(entry.at for entry in world.environments[name].ledger.history if entry.digest == digest)
            for name in policy.after
        ]
        since = max(done)
    else:
        since = next(one.at for one in world.control.trunk if one.sha == commit)
    departure = leaves_at(policy.train, since - MOMENT)
    late = departure is None or departure > world.now
    return f"{commit[:7]} is promoted, and its train leaves at {departure}" if late else ""


def intent_of(action: Promote, environment: Environment, world: World) -> str:
    """What a promotion is for. What completes once more in the environments before, as after a revert there, is
    wished once more."""
    before = environment.policy.after if environment.policy is not None else ()
    digest = action.release.digest
    runs = sum(entry.digest == digest for name in before for entry in world.environments[name].ledger.history)
    return f"{action.release.commit or digest} {runs}"
