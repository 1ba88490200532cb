"""Measures what the gates of an active step ask for: traffic from the database, answers from the network.

Each look at an open rollout would ask too often: what was measured a moment ago is taken from its row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.config.gates import GateSpec
from reconciler.db.gating import StepEvidence
from reconciler.db.session import reading, writing
from reconciler.db.signals import requests, traffic, traffic_by_service
from reconciler.fleet.cohorts import Assignment, cohort_of
from reconciler.fleet.observations import Observation
from reconciler.fleet.signals import MINUTE, Traffic, minute_of
from reconciler.fleet.slo import Counted, counted
from reconciler.fleet.slots import SLOTS
from reconciler.fleet.staleness import is_fresh
from reconciler.flows.context import Context
from reconciler.flows.needs import digests_of, read_needs
from reconciler.flows.probing import probe
from reconciler.release.assignment import assignment_of
from reconciler.release.gates import slo
from reconciler.release.signals import Budget, Mark, Shares, StepSignals, marked
from reconciler.release.state import Ledger, Plan, Progress, Rollout

EVERY = timedelta(seconds=10)
NODES_AT_ONCE = 1000
"""What more nodes than this counted is added up that much more rarely: there is a row for each node and minute."""

SHARE_WINDOW = timedelta(minutes=1)
"""How long a share of requests is counted for: a balancer that follows late is seen to follow."""

RECENT = timedelta(minutes=3)
"""What a machine uses now is what it used in these last minutes: reports come in minutes."""

OLDEST = timedelta(seconds=30)
"""However many nodes there are, no verdict is made of counts that were added up longer ago."""

OF_TRAFFIC = frozenset({"error-rate", "latency", "cpu", "memory", "canary"})
MEASURED = OF_TRAFFIC | {"http", "slo"}


def measure(
    context: Context, environment: str, ledger: Ledger, nodes: Sequence[Observation], *, now: datetime
) -> StepSignals | None:
    """What is measured of the active step; None when no rollout is judged, or no gate of it measures anything.

    Raises `Stalled` E-EGR-006 as `Context.egress`. Call outside of any transaction: it may ask addresses.
    """
    rollout, plan = ledger.open_rollout, ledger.plan
    if rollout is None or plan is None or rollout.state != "open":
        return None
    active = rollout.active
    gates = [gate for gate in plan.rules.gates if gate.kind in MEASURED]
    if active is None or active.since is None or not (gates or plan.swap is not None):
        return None
    since = rollout.returning.since if rollout.returning is not None else active.since
    before = _last(context, environment, rollout, active, since)
    if before is not None and now - before.at < EVERY:
        return before
    rarely = min(EVERY * len(nodes) / NODES_AT_ONCE, OLDEST)
    if before is not None and now - before.counted_at < rarely:
        found = replace(before, at=now)
    else:
        found = StepSignals(now, now)
        with reading():
            needs = read_needs(context, environment, digests_of(ledger))
            assignment = assignment_of(ledger, needs)
            if any(gate.kind in OF_TRAFFIC for gate in gates):
                found = _traffic(found, nodes, rollout, plan, assignment, since, now)
            found = replace(found, budgets=_budgets(gates, nodes, _begins(since, plan), now))
            if plan.swap is not None:
                earlier = before.shares.marks if before is not None and before.shares is not None else ()
                found = replace(found, shares=_shares(assignment, plan, nodes, earlier, since, now))
    found = replace(found, probes=probe(context, gates, before.probes if before is not None else {}, now))
    _keep(context, environment, rollout, active, since, found)
    return found


def _traffic(
    found: StepSignals,
    nodes: Iterable[Observation],
    rollout: Rollout,
    plan: Plan,
    assignment: Assignment,
    since: datetime,
    now: datetime,
) -> StepSignals:
    moved, control = [], []
    for node in nodes:
        if assignment.moved(node.id, node.labels, node.registered_at, node.versions):
            moved += [node.id] if node.running == rollout.digest else []
        elif _is_control(node, rollout, assignment):
            control.append(node.id)
    return replace(
        found,
        moved=traffic(moved, rollout.digest, since, now),
        recent=traffic(moved, rollout.digest, now - RECENT, now),
        control=traffic(control, rollout.previous, _begins(since, plan), now),
    )


def _begins(since: datetime, plan: Plan) -> datetime:
    """From when on nothing is counted that came before the step: the first whole minute of which no report reaches
    back. Reports are counted in the minute in which they come, and nodes report before they are stale.

    What moved nodes count while they run the digest is of the rollout anyway, and is counted from the step's beginning.
    """
    first = since + timedelta(seconds=plan.rules.stale_after_seconds)
    minute = minute_of(first)
    return minute if minute == first else minute + MINUTE


def _shares(
    assignment: Assignment,
    plan: Plan,
    nodes: Iterable[Observation],
    earlier: tuple[Mark, ...],
    since: datetime,
    now: datetime,
) -> Shares:
    """What the nodes of each slot counted so far, beside what they had counted at earlier looks."""
    stale = plan.rules.stale_after_seconds
    members: dict[str, list[str]] = {slot: [] for slot in SLOTS}
    for node in nodes:
        cohort = cohort_of(node.id, node.labels, node.registered_at, assignment, node.versions)
        if cohort in members and is_fresh(node.reported_at, now=now, stale_after_seconds=stale):
            members[cohort].append(node.id)
    seen = {slot: requests(ids, since, now) for slot, ids in members.items()}
    nodes_of = {slot: len(ids) for slot, ids in members.items()}
    return Shares(nodes_of, marked(earlier, Mark(now, seen), SHARE_WINDOW))


def _is_control(node: Observation, rollout: Rollout, assignment: Assignment) -> bool:
    """Whether it runs what was before, as it did when the rollout opened. Who came later or is pinned is nobody to
    compare with: such nodes are left when all others are moved, and may see no traffic to speak of."""
    there = node.registered_at < rollout.opened_at and assignment.pin_of(node.id, node.labels) is None
    return there and bool(node.running) and node.running == rollout.previous


def _budgets(
    gates: Iterable[GateSpec], nodes: Sequence[Observation], since: datetime, now: datetime
) -> Mapping[str, Budget]:
    """What each objective counts of its service, on all nodes and whatever they run: its budget is of all of them."""
    wanted = [gate for gate in gates if gate.kind == "slo"]
    if not wanted:
        return {}
    ids = [node.id for node in nodes]
    lengths = sorted({length for pair in slo.WINDOWS for length in (pair.long, pair.short)})
    windows = {
        length: traffic_by_service(ids, None, now - timedelta(seconds=length), now) for length in lengths
    }
    step = traffic_by_service(ids, None, since, now)
    return {
        gate.subject: Budget(
            _counted(gate, step), {length: _counted(gate, found) for length, found in windows.items()}
        )
        for gate in wanted
    }


def _counted(gate: GateSpec, found: Mapping[str, Traffic]) -> Counted:
    of_service = found.get(str(gate.values["service"]))
    if of_service is None:
        return Counted()
    return counted(of_service, str(gate.values["sli"]), gate.number("faster-than-ms"))


def _last(
    context: Context, environment: str, rollout: Rollout, active: Progress, since: datetime
) -> StepSignals | None:
    """What was measured last of this very step; None when that was another one, or before it was resumed."""
    with reading():
        row = StepEvidence.get_or_none(
            StepEvidence.organization == context.organization.slug,
            StepEvidence.project == context.project.slug,
            StepEvidence.environment == environment,
        )
    if row is None or (row.rollout, row.step, row.since) != (rollout.name, active.number, since):
        return None
    return StepSignals.from_json(row.document)


def _keep(
    context: Context,
    environment: str,
    rollout: Rollout,
    active: Progress,
    since: datetime,
    found: StepSignals,
) -> None:
    key = {
        "organization": context.organization.slug,
        "project": context.project.slug,
        "environment": environment,
    }
    values = {
        "rollout": rollout.name,
        "step": active.number,
        "since": since,
        "at": found.at,
        "document": found.to_json(),
    }
    fields = StepEvidence._meta.fields
    with writing():
        StepEvidence.insert(**key, **values).on_conflict(
            conflict_target=[fields[name] for name in key],
            update={fields[name]: value for name, value in values.items()},
        ).execute()
