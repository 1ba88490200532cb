"""A plan as JSON: what a page shows of it, and keeps when the forge's comment had to be cut."""

from __future__ import annotations

from typing import Any

from reconciler.clock import iso_milliseconds
from reconciler.plan.model import EnvironmentPlan, Plan, Shared, shared_changes

MOST_CHANGES = 1000
MOST_FINDINGS = 500
MOST_FIELDS = 50


def summary(plan: Plan) -> dict[str, Any]:
    """What the plan comes to, for each environment, each change once, and what was found."""
    changes = shared_changes(plan)
    return {
        "verdict": str(plan.verdict),
        "level": plan.level.name,
        "compiler": plan.compiler,
        "conflicts": list(plan.conflicts[:MOST_FINDINGS]),
        "environments": [_environment(environment) for environment in plan.environments],
        "changes": [_change(shared) for shared in changes[:MOST_CHANGES]],
        "more_changes": max(0, len(changes) - MOST_CHANGES),
        "findings": [finding.to_json() for finding in plan.findings[:MOST_FINDINGS]],
    }


def _environment(environment: EnvironmentPlan) -> dict[str, Any]:
    return {
        "name": environment.name,
        "now": environment.now,
        "next": environment.next,
        "nodes": environment.nodes,
        "touched": environment.touched,
        "restart": environment.difference.restart,
        "strategy": environment.strategy,
        "open": [*environment.gates, *environment.waiting],
        "start": None if environment.start is None else iso_milliseconds(environment.start),
        "start_words": environment.start_words,
        "risk": environment.risk.to_json(),
    }


def _change(shared: Shared) -> dict[str, Any]:
    document = shared.change.to_json()
    return {**document, "fields": document["fields"][:MOST_FIELDS], "environments": list(shared.environments)}
