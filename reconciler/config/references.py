"""Checks between resources: what a name stands for has to exist, and in the same environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kinds import KINDS
from reconciler.config.native import provided
from reconciler.config.promotion_order import promotion_order
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.resources import TEMPLATE, Resource
from reconciler.config.schema import Field
from reconciler.config.suggest import did_you_mean
from reconciler.config.templates.placeholders import Templated, names_in
from reconciler.config.values import Reference

Key = tuple[str, str]


SPLIT = ("split",)
"""Where an upstream has to be a resource: a split becomes one upstream with the targets of all parts."""


def check_references(resources: Mapping[Key, Resource], report: Report) -> None:
    """Note every reference that leads nowhere, in whichever environment."""
    environments = [name for kind, name in resources if kind == "environment"]
    names: dict[str, list[str]] = {}
    for kind, name in resources:
        names.setdefault(kind, []).append(name)
    proxies = [resource for (kind, _), resource in resources.items() if kind == "proxy"]

    @cache
    def native(environment: str) -> frozenset[str]:
        return frozenset(
            name
            for proxy in proxies
            if proxy.is_in(environment)
            for name in provided(proxy.effective(environment), "upstreams", "upstream")
        )

    for resource in resources.values():
        if _all_there(resource, resources):
            continue
        _check_scope(resource, environments, report)
        _check_template(resource, environments, resources, report)
        missing: dict[tuple[tuple[str, ...], str, str], list[str]] = {}
        named: dict[int, tuple[tuple[tuple[str, ...], str, str], ...]] = {}
        for environment in _scopes(resource, environments):
            # Environments in which the resource is the same have the very same data.
            data = resource.effective(environment)
            if id(data) not in named:
                named[id(data)] = tuple(references_in(resource, data))
            for path, kind, target in named[id(data)]:
                found = resources.get((kind, target))
                if found is None and kind == "upstream" and path != SPLIT and target in native(environment):
                    continue
                if found is None or not (environment == "" or found.is_in(environment)):
                    missing.setdefault((path, kind, target), []).append(environment)
        for (path, kind, target), where in missing.items():
            mark = resource.mark(path, environment=where[0] or None, value=target)
            if (kind, target) not in resources:
                problem = Problem(
                    "E-REF-001",
                    f"the {kind} {shown(target)} does not exist",
                    f"the name of {'an' if kind[0] in 'aeiou' else 'a'} {kind}",
                    did_you_mean(target, names.get(kind, ()))
                    or f"add it: {kind} {shown(target)}".replace("'", '"'),
                )
            else:
                problem = Problem(
                    "E-REF-002",
                    f"the {kind} {shown(target)} does not exist in {_listed(where)}",
                    f"a {kind} of that environment",
                    f"widen its 'only', or give this {resource.kind.name} another {kind} there",
                )
            report.add(mark, problem)
    _check_cycles(resources, report)


def _all_there(resource: Resource, resources: Mapping[Key, Resource]) -> bool:
    """Whether a resource is as most are: in all environments, with nothing special in any, and so is all it names."""
    if resource.only is not None or resource.overrides or resource.written is not None:
        return False
    for key in plain_references(resource):
        found = resources.get(key)
        if found is None or found.only is not None:
            return False
    return True


def plain_references(resource: Resource) -> tuple[Key, ...]:
    """(kind, name) of every reference that a resource makes where nothing is special. They are looked for once."""
    if not resource.named:
        data = resource.effective("")
        found: tuple[Key, ...] = ()
        if not _naming(resource.kind.name).isdisjoint(data):
            found = tuple([(kind, target) for _, kind, target in references_in(resource, data)])
        resource.named.append(found)
    return resource.named[0]


@cache
def _naming(kind: str) -> frozenset[str]:
    """The fields of a kind in which something is named."""
    return frozenset(path[0] for _, path, _ in _paths(kind))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _scopes(resource: Resource, environments: list[str]) -> list[str]:
    if not resource.kind.overridable or resource.kind.name == TEMPLATE:
        # What a template names has to exist at all; where it has to, the services show that are made from it.
        return ["", *resource.overrides]
    return [name for name in environments if resource.is_in(name)]


@cache
def _paths(kind: str) -> tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...]:
    """(path of the field, path of the value, kind referred to) of every reference that the schema of a kind has."""
    return tuple(_paths_of(KINDS[kind].field, ()))


def _paths_of(field: Field, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], str]]:
    for child in field.children:
        here = (*path, child.name)
        plain = child.is_scalar or child.is_list
        for slot in (*child.arguments, *child.properties, *((child.rest,) if child.rest else ())):
            type = slot.type.inner if isinstance(slot.type, Templated) else slot.type
            if isinstance(type, Reference):
                yield here, here if plain else (*here, slot.name), type.kind
        yield from _paths_of(child, here)


@cache
def secret_fields(kind: str) -> frozenset[str]:
    """Names of the fields of a kind that take the name of a secret."""
    return frozenset(field[-1] for field, _, target in _paths(kind) if target == "secret")


def references_in(resource: Resource, data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(path of the field, kind referred to, name) of every reference that a resource makes. `data` is what holds of it
    in an environment."""
    for field, path, kind in _paths(resource.kind.name):
        if path[0] not in data:
            continue
        for target in _values(data, path):
            if not names_in(target):
                yield field, kind, target


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Every value at a path of names, in all items of the lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        if value is not None:
            yield value
    elif value is not None:
        yield from _values(value.get(path[0]), path[1:])


