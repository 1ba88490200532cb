"""Holds the rules of a project against its resources. Pure, and bounded by one budget for all rules together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from reconciler.config.findings import Severity
from reconciler.config.leaves import variants
from reconciler.config.report import Problem, Report
from reconciler.config.resources import TEMPLATE, Resource
from reconciler.config.rules.linear import Budget, OutOfBudget
from reconciler.config.rules.schema_check import validator_of
from reconciler.config.rules.schemas import BadSchema, load
from reconciler.config.rules.violations import Target, Violation, violations_of

STEPS = 30_000_000
"""Steps of searching and checking for all rules of a tree: some ten seconds at worst, far below it in practice."""

RULE = "validation-rule"

FORMER = ", as the last valid commit has it"


def check_rules(
    resources: Mapping[tuple[str, str], Resource],
    report: Report,
    *,
    without: Collection[str] = (),
    steps: int = STEPS,
) -> None:
    """Note what the rules of the tree object to, with each rule's severity. E-RUL-007 when they cost too much.

    `without` names rules that are left out, because they are about nothing.
    """
    environments = [name for kind, name in resources if kind == "environment"]
    budget = Budget(steps)
    for rule in resources.values():
        if rule.kind.name != RULE or rule.name in without or _broken(rule):
            continue
        try:
            _check(rule, resources, environments, budget, report)
        except BadSchema:
            # It has been told of the rule itself.
            continue
        except OutOfBudget:
            problem = Problem(
                "E-RUL-007",
                f"the rules up to '{rule.name}' cost more work than a commit may use",
                f"at most {steps} steps",
                "limit the rule with kinds and field, or make its expressions simpler",
            )
            report.add(rule.mark(), problem)
            return


def check_former_rules(
    rules: Iterable[Resource],
    resources: Mapping[tuple[str, str], Resource],
    report: Report,
    *,
    steps: int = STEPS,
) -> None:
    """Note what rules object to that the tree has no more, or has otherwise: those of the last valid commit."""
    environments = [name for kind, name in resources if kind == "environment"]
    budget = Budget(steps)
    for rule in rules:
        try:
            _check(rule, resources, environments, budget, report, former=True)
        except OutOfBudget:
            problem = Problem(
                "E-RUL-007",
                f"the rules of the last valid commit up to '{rule.name}' cost more work than a commit may use",
                f"at most {steps} steps",
                "change the rules in a commit of its own",
            )
            report.add(None, problem)
            return


def _broken(resource: Resource) -> bool:
    """Whether something of the resource could not be read. That has been told, and what is left of it says little."""
    return resource.origin is not None and resource.origin.broken


def _check(
    rule: Resource,
    resources: Mapping[tuple[str, str], Resource],
    environments: list[str],
    budget: Budget,
    report: Report,
    *,
    former: bool = False,
) -> None:
    data = rule.effective("")
    source = f"(rule '{rule.name}'{FORMER if former else ''})"
    severity = Severity(data["severity"])
    scope = [name for name in environments if name in data.get("environments", environments)]
    validator = validator_of(load(data["json-schema"]), budget) if "json-schema" in data else None
    targets = list(_targets(data, resources, scope))
    found: dict[tuple[tuple[str, str], Violation], tuple[Resource, list[str]]] = {}
    for target in targets:
        for violation in violations_of(data, validator, target, budget):
            key = (target.resource.key, violation)
            found.setdefault(key, (target.resource, []))[1].extend(target.environments)
    for (_, violation), (resource, names) in found.items():
        where = f" in {', '.join(names)}" if 0 < len(names) < len(environments) else ""
        problem = Problem(
            violation.code,
            f"{violation.message}{where} {source}",
            violation.expected,
            _hint(data.get("message") or f"see the validation-rule '{rule.name}'", former),
            severity,
        )
        mark = resource.mark(violation.path, environment=next(iter(names), None), value=violation.value)
        report.add(mark, problem)
    most = data.get("max-resources")
    count = len({target.resource.key for target in targets})
    if most is not None and count > most:
        problem = Problem(
            "E-RUL-004",
            f"there are {count} resources in its scope {source}",
            f"at most {most}",
            _hint(data.get("message") or "remove some, or raise the number", former),
            severity,
        )
        # A token of the former tree means nothing in this one.
        here = resources.get(rule.key) if former else rule
        report.add(here.mark(("max-resources",), value=most) if here else None, problem)


def _hint(text: str, former: bool) -> str:
    return f"{text}; to loosen the rule, do so in a commit of its own first" if former else text


def _targets(
    data: Mapping[str, Any], resources: Mapping[tuple[str, str], Resource], scope: Iterable[str]
) -> Iterator[Target]:
    for resource in resources.values():
        kind = resource.kind.name
        if kind in (RULE, TEMPLATE) and "kinds" not in data:
            # A template is judged by the services that are made from it.
            continue
        if (
            kind not in data.get("kinds", (kind,))
            or resource.name in data.get("except", ())
            or _broken(resource)
        ):
            continue
        if kind == "environment" and resource.name not in scope:
            continue
        for form, environments in variants(resource, scope):
            yield Target(resource, form, environments)
