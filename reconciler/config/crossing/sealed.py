"""Sealed values: for the key of their environment, once each, and there wherever a secret is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.credentials import may_name_secrets, secret_used
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.leaves import leaves, variants
from reconciler.config.references import references_in, secret_fields
from reconciler.config.report import Problem
from reconciler.config.resources import Resource
from reconciler.config.sealing import public_key_id

Named = tuple[tuple[str, ...], Any, str]
"""The field in which a secret is named, the value that names it, and its name."""


def check(tree: Tree) -> Iterator[Objection]:
    """What keeps a value from being opened, and names of secrets where they have no value."""
    secrets = {name: resource for (kind, name), resource in tree.resources.items() if kind == "secret"}
    yield from _values(secrets, tree)
    if not secrets:
        return  # Names of secrets that do not exist have been told.
    naming = tree.files_where(may_name_secrets)
    for resource in tree.resources.values():
        if resource.kind.name != "secret" and not (resource.origin and resource.origin.broken):
            yield from _without_value(resource, secrets, tree, naming)


def _values(secrets: Mapping[str, Resource], tree: Tree) -> Iterator[Objection]:
    keys = {
        name: public_key_id(key) if (key := resource.data.get("sealing-key")) else None
        for (kind, name), resource in tree.resources.items()
        if kind == "environment" and not (resource.origin and resource.origin.broken)
    }
    seen: dict[str, str] = {}
    for name, resource in secrets.items():
        for item in resource.data.get("sealed", ()):
            if "environment" not in item or "value" not in item:
                continue  # What is wrong there has been told.
            environment, value = item["environment"], item["value"]
            _, key, _, content = value.split(".")
            if environment in keys and keys[environment] != key:
                yield Objection(resource, ("sealed",), _wrong_key(environment, key, keys[environment]), value)
            here = f"{name} in {environment}"
            other = seen.setdefault(content, here)
            if other != here:
                problem = Problem(
                    "E-SEA-004",
                    f"the sealed value is that of {other}, and opens nowhere else",
                    "a value that was sealed for this place",
                    f"run: sentinelctl secret set {name} --environment {environment}",
                )
                yield Objection(resource, ("sealed",), problem, environment)


def _wrong_key(environment: str, key: str, wanted: str | None) -> Problem:
    if wanted is None:
        return Problem(
            "E-SEA-003",
            f"the environment {shown(environment)} has no sealing-key",
            "an environment with a sealing-key",
            "run: sentinelctl secret keygen, and write the line that it prints into the environment",
        )
    return Problem(
        "E-SEA-002",
        f"the value is sealed for the key {key}, not for that of {environment}",
        f"a value for the key {wanted}",
        f"after a change of the key: sentinelctl secret rewrap --environment {environment} --old-key URI",
    )


def _without_value(
    resource: Resource, secrets: Mapping[str, Resource], tree: Tree, naming: frozenset[str]
) -> Iterator[Objection]:
    """`naming` are the files in whose text a secret may be named, beside fields that take its plain name."""
    missing: dict[tuple[tuple[str, ...], Any, str], list[str]] = {}
    for data, names in variants(resource, tree.environments):
        for named in _named(resource, data, naming):
            secret = secrets.get(named[2])
            if secret is None or (secret.origin and secret.origin.broken):
                continue
            where = names if resource.kind.overridable else _told_of(resource, tree)
            have = {item["environment"] for item in secret.data.get("sealed", ())}
            missing.setdefault(named, []).extend(name for name in where if name not in have)
    for (path, value, name), environments in missing.items():
        if environments:
            problem = Problem(
                "E-SEA-001",
                f"the secret {shown(name)} has no value for {', '.join(environments)}",
                "a value sealed for each environment in which it is named",
                f"run: sentinelctl secret set {name} --environment {environments[0]}",
            )
            yield Objection(resource, path, problem, value, environments[0])


def _named(resource: Resource, data: Mapping[str, Any], naming: frozenset[str]) -> Iterator[Named]:
    if secret_fields(resource.kind.name):
        for path, kind, target in references_in(resource, data):
            if kind == "secret":
                yield path, target, target
    if resource.origin is None or resource.origin.file.path not in naming:
        return
    for leaf in leaves(resource.kind.field, data):
        name = secret_used(leaf.value)
        if name is not None:
            yield leaf.field, leaf.value, name


def _told_of(channel: Resource, tree: Tree) -> tuple[str, ...]:
    """The environments of which a channel is told: those of every rule that names it.

    The control plane sends the messages. What it needs for one is the value of the environment that it is about.
    """
    found: set[str] = set()
    for _, data, _ in tree.of("notification-rule"):
        if channel.name in data.get("channels", ()):
            found.update(data.get("environments", tree.environments))
    return tuple(name for name in tree.environments if name in found)
