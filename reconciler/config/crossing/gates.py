"""Gates that are about an objective which is not in the environment that they guard."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.characters import shown
from reconciler.config.crossing.tree import Objection, Tree
from reconciler.config.report import Problem


def check(tree: Tree) -> Iterator[Objection]:
    """That an objective exists at all is a plain reference's matter."""
    for resource, data, _ in tree.of("environment"):
        for gate in data.get("policy", {}).get("gates", {}).get("slo", ()):
            slo = tree.resources.get(("slo", gate["name"]))
            if slo is None or slo.is_in(resource.name):
                continue
            problem = Problem(
                "E-REF-002",
                f"the slo {shown(gate['name'])} does not exist in {resource.name}",
                "an objective of this environment",
                "widen its 'only', or remove the gate",
            )
            yield Objection(resource, ("policy", "gates", "slo"), problem, gate["name"])
