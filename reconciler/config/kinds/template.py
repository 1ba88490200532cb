"""The kind `template`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.config.kdl import KdlValue
from reconciler.config.kinds import service
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, kind, scalar, values
from reconciler.config.templates.parameters import TYPES, Parameter, parameters_of
from reconciler.config.templates.placeholders import OPENING, names_in, templated
from reconciler.config.values import Choice, Flag, Json, Text, resource_name, wrong_type

BODY = "service"


class _Any:
    """One value of whatever type; the parameter's own type judges it."""

    name = "value"
    expected = "a string, a whole number, #true or #false"

    def read(self, value: KdlValue) -> Json | Problem:
        if value is None or isinstance(value, float):
            return wrong_type(value, self.expected)
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["string", "integer", "boolean"]}


_PARAMETER = Field(
    "parameter",
    "A value that a service gives to the template.",
    'parameter "host" {\n    type "host"\n    description "The name that it answers for."\n}',
    arguments=(Slot("name", resource_name(), "its name, as it stands in placeholders and in services"),),
    children=(
        scalar(
            "type",
            Choice(tuple(TYPES), instead={"string": 'write "text"', "number": 'write "integer"'}),
            "What it may be. A kind stands for the name of a resource of that kind.",
            'type "duration"',
            required=True,
        ),
        scalar("description", Text(), "What it is for.", 'description "How long an answer may take."'),
        scalar(
            "required",
            Flag(),
            "Whether a service has to give it.",
            "required #false",
            note="It has to when this and `default` are absent.",
        ),
        values("default", _Any(), "What it is when a service does not give it.", 'default "15s"'),
        scalar(
            "list",
            Flag(),
            "Whether it may have several values. Its placeholder then stands where a field takes several.",
            "list #true",
            default=False,
        ),
    ),
    repeatable=True,
)

BODY_FIELD = replace(
    templated(service.KIND.field),
    doc="The fields of a service. Every value may be a placeholder, or be a string that holds some. A line whose "
    "parameter has no value is left out, and with it the block that cannot be without the line.",
    example=f'service {{\n    hosts "{OPENING}host}}"\n    upstream "orders"\n}}',
    arguments=(),
    required=True,
    repeatable=False,
    elsewhere="service",
    instead={
        "template": "a template cannot be made from another one: write the other's lines here",
        "for": f"put for around a whole {BODY} block: it stands beside {BODY}, not in it",
        "only": f"put it beside {BODY}: it limits the template",
    },
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    return tuple(c for parameter in parameters_of(data).values() for c in _default(parameter, data))


def _default(parameter: Parameter, data: Mapping[str, Any]) -> Iterator[Complaint]:
    path = ("parameter", "default")
    item = next(item for item in data["parameter"] if item["name"] == parameter.name)
    if parameter.default and item.get("required"):
        problem = Problem(
            "E-VAL-009",
            f"the parameter '{parameter.name}' is required and has a default, which would never be taken",
            "one of the two",
            "remove one of the two",
        )
        yield Complaint(path, problem, parameter.default[0])
    if len(parameter.default) > 1 and not parameter.many:
        problem = Problem(
            "E-TPL-004",
            f"the parameter '{parameter.name}' has one value, and its default has {len(parameter.default)}",
            "one value",
            "add: list #true",
        )
        yield Complaint(path, problem, parameter.default[1])
    for value in parameter.default:
        problem_of = TYPES[parameter.type].read(value)
        if isinstance(problem_of, Problem):
            yield Complaint(path, problem_of, value)
        elif names_in(value):
            problem = Problem(
                "E-TPL-003",
                "a default names a parameter",
                "a value",
                f"write the placeholder into {BODY}: it may stand in a longer string there",
            )
            yield Complaint(path, problem, value)


KIND = kind(
    "template",
    "A service with blanks, from which several services are made. The built-in ones are listed below; one of the "
    "same name that a project writes itself takes the built-in's place.",
    (
        scalar(
            "description",
            Text(),
            "What it is for.",
            'description "An API that only our own networks reach."',
        ),
        _PARAMETER,
        BODY_FIELD,
    ),
    example='template "internal-api" {\n'
    '    parameter "host" {\n        type "host"\n    }\n'
    '    parameter "to" {\n        type "upstream"\n    }\n'
    '    parameter "patience" {\n        type "duration"\n        default "5s"\n    }\n'
    "    service {\n"
    f'        hosts "{OPENING}host}}"\n        path-prefix "/api"\n        upstream "{OPENING}to}}"\n'
    f'        timeouts {{\n            response "{OPENING}patience}}"\n        }}\n'
    "    }\n}",
    check=_check,
)
