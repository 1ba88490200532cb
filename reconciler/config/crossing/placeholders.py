"""Secrets that are named as "${secret:NAME}": they have to exist, and to stand alone in their string."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.characters import shown
from reconciler.config.credentials import may_name_secrets, secret_used
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.leaves import leaves, variants
from reconciler.config.report import Problem
from reconciler.config.suggest import did_you_mean

OPENINGS = ("${secret:", "${secret-file:")


def check(tree: Tree) -> Iterator[Objection]:
    """Names that stand for no secret, and placeholders that are a part of a longer string."""
    names = [name for kind, name in tree.resources if kind == "secret"]
    for resource in tree.resources.values():
        if resource.origin is None or not may_name_secrets(resource.origin.file.text):
            continue
        for data, environments in variants(resource, tree.environments):
            for leaf in leaves(resource.kind.field, data):
                if not isinstance(leaf.value, str) or not any(opening in leaf.value for opening in OPENINGS):
                    continue
                problem = _problem(leaf.value, names)
                if problem is not None:
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
