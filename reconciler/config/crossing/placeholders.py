"""Secrets that are named as "${secret:NAME}": they have to exist, and to stand alone in their string.

And parameters that are named as "${param:NAME}": they mean something in templates alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.characters import shown
from reconciler.config.credentials import may_name_secrets, secret_used
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.leaves import leaves, variants
from reconciler.config.report import Problem
from reconciler.config.resources import TEMPLATE
from reconciler.config.suggest import did_you_mean
from reconciler.config.templates.placeholders import OPENING as PARAMETER
from reconciler.config.templates.placeholders import names_in

OPENINGS = ("${secret:", "${secret-file:")


def check(tree: Tree) -> Iterator[Objection]:
    """Names that stand for no secret, and placeholders that are a part of a longer string."""
    names = [name for kind, name in tree.resources if kind == "secret"]
    naming = tree.files_where(may_name_secrets)
    for resource in tree.resources.values():
        if resource.origin is None:
            continue
        # What comes from a template may stand in another file.
        if resource.written is None and resource.origin.file.path not in naming:
            continue
        is_template = resource.kind.name == TEMPLATE
        for data, environments in variants(resource, tree.environments):
            for leaf in leaves(resource.kind.field, data):
                if not isinstance(leaf.value, str) or not any(opening in leaf.value for opening in OPENINGS):
                    continue
                if is_template and names_in(leaf.value):
                    continue  # The services show what becomes of it.
                problem = _problem(leaf.value, names)
                if problem is not None:
                    where = environments[0] if environments else None
                    yield Objection(resource, leaf.field, problem, leaf.value, where)


def check_parameters(tree: Tree) -> Iterator[Objection]:
    """Placeholders of parameters where there are no parameters."""
    naming = tree.files_where(lambda text: PARAMETER in text)
    for resource in tree.resources.values():
        if resource.origin is None or resource.kind.name == TEMPLATE:
            continue
        if resource.origin.file.path not in naming:
            continue
        for data, environments in variants(resource, tree.environments):
            for leaf in leaves(resource.kind.field, data):
                if names_in(leaf.value):
                    problem = Problem(
                        "E-TPL-003",
                        f"{shown(leaf.value)} names a parameter, and there are none outside templates",
                        "a value",
                        "write the value, or put the line into a template",
                    )
                    where = environments[0] if environments else None
                    yield Objection(resource, leaf.field, problem, leaf.value, where)


def _problem(value: str, names: list[str]) -> Problem | None:
    name = secret_used(value)
    if name is None:
        return Problem(
            "E-VAL-021",
            "a secret is named inside a longer string",
            'a string that is "${secret:NAME}" and nothing else',
            "put the whole value into the secret",
        )
    if name in names:
        return None
    return Problem(
        "E-REF-001",
        f"the secret {shown(name)} does not exist",
        "the name of a secret",
        did_you_mean(name, names) or f'add it: secret "{name}"',
    )
