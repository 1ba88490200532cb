"""The outline of each environment, for people who look at it: made beside the configuration, and no part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from reconciler.compile.topology.graph import topology
from reconciler.compile.waf.policy import levels
from reconciler.config.durations import seconds
from reconciler.config.kinds.waf_policy import CATEGORIES
from reconciler.config.resources import Resource
from reconciler.config.secret_age import DAY
from reconciler.config.snapshot import Rendering, Snapshot
from reconciler.outline.graph import Vertex
from reconciler.outline.outline import Outline, SecretValue, WafPolicy

MOST = 200
"""Rules and exclusions of one policy that are told: a page shows no more, and the file has them all."""


def outlines(snapshot: Snapshot) -> Iterator[Outline]:
    """One outline for each environment, in promotion order. The snapshot's checks have found no error."""
    made: dict[tuple[Any, ...], Outline] = {}
    for name in snapshot.environments:
        rendering = snapshot.rendering(name)
        same = rendering.ingredients()
        # Values of secrets are sealed for one environment, and native parts may name theirs.
        if same not in made or rendering.of("secret") or rendering.of("proxy"):
            made[same] = _outline(rendering)
        yield replace(made[same], graph=replace(made[same].graph, environment=name))


def _outline(rendering: Rendering) -> Outline:
    graph = topology(rendering)
    environment = rendering.policy.name
    declared = {Vertex(kind, resource.name): _file(resource) for kind, resource, _ in rendering.each()}
    return Outline(
        graph,
        {vertex: declared[vertex] for vertex in graph.vertices if vertex in declared},
        tuple(_waf(resource, data) for resource, data in rendering.of("waf-policy")),
        tuple(_secret(resource, data, environment) for resource, data in rendering.of("secret")),
    )


def _file(resource: Resource) -> str:
    return resource.origin.file.path if resource.origin is not None else ""


def _waf(resource: Resource, data: Mapping[str, Any]) -> WafPolicy:
    paranoia, threshold = levels(data)
    on = set(data.get("categories", CATEGORIES)) - set(data.get("without", ()))
    return WafPolicy(
        name=resource.name,
        description=data.get("description", ""),
        file=_file(resource),
        mode=data["mode"],
        paranoia=paranoia,
        threshold=threshold,
        failure=data["failure-mode"],
        off=tuple(category for category in CATEGORIES if category not in on),
        rules=tuple((one["id"], one["action"], one["note"]) for one in data.get("rule", ())[:MOST]),
        exclusions=tuple(
            (one["name"], tuple(one["rules"]), _scope(one), one["note"])
            for one in data.get("exclusion", ())[:MOST]
        ),
    )


def _scope(exclusion: Mapping[str, Any]) -> str:
    parts = ("host", "path", "path-prefix", "parameter")
    return ", ".join(f"{part} {exclusion[part]}" for part in parts if part in exclusion)


def _secret(resource: Resource, data: Mapping[str, Any], environment: str) -> SecretValue:
    sealed = next((one for one in data.get("sealed", ()) if one["environment"] == environment), None)
    every, rotated = data.get("rotate-every"), sealed.get("rotated") if sealed else None
    return SecretValue(
        name=resource.name,
        description=data.get("description", ""),
        file=_file(resource),
        version=None if sealed is None else sealed["version"],
        rotated=None if rotated is None else date.fromisoformat(rotated),
        days=None if every is None else seconds(every) // DAY,
    )
