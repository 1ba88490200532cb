"""Deletion budgets: how many routes one commit may take away without saying so.

A route is a host, a path and a method in one environment, whoever serves it: renaming a service removes nothing, and
moving a path to another service neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from reconciler.config.findings import Finding, Severity, sort_findings
from reconciler.config.kinds.service import PATHS
from reconciler.config.rules.evaluate import RULE
from reconciler.config.snapshot import Snapshot

TRAILER = "Allow-Deletions"

Route = tuple[str | None, str, str, str | None]
"""Host, kind of path condition, path, method; None stands for every one."""


@dataclass(frozen=True, slots=True)
class DeletionBudget:
    """A rule's budget: bounds that are None do not bind; no environments means all of them."""

    rule: str
    routes: int | None
    percent: int | None
    environments: tuple[str, ...] = ()
    severity: Severity = Severity.error
    message: str = ""


def budgets_of(snapshot: Snapshot) -> tuple[DeletionBudget, ...]:
    """The budgets that a tree's rules set."""
    found = []
    for (kind, name), resource in snapshot.resources.items():
        data = resource.effective("") if kind == RULE else {}
        if "deletions" in data:
            budget = data["deletions"]
            found.append(
                DeletionBudget(
                    name,
                    budget.get("routes"),
                    budget.get("percent"),
                    tuple(data.get("environments", ())),
                    Severity(data["severity"]),
                    data.get("message", ""),
                )
            )
    return tuple(found)


def routes_in(snapshot: Snapshot, environment: str) -> frozenset[Route]:
    """The routes of an environment; none when the snapshot has no such environment."""
    if environment not in snapshot.environments:
        return frozenset()
    return frozenset(
        (host, kind, path, method)
        for _, data in snapshot.rendering(environment).of("service")
        for host, (kind, path), method in product(
            data.get("hosts") or (None,), _paths(data), data.get("methods") or (None,)
        )
    )


def _paths(data: Any) -> list[tuple[str, str]]:
    return [(kind, path) for kind in PATHS for path in data.get(kind, ())] or [("path-prefix", "/")]


def allowed_by(trailers: Iterable[tuple[str, str]]) -> int | None:
    """The number that the last `Allow-Deletions` of a commit message names; None when no number is named."""
    allowed = None
    for name, value in trailers:
        if name.lower() == TRAILER.lower() and re.fullmatch(r"[0-9]{1,9}", value.strip()):
            allowed = int(value)
    return allowed


def check_deletions(
    before: Snapshot,
    after: Snapshot,
    budgets: Iterable[DeletionBudget],
    trailers: Iterable[tuple[str, str]],
) -> tuple[Finding, ...]:
    """A finding for each environment and budget that the step from `before` to `after` exceeds.

    Whoever holds a commit to the stricter of its own rules and its parent's gives the budgets of both. `trailers` are
    (name, value) of the commit's message. An environment that is gone has lost all its routes.
    """
    budgets = tuple(budgets)
    allowed = allowed_by(trailers)
    found = []
    for environment in before.environments if budgets else ():
        had = routes_in(before, environment)
        removed = had - routes_in(after, environment)
        for budget in budgets:
            if budget.environments and environment not in budget.environments:
                continue
            bound = _exceeded(budget, len(removed), len(had))
            if bound is not None and (allowed is None or len(removed) > allowed):
                found.append(_finding(budget, environment, removed, len(had), bound))
    return sort_findings(found)


def _exceeded(budget: DeletionBudget, removed: int, had: int) -> str | None:
    """The bound that so many removals exceed, in words, or None."""
    if budget.routes is not None and removed > budget.routes:
        return f"at most {budget.routes}"
    if budget.percent is not None and removed * 100 > budget.percent * had:
        return f"at most {budget.percent} %"
    return None


def _finding(
    budget: DeletionBudget, environment: str, removed: frozenset[Route], had: int, bound: str
) -> Finding:
    shown = sorted(" ".join(part for part in (r[3], (r[0] or "*") + r[2]) if part) for r in removed)
    listed = ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
    hint = f"if it is meant, end the commit's message with a line: {TRAILER}: {len(removed)}"
    return Finding(
        "E-RUL-006",
        budget.severity,
        None,
        f"{len(removed)} of {had} routes of {environment} are removed (rule '{budget.rule}'): {listed}",
        bound,
        f"{budget.message}; {hint}" if budget.message else hint,
    )
