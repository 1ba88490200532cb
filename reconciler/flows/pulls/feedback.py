"""Tells the commits of trunk how far they have come in each environment, and which node refused them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.db.models import Commit, Environment, Node, Rollout
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.flows.pulls.outbox import tell_deployment, tell_statuses
from reconciler.flows.pulls.reaching import api_of, instance_of, page_of
from reconciler.forge.reports import Deployment
from reconciler.plan.statuses import FAILED, PRODUCT, Status, of_commit, of_rollout

RECENT = 3
"""Rollouts of an environment whose commits are told, the newest first: what was before them has been told."""


def ask_for(context: Context) -> None:
    """Have the commits told, where there is a forge that can be told."""
    connection = context.connection
    if connection is not None and connection.speaks:
        ask(context.organization.slug, context.project.slug, "feedback", now=context.now())


def run(context: Context) -> Outcome:
    """Write down what is to be told of the newest rollouts. Raises as `api_of` does."""
    api = api_of(context)
    if api is None:
        return Outcome("unchanged", "the connection names no credentials to tell the forge anything with")
    told = 0
    with reading():
        reached = list(_reached(context))
        found = [*_validated(context), *((one.sha, one.status) for one in reached if one.status is not None)]
    with writing():
        for sha, status in found:
            tell_statuses(context, sha, [status], page_of(context))
            told += 1
        # The oldest first: what a forge is told last stands for the environment.
        for one in reversed(reached) if api.forge.deploy is not None else ():
            deployment = _deployment(context, one)
            if deployment is not None:
                tell_deployment(context, deployment)
    return Outcome("changed" if told else "unchanged", f"{told} statuses are to be told")


def _validated(context: Context) -> list[tuple[str, Status]]:
    """Whether the newest commits of trunk make a bundle."""
    rows = (
        Commit.select(Commit.sha, Commit.state, Commit.digest, Commit.reason, Commit.findings)
        .where(
            Commit.organization == context.organization.slug,
            Commit.project == context.project.slug,
            Commit.state.in_(("compiled", "refused")),
        )
        .order_by(Commit.position.desc())
        .limit(RECENT)
    )
    return [
        (
            row.sha,
            of_commit(
                instance_of(context),
                context.project.slug,
                row.digest if row.state == "compiled" else "",
                next((f"{one['code']} {one['message']}" for one in row.findings), row.reason),
            ),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a rollout brought a commit. `newest` of its environment; `status` is None when another came before."""

    environment: str
    sha: str
    newest: bool
    state: str
    status: Status | None


def _deployment(context: Context, one: Reached) -> Deployment | None:
    """What the forge shows of it. Of rollouts that others followed only how they ended, and not that they were good:
    the forge would take the newest success for what runs."""
    told: tuple[str, str] | None = None
    if one.state == "superseded":
        told = "over", "another release came before it ended"
    elif one.status is not None and one.newest:
        told = one.status.state, one.status.description
    elif one.status is not None and one.state in FAILED:
        told = "failure", one.status.description
    if told is None:
        return None
    shared = bool(context.project.path or context.project.branch_prefix)
    return Deployment(
        f"{context.project.slug}/{one.environment}" if shared else one.environment,
        one.sha,
        context.project.trunk,
        *told,
        page_of(context),
        f"{PRODUCT}:{instance_of(context)}",
    )


def _reached(context: Context) -> list[Reached]:
    own: dict[str, Any] = {"organization": context.organization.slug, "project": context.project.slug}
    found: dict[tuple[str, str], Reached] = {}
    for environment in Environment.select().where(*_is(Environment, own)).order_by(Environment.position):
        rollouts = (
            Rollout.select()
            .where(*_is(Rollout, own), Rollout.environment == environment.name)
            .order_by(Rollout.id.desc())
            .limit(RECENT)
        )
        for place, rollout in enumerate(rollouts):
            commit = (
                Commit.select(Commit.sha)
                .where(*_is(Commit, own), Commit.digest == rollout.digest, Commit.state == "compiled")
                .order_by(Commit.position.desc())
                .first()
            )
            if commit is None:
                continue
            status = of_rollout(
                instance_of(context),
                context.project.slug,
                environment.name,
                rollout.state,
                rollout.because,
                nodes=_nodes(own, environment.name, rollout.digest),
                refusal=_refusal(own, environment.name, rollout.digest),
            )
            # Of several rollouts of one commit the newest counts.
            reached = Reached(environment.name, commit.sha, not place, rollout.state, status)
            found.setdefault((commit.sha, environment.name), reached)
    return list(found.values())


def _nodes(own: dict[str, Any], environment: str, digest: str) -> int:
    """How many nodes say that they run it."""
    return int(
        Node.select()
        .where(
            *_is(Node, own),
            Node.environment == environment,
            Node.retired_at.is_null(),
            Node.running == digest,
        )
        .count()
    )


def _refusal(own: dict[str, Any], environment: str, digest: str) -> str:
    """What the first node says that refused it; empty when none did."""
    rows = (
        Node.select(Node.name, Node.refusal)
        .where(
            *_is(Node, own),
            Node.environment == environment,
            Node.retired_at.is_null(),
            Node.refusal.is_null(False),
        )
        .order_by(Node.name)
    )
    for row in rows:
        refusal = row.refusal or {}
        if refusal.get("digest") == digest:
            return f"{row.name} refused it: {refusal.get('code', '')} {refusal.get('message', '')}"
    return ""


def _is(table: Any, own: dict[str, Any]) -> list[Any]:
    return [getattr(table, name) == value for name, value in own.items()]
