"""Whether a template's placeholders and its parameters belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kinds.template import BODY, BODY_FIELD
from reconciler.config.report import Problem, Report
from reconciler.config.resources import Resource
from reconciler.config.schema import Complaint, Field
from reconciler.config.suggest import did_you_mean
from reconciler.config.templates.parameters import Parameter, parameters_of
from reconciler.config.templates.placeholders import OPENING, names_in, whole
from reconciler.config.values import Json


def check_template(template: Resource, report: Report) -> None:
    """Note placeholders of parameters that there are not, or of several values where one stands; and parameters that
    no placeholder names in any environment. The template itself has to be readable."""
    declared: dict[str, str] = {}
    used: set[str] = set()
    for environment in ("", *template.overrides):
        data = template.effective(environment)
        parameters = parameters_of(data)
        declared.update(dict.fromkeys(parameters, environment))
        for path, value, several in _values(BODY_FIELD, data.get(BODY, {}), (BODY,)):
            used.update(names_in(value))
            for complaint in _complaints(path, value, several, parameters):
                mark = template.mark(complaint.path, environment=environment or None, value=complaint.value)
                report.add(mark, complaint.problem)
    for name, environment in declared.items():
        if name not in used:
            problem = Problem(
                "E-TPL-001",
                f"the parameter '{name}' is not used",
                f'"{OPENING}{name}}}" in the service',
                "use it, or remove it: what a service gives for it would do nothing",
            )
            report.add(template.mark(("parameter",), environment=environment or None, value=name), problem)


def _complaints(
    path: tuple[str, ...], value: Json, several: bool, parameters: Mapping[str, Parameter]
) -> Iterator[Complaint]:
    for name in names_in(value):
        if name not in parameters:
            hint = did_you_mean(name, parameters) if parameters else f'add: parameter "{name}"'
            problem = Problem(
                "E-TPL-002", f"there is no parameter {shown(name)}", "a parameter of this template", hint
            )
            yield Complaint(path, problem, value)
        elif parameters[name].many and not (several and whole(value)):
            problem = Problem(
                "E-TPL-004",
                f"the parameter '{name}' has several values, and one stands here",
                "a field that takes several values, with the placeholder alone in its string",
                "remove 'list' from the parameter, or name it elsewhere",
            )
            yield Complaint(path, problem, value)


def _values(
    field: Field, data: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Json, bool]]:
    """(path, value, whether the field takes several) of every value in a block."""
    for child in field.children:
        found = data.get(child.name)
        here = (*path, child.name)
        if found is None:
            continue
        if child.is_scalar:
            yield here, found, False
        elif child.is_list:
            yield from ((here, item, True) for item in found)
        else:
            for item in found if child.repeatable else [found]:
                yield from ((here, item.get(s.name), False) for s in (*child.arguments, *child.properties))
                if child.rest is not None:
                    yield from ((here, value, True) for value in item.get(child.rest.name, ()))
                yield from _values(child, item, here)
