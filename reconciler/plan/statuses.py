"""What a forge is told of a commit. A success is never said of something that was not looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.plan.model import Plan, Verdict

State = Literal["pending", "success", "failure"]
LONGEST = 140
"""The shortest limit that a forge has for a description."""

PRODUCT = "sentinel"
STEPS = ("validate", "plan")


@dataclass(frozen=True, slots=True)
class Status:
    """One line on a commit. `context` names this installation, so that two of them do not overwrite each other's."""

    context: str
    state: State
    description: str


def context(instance: str, project: str, step: str) -> str:
    """The name of a status."""
    return f"{PRODUCT}/{instance}/{project}/{step}"


def pending(instance: str, project: str) -> tuple[Status, ...]:
    """Before anything is known."""
    return tuple(Status(context(instance, project, step), "pending", "is being looked at") for step in STEPS)


def of_plan(plan: Plan, instance: str, project: str) -> tuple[Status, ...]:
    """What a plan says of the head commit. What cannot be said yet stays pending, with the reason."""
    errors = sum(finding.is_error for finding in plan.findings)
    validated: tuple[State, str]
    planned: tuple[State, str]
    match plan.verdict:
        case Verdict.conflict:
            validated = ("pending", "cannot be said before the conflicts are resolved")
            planned = ("failure", f"cannot be merged: conflicts in {counted_as(len(plan.conflicts), 'file')}")
        case Verdict.refused:
            validated = ("failure", f"{counted_as(errors, 'error')}: {_first(plan)}")
            planned = ("failure", "there is no bundle to plan with")
        case Verdict.empty:
            validated = ("pending", "there is no environment, so nothing was compiled")
            planned = ("pending", "there is no environment to plan for")
        case Verdict.nothing:
            validated = ("success", f"compiles for {_names(plan)}")
            planned = ("success", "nothing changes for any proxy")
        case Verdict.ready:
            validated = ("success", f"compiles for {_names(plan)}")
            planned = ("success", f"{counted(plan)} · risk: {plan.level.name}")
    return tuple(
        Status(context(instance, project, step), state, cut(words))
        for step, (state, words) in zip(STEPS, (validated, planned), strict=True)
    )


def of_commit(instance: str, project: str, digest: str, problem: str) -> Status:
    """What a commit of trunk came to: a bundle, or else the first of its problems."""
    name = context(instance, project, STEPS[0])
    if digest:
        return Status(name, "success", f"makes the bundle {digest.removeprefix('sha256:')[:12]}")
    return Status(name, "failure", cut(problem))


UNDER_WAY = frozenset({"open", "paused", "partial"})
FAILED = frozenset({"rolled-back", "cancelled"})


def of_rollout(
    instance: str, project: str, environment: str, state: str, because: str, *, nodes: int, refusal: str
) -> Status | None:
    """What a rollout says of the commit that it brings; None when it says nothing any more, since another came.

    A completed one is a success only where nodes say that they run it.
    """
    name = context(instance, project, f"rollout:{environment}")
    if refusal and state in UNDER_WAY | {"completed"}:
        return Status(name, "failure", cut(refusal))
    if state in UNDER_WAY:
        words = "is on its way" if state == "open" else state
        return Status(name, "pending", cut(f"{words}: {because}" if because else words))
    if state in FAILED:
        return Status(name, "failure", cut(f"{state}: {because}" if because else state))
    if state != "completed":
        return None
    if not nodes:
        return Status(name, "pending", "completed, and no node says that it runs it")
    return Status(name, "success", f"completed: {counted_as(nodes, 'node')} run it")


def counted(plan: Plan) -> str:
    """How far the plan reaches, in a few words."""
    words = f"{len(plan.touched)} of {counted_as(len(plan.environments), 'environment')} change"
    return words if plan.nodes is None else f"{words} · {counted_as(plan.nodes, 'node')}"


def counted_as(number: int, thing: str) -> str:
    """Such as "1 node" or "3 nodes"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def cut(words: str) -> str:
    """Words that fit into every forge's description."""
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _first(plan: Plan) -> str:
    return next((str(finding) for finding in plan.findings if finding.is_error), "")


def _names(plan: Plan) -> str:
    return ", ".join(environment.name for environment in plan.environments)
