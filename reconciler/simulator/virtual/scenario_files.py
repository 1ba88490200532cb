"""The file of a scenario: KDL in and out."""

from __future__ import annotations

from reconciler.clock import iso_milliseconds, parse_iso
from reconciler.config.durations import canonical, milliseconds
from reconciler.config.kdl import KdlNode, KdlValue, parse_kdl
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.write import write_document
from reconciler.errors import Stalled
from reconciler.simulator.virtual.scenario import STARTS, Bundle, Group, Happening, Scenario

OWN = ("scenario", "nodes", "bundle", "timeline")
"""The nodes of a scenario's own; everything else in its file is the config language."""


def read_policies(config: str, path: str = "scenario") -> tuple[EnvironmentPolicy, ...]:
    """The policies of a text of the config language. Raises `Stalled` E-SIM-001 with the first finding."""
    snapshot, findings = read_snapshot([SourceFile(f"{path}.kdl", config.encode())])
    if snapshot is None:
        first = findings[0]
        raise Stalled(
            "E-SIM-001",
            f"the environments of the scenario are not valid: {first.place or path}: {first.message}",
            cure=first.hint or "Mend them; `sentinelctl validate` says more",
        )
    return snapshot.policies


def read_scenario(text: str, path: str) -> Scenario:
    """Read a scenario's file. Raises `Stalled` E-SIM-001 for its config, E-SIM-002 for the rest, naming the place."""
    nodes, findings = parse_kdl(text, path)
    if nodes is None:
        raise _wrong(path, f"{findings[0].place or path}: {findings[0].message}")
    config = write_document(node for node in nodes if node.name not in OWN)
    heads = [node for node in nodes if node.name == "scenario"]
    if len(heads) != 1 or len(heads[0].arguments) != 1:
        raise _wrong(path, f"{path}: one 'scenario \"name\"' has to say what this is")
    head = heads[0]
    try:
        return Scenario(
            name=str(head.arguments[0]),
            seed=_whole(head.properties.get("seed", 0)),
            starts=parse_iso(str(head.properties.get("starts", iso_milliseconds(STARTS)))),
            lasts=milliseconds(str(head.properties.get("lasts", "10m"))),
            config=config,
            policies=read_policies(config, path.removesuffix(".kdl")),
            groups=tuple(_group(node) for node in nodes if node.name == "nodes"),
            bundles=tuple(_bundle(node) for node in nodes if node.name == "bundle"),
            timeline=tuple(
                _happening(node) for block in nodes if block.name == "timeline" for node in block.children
            ),
        )
    except (ValueError, KeyError, IndexError) as error:
        raise _wrong(path, f"{path}: {error}") from None


def write_scenario(scenario: Scenario) -> str:
    """The file that `read_scenario` reads back as the same scenario."""
    head = KdlNode(
        "scenario",
        (scenario.name,),
        {
            "seed": scenario.seed,
            "starts": iso_milliseconds(scenario.starts),
            "lasts": canonical(scenario.lasts),
        },
    )
    groups = [
        KdlNode(
            "nodes",
            (group.environment, group.count),
            {"temperament": group.temperament, "every": canonical(group.every), **dict(group.labels)},
        )
        for group in scenario.groups
    ]
    bundles = [
        KdlNode(
            "bundle",
            (bundle.name,),
            {"unhealthy": bundle.unhealthy, "refused": bundle.refused, "failing": bundle.failing},
        )
        for bundle in scenario.bundles
    ]
    timeline = KdlNode(
        "timeline",
        children=tuple(
            KdlNode(happening.kind, (canonical(happening.at),), dict(happening.what))
            for happening in scenario.timeline
        ),
    )
    return write_document([head]) + scenario.config + write_document([*groups, *bundles, timeline])


def _group(node: KdlNode) -> Group:
    environment, count = node.arguments
    properties = dict(node.properties)
    temperament = str(properties.pop("temperament", "steady"))
    every = milliseconds(str(properties.pop("every", "2s")))
    labels = tuple(sorted((key, str(value)) for key, value in properties.items()))
    return Group(str(environment), _whole(count), temperament, every, labels)


def _bundle(node: KdlNode) -> Bundle:
    return Bundle(
        str(node.arguments[0]),
        _whole(node.properties.get("unhealthy", 0)),
        _whole(node.properties.get("refused", 0)),
        _whole(node.properties.get("failing", 0)),
    )


def _happening(node: KdlNode) -> Happening:
    return Happening(milliseconds(str(node.arguments[0])), node.name, dict(node.properties))


def _whole(value: KdlValue) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"'{value}' is not a whole number from zero on")
    return value


def _wrong(path: str, words: str) -> Stalled:
    return Stalled(
        "E-SIM-002", f"the scenario cannot be read: {words}", cure="docs/simulation.md has an example"
    )