def _check_scope(resource: Resource, environments: list[str], report: Report) -> None:
    for name in resource.only or ():
        if name not in environments:
            report.add(resource.mark(("only",), value=name), _no_environment(name, environments))
    for name in resource.overrides:
        if name not in environments:
            report.add(resource.mark(("for",), value=name), _no_environment(name, environments))
        elif not resource.is_in(name):
            problem = Problem(
                "E-REF-003",
                f"this 'for' has no effect: 'only' leaves {shown(name)} out",
                "an environment that 'only' names",
                "remove the block, or widen 'only'",
            )
            report.add(resource.mark(("for",), value=name), problem)


def _check_template(
    resource: Resource, environments: list[str], resources: Mapping[Key, Resource], report: Report
) -> None:
    """Note that a service is made from a template in environments in which the template does not exist."""
    if resource.written is None:
        return
    missing: dict[str, list[str]] = {}
    marks: dict[str, Mark | None] = {}
    for environment in _scopes(resource, environments):
        call = resource.written.call(environment)
        template = resources.get((TEMPLATE, call.template)) if call is not None else None
        if call is not None and template is not None and not template.is_in(environment):
            marks.setdefault(template.name, call.mark)
            missing.setdefault(template.name, []).append(environment)
    for name, where in missing.items():
        problem = Problem(
            "E-REF-002",
            f"the template {shown(name)} does not exist in {_listed(where)}",
            "a template of that environment",
            "widen its 'only', or give this service another template there",
        )
        report.add(marks[name], problem)


def _no_environment(name: str, environments: list[str]) -> Problem:
    return Problem(
        "E-REF-001",
        f"the environment {shown(name)} does not exist",
        "the name of an environment",
        did_you_mean(name, environments) or "add the environment",
    )


def _check_cycles(resources: Mapping[Key, Resource], report: Report) -> None:
    environments = [resource for (kind, _), resource in resources.items() if kind == "environment"]
    ordered = set(promotion_order(environments))
    stuck = {e.name: e for e in environments if e.name not in ordered}
    for name, environment in stuck.items():
        if not _reaches(name, name, stuck):
            continue
        first = next(
            a for a in environment.data["after"] if a in stuck and (a == name or _reaches(a, name, stuck))
        )
        problem = Problem(
            "E-REF-004",
            f"{shown(name)} comes after {shown(first)}, which comes after {shown(name)}"
            if first != name
            else f"{shown(name)} comes after itself",
            "an order without circles",
            "remove one 'after' of the circle",
        )
        report.add(environment.mark(("after",), value=first), problem)


def _reaches(start: str, goal: str, environments: Mapping[str, Resource]) -> bool:
    """Whether one or more steps along `after` lead from `start` to `goal`."""
    seen: set[str] = set()
    stack = [start]
    while stack:
        for name in environments[stack.pop()].data.get("after", ()):
            if name == goal:
                return True
            if name in environments and name not in seen:
                seen.add(name)
                stack.append(name)
    return False
