"""Holds the rules of a project against its resources. Pure, and bounded by one budget for all rules together."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.findings import Severity
from reconciler.config.leaves import leaves, variants
from reconciler.config.report import Problem, Report
from reconciler.config.resources import Resource
from reconciler.config.rules.linear import Budget, OutOfBudget
from reconciler.config.rules.schemas import BadSchema, expression, first_mistake, load

STEPS = 30_000_000
"""Steps of searching and checking for all rules of a tree: some ten seconds at worst, far below it in practice."""

RULE = "validation-rule"


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule objects to in a resource, at a field and one of its values."""

    code: str
    path: tuple[str, ...]
    message: str
    expected: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class _Target:
    """A resource as it is effective in some environments; in all, or apart from them, when there are none."""

    resource: Resource
    data: Mapping[str, Any]
    environments: tuple[str, ...]

    @property
    def form(self) -> dict[str, Any]:
        return {"kind": self.resource.kind.name, "name": self.resource.name, **self.data}


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


def _broken(resource: Resource) -> bool:
    """Whether something of the resource could not be read. That has been told, and what is left of it says little."""
    return resource.origin is not None and resource.origin.broken


def _check(
    rule: Resource,
    resources: Mapping[tuple[str, str], Resource],
    environments: list[str],
    budget: Budget,
    report: Report,
) -> None:
    data = rule.effective("")
    severity = Severity(data["severity"])
    scope = [name for name in environments if name in data.get("environments", environments)]
    schema = load(data["json-schema"]) if "json-schema" in data else None
    targets = list(_targets(data, resources, scope))
    found: dict[tuple[tuple[str, str], Violation], tuple[Resource, list[str]]] = {}
    for target in targets:
        for violation in _violations(data, schema, target, budget):
            key = (target.resource.key, violation)
            found.setdefault(key, (target.resource, []))[1].extend(target.environments)
    for (_, violation), (resource, names) in found.items():
        where = f" in {', '.join(names)}" if 0 < len(names) < len(environments) else ""
        problem = Problem(
            violation.code,
            f"{violation.message}{where} (rule '{rule.name}')",
            violation.expected,
            data.get("message") or f"see the validation-rule '{rule.name}'",
            severity,
        )
        mark = resource.mark(violation.path, environment=next(iter(names), None), value=violation.value)
        report.add(mark, problem)
    most = data.get("max-resources")
    count = len({target.resource.key for target in targets})
    if most is not None and count > most:
        problem = Problem(
            "E-RUL-004",
            f"there are {count} resources in the scope of the rule '{rule.name}'",
            f"at most {most}",
            data.get("message") or "remove some, or raise the number",
            severity,
        )
        report.add(rule.mark(("max-resources",), value=most), problem)


def _targets(
    data: Mapping[str, Any], resources: Mapping[tuple[str, str], Resource], scope: Iterable[str]
) -> Iterator[_Target]:
    for resource in resources.values():
        kind = resource.kind.name
        if kind == RULE and "kinds" not in data:
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
            yield _Target(resource, form, environments)


def _violations(data: Mapping[str, Any], schema: Any, target: _Target, budget: Budget) -> Iterator[Violation]:
    kind, name = target.resource.key
    called = f"the {kind} '{name}'"
    budget.spend(10)
    for path in data.get("require", ()):
        if next(_at(target.form, path.split(".")), None) is None:
            yield Violation("E-RUL-001", (), f"{called} lacks '{path}'", f"'{path}'")
    if "forbid" in data or "allow" in data:
        yield from _patterns(data, target, budget)
    if "max-bytes" in data:
        size = len(json.dumps(target.form, ensure_ascii=False, separators=(",", ":")).encode())
        budget.spend(size // 10)
        if size > data["max-bytes"]:
            expected = f"at most {data['max-bytes']}"
            yield Violation("E-RUL-004", (), f"{called} has {size} bytes in its JSON form", expected)
    if schema is not None:
        mistake = first_mistake(schema, target.form, budget)
        if mistake is not None:
            path, what, value = mistake
            yield Violation("E-RUL-005", path, f"{called}: {what}", "what the rule's schema describes", value)


def _patterns(data: Mapping[str, Any], target: _Target, budget: Budget) -> Iterator[Violation]:
    values = [leaf for leaf in leaves(target.resource.kind.field, target.data) if isinstance(leaf.value, str)]
    budget.spend(len(values))
    for forbidden, verb in ((True, "forbid"), (False, "allow")):
        for item in data.get(verb, ()):
            wanted = tuple(item["field"].split(".")) if "field" in item else ()
            search = expression(item["pattern"])
            if not wanted or wanted == ("name",):
                found = search.found_in(target.resource.name, budget)
                if found is forbidden:
                    yield _mismatch(forbidden, (), "its name", None, item["pattern"])
            for leaf in values:
                if leaf.path[: len(wanted)] == wanted and search.found_in(leaf.value, budget) is forbidden:
                    what = f"{shown(leaf.value)} in '{'.'.join(leaf.path)}'"
                    yield _mismatch(forbidden, leaf.field, what, leaf.value, item["pattern"])


def _mismatch(forbidden: bool, path: tuple[str, ...], what: str, value: Any, pattern: str) -> Violation:
    if forbidden:
        return Violation("E-RUL-002", path, f"{what} is forbidden", f"no match of {shown(pattern)}", value)
    return Violation("E-RUL-003", path, f"{what} is not allowed", f"a match of {shown(pattern)}", value)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """Every value at a path of names, in all items of the lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        yield from _at(value.get(path[0]), path[1:])
