"""Reads the resources of files and checks each by itself. What they have to do with one another is not looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.config.characters import shown
from reconciler.config.kdl import ParsedFile
from reconciler.config.kinds import KINDS
from reconciler.config.overrides import read_resource
from reconciler.config.remembered import Memory
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.resources import TEMPLATE, Resource
from reconciler.config.suggest import did_you_mean
from reconciler.config.templates.builtin import BUILTIN
from reconciler.config.templates.calls import Template
from reconciler.config.templates.definition import check_template
from reconciler.config.templates.expanding import names_template, read_from_template
from reconciler.config.templates.planting import CHARACTERS, NODES, Allowance, TooMuch

SERVICE = "service"
Key = tuple[str, str]


def read_resources(
    parsed: Sequence[ParsedFile], resources: dict[Key, Resource], report: Report, memory: Memory
) -> bool:
    """Add the resources of files to those that are there; whether all nodes were resources with a name.

    Each is checked by itself, unless it is remembered; what it has to do with others is not looked at.
    """
    there, whole = set(resources), True
    templates = dict(BUILTIN)
    for file in parsed:
        if memory.resources(file) is None:
            whole = _read_templates(file, templates, resources, report) and whole
    allowance = Allowance()
    for file in parsed:
        known = memory.resources(file)
        if known is None:
            whole = _read_file(file, templates, allowance, resources, report) and whole
            continue
        for resource in known:
            if resources.setdefault(resource.key, resource) is resource:
                there.add(resource.key)
            else:
                _add(resource, resource.mark(), resources, report)
    for key, resource in resources.items():
        if key not in there and resource.kind.name != TEMPLATE:
            _check_alone(resource, report)
    return whole


def _read_templates(
    file: ParsedFile, templates: dict[str, Template], resources: dict[Key, Resource], report: Report
) -> bool:
    """Reads and checks the templates of one file, which services of any file may name; whether all had a name."""
    whole = True
    for node in file.nodes:
        if node.name != TEMPLATE:
            continue
        before = report.count
        resource = read_resource(KINDS[TEMPLATE], node, file, report)
        if resource is None or resource.origin is None:
            whole = False
            continue
        _check_alone(resource, report)
        if report.count == before:
            check_template(resource, report)
        if report.count > before:
            resource = replace(resource, origin=replace(resource.origin, broken=True))
        _add(resource, Mark(file, node, argument=0), resources, report)
        templates[resource.name] = Template(resource, file)
    return whole


def _read_file(
    file: ParsedFile,
    templates: Mapping[str, Template],
    allowance: Allowance,
    resources: dict[Key, Resource],
    report: Report,
) -> bool:
    """Reads the other resources of one file; whether all of its nodes were resources with a name."""
    whole = True
    for node in file.nodes:
        if node.name == TEMPLATE:
            continue
        kind = KINDS.get(node.name)
        if kind is None:
            whole = False
            if not report.full(file):
                problem = Problem(
                    "E-KND-001",
                    f"there is no kind {shown(node.name)}",
                    "a kind of resource",
                    did_you_mean(node.name, KINDS),
                )
                report.add(Mark(file, node), problem)
            continue
        try:
            if kind.name == SERVICE and names_template(node):
                resource = read_from_template(node, file, templates, report, allowance)
            else:
                resource = read_resource(kind, node, file, report)
        except TooMuch:
            problem = Problem(
                "E-TPL-007",
                "the templates of the tree make more than a tree may hold, up to this service",
                f"at most {NODES} lines and {CHARACTERS} characters",
                "make the template smaller, or split the repository into projects",
            )
            report.add(Mark(file, node), problem)
            return False
        if resource is None:
            whole = False
            continue
        _add(resource, Mark(file, node, argument=0), resources, report)
    return whole


def _add(resource: Resource, mark: Mark | None, resources: dict[Key, Resource], report: Report) -> None:
    """Keep a resource, or note at the mark that there is another of its kind and name."""
    other = resources.setdefault(resource.key, resource)
    if other is not resource:
        where = other.origin.file.path if other.origin else "another file"
        problem = Problem(
            "E-KND-011",
            f"the {resource.kind.name} '{resource.name}' exists already, in {where}",
            "a name that no other resource of the kind has",
            "rename or remove one of the two",
        )
        report.add(mark, problem)


def _check_alone(resource: Resource, report: Report) -> None:
    """Required fields and the kind's own check, once for each way the resource can be."""
    assert resource.origin is not None  # noqa: S101 - it has just been read
    for environment in ("", *resource.overrides):
        for name in resource.lacks(environment):
            if environment == "" and _always_overridden(resource, name):
                continue
            if environment != "" and name in resource.lacks(""):
                continue
            field = resource.kind.field.child[name]
            suffix = f" in {environment}" if environment else ""
            expected = field.arguments[0].type.expected if field.is_scalar else f"'{name}' in this block"
            hint = f"add: {field.example.splitlines()[0].removesuffix(' {')}"
            problem = Problem("E-KND-003", f"'{resource.kind.name}' lacks '{name}'{suffix}", expected, hint)
            report.add(Mark(resource.origin.file, resource.origin.node), problem)
        if resource.origin.broken or resource.kind.check is None:
            continue
        for complaint in resource.kind.check(resource.effective(environment)):
            mark = resource.mark(complaint.path, environment=environment or None, value=complaint.value)
            report.add(mark, complaint.problem)


def _always_overridden(resource: Resource, name: str) -> bool:
    """Whether every environment the resource is limited to sets the field itself."""
    if resource.only is None or resource.origin is None:
        return False
    present = resource.origin.present
    return all(environment in present and name in present[environment] for environment in resource.only)
