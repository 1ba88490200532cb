"""Reads a resource with `for`, `remove` and `only`: what is different in some environments.

`for "production" { … }`: a field named there replaces every field of that name; `remove "retries"` inside it drops
one. `only "dev" "staging"` limits the whole resource.
"""

from __future__ import annotations

from typing import Any

from reconciler.config.characters import shown
from reconciler.config.kdl import KdlNode, ParsedFile
from reconciler.config.reading import Reader
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.resources import Origin, Override, Resource
from reconciler.config.schema import Kind, values
from reconciler.config.suggest import did_you_mean
from reconciler.config.values import Reference, described

ONLY = values(
    "only",
    Reference("environment"),
    "The environments in which the resource exists; all when absent.",
    'only "dev" "staging"',
)
FOR = "for"
REMOVE = "remove"


def read_resource(kind: Kind, node: KdlNode, file: ParsedFile, report: Report) -> Resource | None:
    """The resource, or None when it has no usable name. Mistakes are noted; what is unreadable is left out."""
    before = report.count
    reader = Reader(file, report)
    reader.superfluous(kind.field, node)
    name = reader.arguments(kind.field, node).get("name")
    base, blocks, only = _split(kind, node, reader)
    data = reader.fields(kind.field, base, parent=node, require=False)
    present = {"": frozenset(child.name for child in base)}
    overrides: dict[str, Override] = {}
    for one in blocks:
        override, names, environments = _override(kind, one, present[""], reader)
        for environment in environments:
            if environment in overrides:
                problem = Problem(
                    "E-KND-010",
                    f"there is a 'for' of {shown(environment)} already",
                    "each environment in one 'for'",
                    "merge the two blocks",
                )
                reader.complain(one, problem, argument=one.arguments.index(environment))
                continue
            overrides[environment] = override
            present[environment] = names
    if name is None:
        return None
    origin = Origin(file, node, present, broken=report.count > before)
    return Resource(kind, name, data, overrides, only, origin)


def _split(
    kind: Kind, node: KdlNode, reader: Reader
) -> tuple[list[KdlNode], list[KdlNode], tuple[str, ...] | None]:
    if not kind.overridable:
        return list(node.children), [], None
    base: list[KdlNode] = []
    blocks: list[KdlNode] = []
    only: dict[str, Any] = {}
    taken: set[Any] = set()
    for child in node.children:
        if child.name == FOR:
            blocks.append(child)
        elif child.name == ONLY.name:
            reader.superfluous(ONLY, child)
            reader.extend(ONLY, child, only, taken)
        elif child.name == REMOVE and REMOVE not in kind.field.child:
            problem = Problem(
                "E-KND-010", "'remove' stands outside a 'for'", 'for "…" { remove "…" }', "move it into one"
            )
            reader.complain(child, problem)
        else:
            base.append(child)
    return base, blocks, tuple(sorted(only[ONLY.name])) if ONLY.name in only else None


def _override(
    kind: Kind, node: KdlNode, base: frozenset[str], reader: Reader
) -> tuple[Override, frozenset[str], list[str]]:
    environments = environments_of(node, reader)
    if not node.children:
        reader.complain(
            node, Problem("E-KND-008", "'for' is empty", "fields in { }", "remove it, or fill it in")
        )
    set_here = [child for child in node.children if child.name != REMOVE]
    names = frozenset(child.name for child in set_here)
    data = reader.fields(kind.field, set_here, parent=node, require=False)
    removed: list[str] = []
    for child in node.children:
        if child.name == REMOVE:
            removed.extend(_removals(kind, child, names, base, reader, removed))
    return Override(data, tuple(sorted(removed))), names, environments


def environments_of(node: KdlNode, reader: Reader) -> list[str]:
    """The environments that a `for` names, after noting what is wrong with its line."""
    environments: list[str] = []
    for index, value in enumerate(node.arguments):
        if not isinstance(value, str):
            problem = Problem(
                "E-VAL-001",
                f"{described(value)} has the wrong type",
                "the name of an environment",
                "put it in quotes",
            )
            reader.complain(node, problem, argument=index)
        else:
            environments.append(value)
    if not node.arguments:
        problem = Problem(
            "E-KND-005", "'for' lacks its environment", "the name of an environment", "write it behind for"
        )
        reader.complain(node, problem)
    for key in node.properties:
        problem = Problem("E-KND-009", f"'for' has no property {shown(key)}", "no properties", "remove it")
        reader.report.add(Mark(reader.file, node, property_key=key), problem)
    return environments


def _removals(
    kind: Kind, node: KdlNode, names: frozenset[str], base: frozenset[str], reader: Reader, already: list[str]
) -> list[str]:
    found: list[str] = []
    if not node.arguments:
        problem = Problem(
            "E-KND-005", "'remove' lacks the name of a field", "a field's name", "write it behind remove"
        )
        reader.complain(node, problem)
    for index, value in enumerate(node.arguments):
        problem_of = removal_problem(kind, value, names, base, [*already, *found])
        if problem_of is not None:
            reader.complain(node, problem_of, argument=index)
        elif isinstance(value, str):
            found.append(value)
    for key in node.properties:
        problem = Problem("E-KND-009", f"'remove' has no property {shown(key)}", "no properties", "remove it")
        reader.report.add(Mark(reader.file, node, property_key=key), problem)
    return found


def removal_problem(
    kind: Kind, value: Any, names: frozenset[str], base: frozenset[str], already: list[str]
) -> Problem | None:
    """What is wrong with a name in a `remove`: `names` are set beside it, `base` is what it could take away."""
    if not isinstance(value, str):
        return Problem(
            "E-VAL-001", f"{described(value)} has the wrong type", "a field's name", "put it in quotes"
        )
    if value not in kind.field.child:
        return Problem(
            "E-KND-002",
            f"'{kind.name}' has no field {shown(value)}",
            f"a field of '{kind.name}'",
            did_you_mean(value, kind.field.child) or f"run: sentinelctl explain {kind.name}",
        )
    if value in already:
        return Problem("E-VAL-008", f"'{value}' is removed twice", "each once", "remove one of the two")
    if value in names:
        return Problem(
            "E-KND-010",
            f"'{value}' is removed and set",
            "one of the two",
            "setting a field replaces it already",
        )
    if value not in base:
        return Problem(
            "E-KND-010",
            f"'{value}' is not set, so it cannot be removed",
            "a field of this resource",
            "remove this line",
        )
    return None
