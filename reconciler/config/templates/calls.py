"""Reads `template "name" { … }` in a service: which template, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.kinds.template import BODY
from reconciler.config.overrides import FOR
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.resources import TEMPLATE, Call, Resource
from reconciler.config.suggest import did_you_mean
from reconciler.config.templates.parameters import TYPES, Parameter, parameters_of
from reconciler.config.templates.planting import Given
from reconciler.config.values import described


@dataclass(frozen=True, slots=True)
class Template:
    """A template that services may name. One without a file is built in."""

    resource: Resource
    file: ParsedFile | None

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def description(self) -> str:
        return str(self.resource.data.get("description", ""))

    @property
    def broken(self) -> bool:
        """Whether something of it could not be read, which has been told."""
        return self.resource.origin is None or self.resource.origin.broken

    @property
    def environments(self) -> tuple[str, ...]:
        """Where it is different."""
        return tuple(self.resource.overrides)

    def parameters(self, environment: str) -> Mapping[str, Parameter]:
        """Its parameters in an environment; "" is everywhere else."""
        return parameters_of(self.resource.effective(environment))

    def nodes(self, environment: str, name: str) -> tuple[KdlNode, ...]:
        """Its nodes of that name that hold in an environment."""
        assert self.resource.origin is not None  # noqa: S101 - templates are read
        children = self.resource.origin.node.children
        override = self.resource.overrides.get(environment)
        if override is not None and name in override.removed:
            return ()
        blocks = (child for child in children if child.name == FOR and environment in child.arguments)
        there = tuple(inner for block in blocks for inner in block.children if inner.name == name)
        return there or tuple(child for child in children if child.name == name)

    def body(self, environment: str) -> tuple[KdlNode, ...]:
        """The fields of the service, with placeholders."""
        return tuple(child for node in self.nodes(environment, BODY) for child in node.children)


@dataclass(frozen=True, slots=True)
class Caller:
    """The file and name of a service, and where its mistakes are noted."""

    file: ParsedFile
    name: str
    report: Report

    def complain(self, node: KdlNode, problem: Problem, argument: int | None = None) -> None:
        """Note a mistake at a node of the service."""
        self.report.add(Mark(self.file, node, argument=argument), problem)


def named(caller: Caller, node: KdlNode, templates: Mapping[str, Template]) -> Template | None:
    """The template that a call names; None after noting that there is none."""
    for key in node.properties:
        problem = Problem(
            "E-KND-009",
            f"'{TEMPLATE}' has no property {shown(key)}",
            "no properties",
            f'write it as a line: {TEMPLATE} "…" {{ {key} … }}',
        )
        caller.report.add(Mark(caller.file, node, property_key=key), problem)
    if not node.arguments:
        problem = Problem(
            "E-KND-005", f"'{TEMPLATE}' lacks its name", "the name of a template", "write it behind the word"
        )
        caller.complain(node, problem)
        return None
    if len(node.arguments) > 1:
        problem = Problem(
            "E-KND-006",
            f"{described(node.arguments[1])} is one value too many for '{TEMPLATE}'",
            "one value",
            "remove it; a service is made from one template",
        )
        caller.complain(node, problem, 1)
    name = node.arguments[0]
    found = templates.get(name) if isinstance(name, str) else None
    if found is None:
        text = shown(name) if isinstance(name, str) else described(name)
        hint = did_you_mean(name if isinstance(name, str) else "", templates)
        problem = Problem("E-REF-001", f"the template {text} does not exist", "the name of a template", hint)
        caller.complain(node, problem, 0)
    return found


def read_call(
    caller: Caller, node: KdlNode, template: Template, environment: str
) -> tuple[dict[str, Given], Call] | None:
    """The value of each parameter that has one, and the call as it is written; None after noting what is wrong."""
    before = caller.report.count
    parameters = template.parameters(environment)
    given: dict[str, Given] = {}
    for child in node.children:
        parameter = parameters.get(child.name)
        if parameter is None:
            caller.complain(child, _unknown(child.name, template, parameters))
        elif child.name in given:
            problem = Problem(
                "E-KND-004", f"'{child.name}' stands here twice", "it once", "remove one of the two"
            )
            caller.complain(child, problem)
        else:
            given[child.name] = _given(caller, child, parameter, template)
    for parameter in parameters.values():
        if parameter.name in given:
            continue
        if parameter.required:
            problem = Problem(
                "E-TPL-006",
                f"the template '{template.name}' needs the parameter '{parameter.name}'",
                TYPES[parameter.type].expected,
                f'add to {TEMPLATE} "{template.name}": {parameter.name} …'
                + (f" ({parameter.description})" if parameter.description else ""),
            )
            caller.complain(node, problem)
        elif parameter.default:
            given[parameter.name] = _default(caller, node, parameter, template, environment)
    if caller.report.count > before:
        return None
    many = frozenset(p.name for p in parameters.values() if p.many)
    written = {child.name: tuple(given[child.name].values) for child in node.children}
    mark = Mark(caller.file, node, argument=0)
    return given, Call(template.name, written, many & written.keys(), mark)


def _unknown(name: str, template: Template, parameters: Mapping[str, Parameter]) -> Problem:
    return Problem(
        "E-TPL-005",
        f"the template '{template.name}' has no parameter {shown(name)}",
        "a parameter of the template",
        did_you_mean(name, parameters) if parameters else "remove it: the template has no parameters",
    )


def _given(caller: Caller, node: KdlNode, parameter: Parameter, template: Template) -> Given:
    """What a service gives for a parameter, as far as it can be read."""
    for key in node.properties:
        problem = Problem(
            "E-KND-009", f"'{node.name}' has no property {shown(key)}", "no properties", "remove it"
        )
        caller.report.add(Mark(caller.file, node, property_key=key), problem)
    if node.children:
        problem = Problem(
            "E-KND-007",
            f"{shown(node.children[0].name)} stands inside '{node.name}', which has no fields",
            "a line without { }",
            f"remove the block, or move it out of {TEMPLATE}",
        )
        caller.complain(node.children[0], problem)
    if not node.arguments:
        problem = Problem(
            "E-KND-005",
            f"'{node.name}' lacks its value",
            TYPES[parameter.type].expected,
            "write it behind the name",
        )
        caller.complain(node, problem)
    if len(node.arguments) > 1 and not parameter.many:
        problem = Problem(
            "E-KND-006",
            f"{described(node.arguments[1])} is one value too many for '{node.name}'",
            "one value",
            "remove it; this parameter takes one value",
        )
        caller.complain(node, problem, 1)
    values, places = [], []
    whence = f" (the parameter '{parameter.name}' of the template '{template.name}')"
    for index, value in enumerate(node.arguments):
        read = TYPES[parameter.type].read(value)
        mark = Mark(caller.file, node, argument=index)
        if isinstance(read, Problem):
            caller.report.add(mark, read)
        elif read in values:
            problem = Problem(
                "E-VAL-008",
                f"{described(value)} stands twice in '{node.name}'",
                "each once",
                "remove one of the two",
            )
            caller.report.add(mark, problem)
        else:
            values.append(read)
            places.append((mark, whence))
    in_order = sorted(range(len(values)), key=lambda index: (type(values[index]).__name__, values[index]))
    return Given(tuple(values[i] for i in in_order), tuple(places[i] for i in in_order))


def _default(
    caller: Caller, node: KdlNode, parameter: Parameter, template: Template, environment: str
) -> Given:
    values: tuple[Any, ...] = tuple(TYPES[parameter.type].read(value) for value in parameter.default)
    whence = f" (what '{parameter.name}' of the template '{template.name}' is by default)"
    place = Mark(caller.file, node, argument=0)
    if template.file is not None:
        whence = f" (in the service '{caller.name}', which is made from this template)"
        for declared in template.nodes(environment, "parameter"):
            if declared.arguments[:1] == (parameter.name,):
                default = next(child for child in declared.children if child.name == "default")
                place = Mark(template.file, default, argument=0)
    return Given(values, ((place, whence),) * len(values))
