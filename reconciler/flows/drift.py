"""Finds nodes that drift, says so once for each pair of digests, and asks for what the policy does about it.

What a node should run is what the node API tells it: its cohort's pointer. Nothing here reads git or holds a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from reconciler.clock import parse_iso
from reconciler.db.drifting import open_drift
from reconciler.db.gating import Drift
from reconciler.db.models import Environment, Pointer, Rollout
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.fleet.cohorts import BASE, Assignment, cohort_of
from reconciler.fleet.drift import SEVERAL, Group, Wanted, groups
from reconciler.fleet.observations import Observation
from reconciler.fleet.slots import SLOTS
from reconciler.flows import drift_rows, envrow, risks
from reconciler.flows.context import Context
from reconciler.flows.facts import read_nodes, read_policies
from reconciler.flows.outcome import Outcome

EVERY = timedelta(seconds=30)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def run(context: Context, environment: str, renew: Callable[[], None]) -> Outcome:
    """Look at an environment's nodes. Harmless when two do so at once: rows are compared inside one transaction."""
    policy = read_policies(context).of(environment)
    now = context.now()
    row = envrow.find_row(context, environment)
    if row is None:
        return Outcome("unchanged", f"'{environment}' was never looked at")
    if policy is None:
        with writing():
            drift_rows.lock(row)
            drift_rows.record(context, environment, (), {}, now)
        return Outcome("unchanged", f"'{environment}' is not on valid trunk")
    with reading():
        nodes = read_nodes(context, environment)
        wanted = _wanted(context, row, nodes)
    found = groups(
        wanted,
        now=now,
        grace_seconds=policy.drift.grace_seconds,
        stale_after_seconds=policy.stale_after_seconds,
    )
    with reading():
        known = {(one.desired, one.running) for one in _open(context, environment)}
    severities = {}
    for group in found:
        if (group.desired, group.running) not in known:
            renew()
            severities[group] = _severity(context, environment, group)
    with writing():
        drift_rows.lock(row)
        changed = drift_rows.record(context, environment, found, severities, now)
        if found and policy.drift.remediate:
            ask(context.organization.slug, context.project.slug, "environment", environment, now=now)
    count = sum(group.nodes for group in found)
    words = f"{count} nodes drift" if count else "no node drifts"
    return Outcome("changed" if changed else "unchanged", words, now + EVERY)


def _open(context: Context, environment: str) -> list[Drift]:
    return open_drift(context.organization.slug, context.project.slug, environment)


def _wanted(
    context: Context, row: Environment, nodes: Iterable[Observation]
) -> list[tuple[Observation, Wanted]]:
    """What is wanted of each node. Those that an open rollout moves are left out: it counts them itself."""
    scope = (
        Pointer.organization == context.organization.slug,
        Pointer.project == context.project.slug,
        Pointer.environment == row.name,
    )
    offered = {pointer.cohort: pointer.digest for pointer in Pointer.select().where(*scope)}
    rollouts = Rollout.select().where(
        Rollout.organization == context.organization.slug,
        Rollout.project == context.project.slug,
        Rollout.environment == row.name,
    )
    ended = rollouts.where(Rollout.ended_at.is_null(False)).order_by(Rollout.ended_at.desc()).first()
    base = ended.ended_at if ended is not None else EPOCH
    current = rollouts.where(Rollout.name == row.rollout).first() if row.rollout else None
    moving = current is not None and current.state == "open"
    others = EPOCH
    if current is not None:
        begun = [parse_iso(step["since"]) for step in current.view.get("steps", ()) if step["since"]]
        others = max(begun, default=current.opened_at)
    assignment = Assignment.from_json(row.assignment)
    found = []
    for node in nodes:
        cohort = cohort_of(node.id, node.labels, node.registered_at, assignment, node.versions)
        if cohort == BASE or not moving:
            # A slot runs what was completed last, as `base` does, where no rollout is open.
            settled = cohort == BASE or (cohort in SLOTS and assignment.rollout is None)
            found.append((node, Wanted(offered.get(cohort, ""), base if settled else others)))
    return found


def _severity(context: Context, environment: str, group: Group) -> tuple[str, str]:
    """How much it matters, by what the two bundles do differently, and the first reasons in words."""
    if not group.running:
        return "high", "they run nothing"
    if group.running == SEVERAL:
        return risks.UNKNOWN, "they run different bundles"
    judged = risks.between(context, environment, before=group.desired, after=group.running)
    reasons = "; ".join(str(reason["reason"]) for reason in judged.reasons[:3])
    return judged.level, reasons or "they do nothing differently that any rule knows of"
