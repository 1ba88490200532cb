"""What a commit may do to trunk, compared with the last valid one.

It is held to the stricter of its own rules and of those before it: both sides' budgets of deletions, rules that it
loosens or removes, and both sides' policies. Whoever wants less does so in a commit of its own; the next one has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.config.findings import Finding, Severity
from reconciler.config.former import read_former
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.remembered import Memory
from reconciler.config.report import Problem, Report
from reconciler.config.resources import Resource
from reconciler.config.rules.deletions import TRAILER, allowed_by, budgets_of, check_deletions
from reconciler.config.rules.evaluate import RULE, check_former_rules
from reconciler.config.rules.stricter import PATHS, HeldPolicy, stricter, with_predecessors
from reconciler.config.snapshot import Snapshot
from reconciler.config.source import SourceFile

Trailers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What is found about a step, and the policies that hold behind it, in promotion order."""

    findings: tuple[Finding, ...]
    policies: tuple[EnvironmentPolicy, ...]


def hold(before: Snapshot, after: Snapshot, trailers: Iterable[Trailers]) -> Held:
    """Judge the step from the last valid commit to another. `trailers` are those of each commit between, the other
    included: of the numbers of deletions that they allow the largest counts."""
    report = Report()
    budgets = dict.fromkeys((*budgets_of(after), *budgets_of(before)))
    report.extend(check_deletions(before, after, budgets, _largest(trailers)))
    former = [
        rule
        for key, rule in before.resources.items()
        if rule.kind.name == RULE and after.resources.get(key) != rule
    ]
    check_former_rules(former, after.resources, report)
    was = {policy.name: policy for policy in before.policies}
    held = {
        policy.name: stricter(policy, was[policy.name]) if policy.name in was else HeldPolicy(policy, ())
        for policy in after.policies
    }
    held = with_predecessors(held, was)
    for name, one in held.items():
        if one.held:
            _tell(after.resources[("environment", name)], one, report)
    return Held(report.resolved(), tuple(one.policy for one in held.values()))


def _largest(trailers: Iterable[Trailers]) -> Trailers:
    allowed = [number for number in map(allowed_by, trailers) if number is not None]
    return ((TRAILER, str(max(allowed))),) if allowed else ()


def _tell(environment: Resource, held: HeldPolicy, report: Report) -> None:
    fields = ", ".join(dict.fromkeys(PATHS[name][-1] for name in held.held))
    problem = Problem(
        "W-RUL-010",
        f"the policy of '{environment.name}' is looser than before, so this commit is held to the former {fields}",
        "a policy that is as strict as the last valid commit's",
        "nothing has to be done: the next valid commit has the policy that is written here",
        Severity.info,
    )
    report.add(environment.mark(PATHS[held.held[0]]), problem)


@dataclass(frozen=True, slots=True)
class Former:
    """What a commit is compared with: the last valid one, by a name for people, and its files.

    `files` is None when the repository does not have it any more. `trailers` are those of the commits since, the one
    that is judged included.
    """

    name: str
    files: tuple[SourceFile, ...] | None
    trailers: tuple[Trailers, ...] = ()


def hold_to(former: Former | None, after: Snapshot, memory: Memory | None = None) -> Held:
    """Judge the step from what was there before; nothing holds a first commit back. `memory` is what `after` was read
    with."""
    if former is None:
        return Held((), after.policies)
    before = None if former.files is None else read_former(former.files, after, memory)
    if before is not None:
        return hold(before, after, former.trailers)
    missing = "cannot be read by this version" if former.files is not None else "is not in the repository"
    unreadable = Finding(
        "W-RUL-011",
        Severity.warning,
        None,
        f"{former.name} {missing}, so this commit is held to its own rules and policies alone",
        "a commit whose rules and routes can be compared",
        "look closely at what this commit removes and loosens",
    )
    return Held((unreadable,), after.policies)
