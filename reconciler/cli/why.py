"""`sentinelctl why`: what an environment, a rollout or a node waits for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from reconciler.cli.only_project import only_project
from reconciler.clock import iso
from reconciler.db.models import Environment, Node, Rollout
from reconciler.db.session import connect, reading
from reconciler.errors import Stalled
from reconciler.fleet.cohorts import BASE, OUTDATED, cohort_of
from reconciler.fleet.slots import SLOTS
from reconciler.fleet.versions import too_old, versions_of
from reconciler.flows.context import Context, load_installation, open_context
from reconciler.flows.environment import Look
from reconciler.flows.envrow import find_row
from reconciler.flows.explaining import explain
from reconciler.flows.needs import digests_of, read_needs
from reconciler.release.approvals import expected_plan, judged
from reconciler.release.assignment import assignment_of, offers
from reconciler.release.paths import short
from reconciler.release.rules import earliest
from reconciler.release.state import Ledger
from reconciler.settings import read_settings

MOST_ROLLOUTS = 5


@click.command()
@click.argument("target")
@click.option("--project", help="Default: the only project there is.")
def command(target: str, project: str | None) -> None:
    """Say what TARGET waits for, in the order in which it is asked, and the earliest time.

    TARGET is an environment, a rollout (production/r-0042, or r-0042 where only one environment has it), or a node by
    name or id. The very functions that decide are asked, with what database and branch say now; nothing is changed. It
    runs where the control plane runs.
    """
    settings = read_settings(os.environ)
    installation = load_installation(settings)
    found = only_project(installation, project)
    connect(settings)
    context = open_context(settings, installation, found.organization, found.slug, os.environ)
    for line in told(context, target):
        click.echo(line)


def told(context: Context, target: str) -> Iterator[str]:
    """The lines about a target. Raises `Stalled` E-CLI-040 when there is none of that name."""
    scope = context.organization.slug, context.project.slug
    name, _, rollout = target.partition("/")
    with reading():
        environments = [
            row.name
            for row in Environment.select()
            .where(Environment.organization == scope[0], Environment.project == scope[1])
            .order_by(Environment.position)
        ]
        rollouts = list(
            Rollout.select()
            .where(
                Rollout.organization == scope[0],
                Rollout.project == scope[1],
                Rollout.name == (rollout or target),
                *((Rollout.environment == name,) if rollout else ()),
            )
            .order_by(Rollout.environment)
            .limit(MOST_ROLLOUTS)
        )
        nodes = list(
            Node.select()
            .where(
                Node.organization == scope[0],
                Node.project == scope[1],
                Node.retired_at.is_null(),
                (Node.id == target) | (Node.name == target),
            )
            .order_by(Node.environment, Node.id)
            .limit(MOST_ROLLOUTS)
        )
    if target in environments:
        yield from _environment(context, target)
    elif len(rollouts) == 1:
        yield from _rollout(context, rollouts[0])
    elif nodes:
        for node in nodes:
            yield from _node(context, node)
    else:
        raise _unknown(context, target, environments, rollouts)


def _environment(context: Context, name: str) -> Iterator[str]:
    row = find_row(context, name)
    if row is not None and row.stalled_code:
        yield f"{name} is stalled since {iso(row.updated_at)}, and a person has to act:"
        yield f"  {row.stalled_code} {row.stalled_message}"
    try:
        look = explain(context, name)
    except Stalled as error:
        if row is None or row.stalled_code != error.code:
            yield f"{name} is stalled, and a person has to act:"
            yield f"  {error}"
        return
    files = look.state.files
    ledger, wish = files.ledger or Ledger(), files.release
    yield f"{name} runs {short(ledger.live) if ledger.live else 'nothing yet'}" + (
        f"; {short(wish.digest)} is wished for ({wish.why or 'no reason given'})"
        if wish is not None and wish.digest != ledger.live
        else ""
    )
    for bad in files.malformed:
        yield f"  not read: {bad.message}"
    yield from _decision(look)
    if look.policy is None:
        return
    plan = expected_plan(look.state, look.policy)
    if plan:
        yield f"Plan: {plan}"
    for ballot, trouble in judged(look.state, look.policy, look.facts):
        counts = f"counts, by {look.facts.proofs[ballot.path].how}" if trouble is None else trouble.message
        yield f"  {ballot.person}: {counts}"


def _decision(look: Look) -> Iterator[str]:
    decision = look.decision
    if decision.actions:
        yield f"It waits for nothing: at the next look {decision.because}"
    elif not decision.waiting:
        yield f"It waits for nothing: {decision.because}"
    else:
        yield "It waits for, in this order:"
        for number, reason in enumerate(decision.waiting, start=1):
            yield f"  {number}. {reason.code} {reason.message}"
    soonest = earliest(look.state, look.policy, look.now) if look.policy is not None else None
    if soonest is not None:
        yield f"Earliest: {iso(soonest)}, whatever else comes before"
    if decision.look_again_at is not None:
        yield f"Next look: {iso(decision.look_again_at)}, or when something changes"


def _rollout(context: Context, row: Rollout) -> Iterator[str]:
    if row.ended_at is not None:
        yield f"{row.name} in {row.environment} ended at {iso(row.ended_at)}, {row.state}: {row.because}"
        return
    yield f"{row.name} in {row.environment} brings {short(row.digest)} and is {row.state}"
    yield from _environment(context, row.environment)


def _node(context: Context, node: Node) -> Iterator[str]:
    try:
        look = explain(context, node.environment)
    except Stalled as error:
        yield f"{node.name} keeps what it runs: {node.environment} is stalled: {error}"
        return
    ledger = look.state.files.ledger or Ledger()
    with reading():
        needs = read_needs(context, node.environment, digests_of(ledger))
    assignment = assignment_of(ledger, needs)
    versions = versions_of(node.versions)
    cohort = cohort_of(node.id, node.labels, node.registered_at, assignment, versions)
    rollout = ledger.open_rollout
    offer = offers(ledger).get(cohort)
    wanted = offer.digest if offer is not None else ""
    running = short(node.running) if node.running else "nothing"
    yield f"{node.name} ({node.id}) in {node.environment} is in the cohort {cohort} and runs {running}"
    if cohort == OUTDATED:
        meant = cohort_of(node.id, node.labels, node.registered_at, assignment)
        wants = assignment.needs[meant]
        for part in too_old(versions, wants):
            yield (
                f"It keeps what it runs: its {part} says {getattr(versions, part)}, older than "
                f"{getattr(wants, part)}, which the bundle for it needs; it gets the bundle when its {part} is upgraded"
            )
    elif not wanted:
        yield "It waits for the first release to complete: a node is given what was completed last"
    elif node.running == wanted:
        yield f"It runs what it should, {short(wanted)}"
    else:
        yield f"It should run {short(wanted)}"
        if node.refusal:
            yield f"It refused {short(node.refusal.get('digest', ''))}: {node.refusal.get('message', '')}"
        seen = iso(node.reported_at) if node.reported_at is not None else "never"
        yield f"It reported last: {seen}"
    if offer is not None and cohort in SLOTS:
        yield f"Its weight is {offer.weight} of 100"
    moved = assignment.moved(node.id, node.labels, node.registered_at, versions)
    if rollout is not None and not moved and (cohort == BASE or cohort in SLOTS):
        yield f"{rollout.name} has not reached it:"
        yield from _decision(look)


def _unknown(context: Context, target: str, environments: list[str], rollouts: list[Rollout]) -> Stalled:
    if rollouts:
        names = ", ".join(f"{row.environment}/{row.name}" for row in rollouts)
        return Stalled("E-CLI-040", f"'{target}' is the name of several rollouts", cure=f"Name one: {names}")
    return Stalled(
        "E-CLI-040",
        f"project '{context.project.slug}' has no environment, rollout or node '{target}'",
        cure=f"Environments: {', '.join(environments) or 'none yet'}",
    )
