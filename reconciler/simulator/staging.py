"""What of a scenario a fleet over real HTTP can play: its nodes with their temperaments, and what befalls them.

What people and the control plane do in a scenario belongs to whoever runs the control plane that the fleet talks to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from reconciler.config.durations import milliseconds
from reconciler.config.kdl import KdlValue
from reconciler.errors import Stalled
from reconciler.simulator.building import Group
from reconciler.simulator.fleet import Event, Fleet, SimulatedNode
from reconciler.simulator.temperament import TEMPERAMENTS
from reconciler.simulator.virtual.scenario import Happening, Scenario

What = Mapping[str, KdlValue]


def groups_of(scenario: Scenario, nodes: int | None) -> tuple[Group, ...]:
    """The groups of a scenario; with `nodes` so many nodes in all, in the same proportions. Raises `Stalled` E-SIM-003.

    Each group keeps at least one node, so that no temperament goes missing.
    """
    asked = sum(group.count for group in scenario.groups)
    found = []
    for group in scenario.groups:
        if group.temperament not in TEMPERAMENTS:
            raise _unknown("temperament", group.temperament, TEMPERAMENTS)
        count = group.count if nodes is None else max(1, round(group.count * nodes / asked))
        found.append(Group(group.environment, count, group.temperament, dict(group.labels)))
    return tuple(found)


def events_of(scenario: Scenario) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """What befalls the nodes, in order, and the kinds of happenings that are left out. Raises `Stalled` E-SIM-003."""
    events: list[Event] = []
    environments = {group.environment for group in scenario.groups}
    for happening in scenario.timeline:
        if happening.kind in KINDS:
            where = happening.what.get("environment")
            if where is not None and where not in environments:
                raise _unknown("environment", str(where), environments)
            events += KINDS[happening.kind](happening)
    left_out = sorted({happening.kind for happening in scenario.timeline} - KINDS.keys())
    return tuple(sorted(events, key=lambda event: event.at)), tuple(left_out)


def crash(happening: Happening) -> list[Event]:
    """Some machines are down for a while, and boot with what they ran."""
    return _for_a_while(happening, "down", lambda fleet, node: fleet.crash(node))


def partition(happening: Happening) -> list[Event]:
    """Some nodes go on working and reach nobody for a while."""

    def cut(fleet: Fleet, node: SimulatedNode) -> None:
        node.line.cut = True

    return _for_a_while(happening, "cut off", cut)


def heal(happening: Happening) -> list[Event]:
    """Whatever befell some nodes is over."""
    return [Event(happening.at / 1000, _words(happening, "well again"), _each(happening.what, Fleet.heal))]


KINDS: Mapping[str, Callable[[Happening], list[Event]]] = MappingProxyType(
    {"crash": crash, "partition": partition, "heal": heal}
)


def some(nodes: Sequence[SimulatedNode], what: What) -> list[SimulatedNode]:
    """`share` percent of the nodes of `environment`, or of all, from the one of `number` on."""
    where, share, first = what.get("environment"), what.get("share", 100), what.get("number", 0)
    found = [node for node in nodes if where in (None, node.environment)]
    count = -(-len(found) * min(100, share if isinstance(share, int) else 100) // 100)
    start = first % len(found) if isinstance(first, int) and found else 0
    return (found + found)[start : start + count]


def _for_a_while(happening: Happening, words: str, do: Callable[[Fleet, SimulatedNode], None]) -> list[Event]:
    begins, what = happening.at / 1000, happening.what
    ends = begins + milliseconds(str(what.get("lasts", "30s"))) / 1000
    return [
        Event(begins, _words(happening, words), _each(what, do)),
        Event(ends, _words(happening, "well again"), _each(what, Fleet.heal)),
    ]


def _each(what: What, do: Callable[[Fleet, SimulatedNode], None]) -> Callable[[Fleet], None]:
    def to_each(fleet: Fleet) -> None:
        for node in some(fleet.nodes, what):
            do(fleet, node)

    return to_each


def _words(happening: Happening, state: str) -> str:
    what = happening.what
    return f"{what.get('share', 100)} % of the nodes of {what.get('environment', 'all environments')} are {state}"


def _unknown(noun: str, name: str, known: Sequence[str] | set[str] | Mapping[str, object]) -> Stalled:
    return Stalled(
        "E-SIM-003",
        f"the scenario names the {noun} '{name}', which does not exist",
        cure=f"Use one of {', '.join(sorted(known))}",
    )
