"""Nodes that run something else than git wants of them, for longer than they may: one group for a pair of digests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.fleet.observations import Observation
from reconciler.fleet.staleness import is_fresh

EXAMPLES = 5
MOST_GROUPS = 20
"""Of one environment. What is beyond them is one group of its own: a thousand nodes that run a thousand different
things are one trouble, not a thousand."""

SEVERAL = "several"
"""Stands for the digests that the nodes of the last group run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What git wants of a node, and since when; `digest` "" is nothing, which nobody can drift from."""

    digest: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """`nodes` nodes that run one digest ("" for none) while another is wanted. `examples` names a few, with reasons."""

    desired: str
    running: str
    nodes: int
    examples: tuple[str, ...]


def drifts(node: Observation, wanted: Wanted, *, now: datetime, grace_seconds: int) -> bool:
    """Whether a node runs another digest than is wanted although that stands for longer than the grace."""
    if not wanted.digest or node.running == wanted.digest:
        return False
    since = max(wanted.since, node.registered_at)
    return now - since > timedelta(seconds=grace_seconds)


def groups(
    nodes: Iterable[tuple[Observation, Wanted]],
    *,
    now: datetime,
    grace_seconds: int,
    stale_after_seconds: int,
) -> tuple[Group, ...]:
    """The nodes that drift, grouped, the largest group first.

    Only nodes that are heard of: of the others nobody knows what they run.
    """
    found: dict[tuple[str, str], list[Observation]] = {}
    for node, wanted in nodes:
        fresh = is_fresh(node.reported_at, now=now, stale_after_seconds=stale_after_seconds)
        if fresh and drifts(node, wanted, now=now, grace_seconds=grace_seconds):
            found.setdefault((wanted.digest, node.running), []).append(node)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    kept = [_group(desired, running, members) for (desired, running), members in ordered[:MOST_GROUPS]]
    return (*kept, *_rest(dict(ordered[MOST_GROUPS:])))


def _rest(found: Mapping[tuple[str, str], list[Observation]]) -> Iterable[Group]:
    by_desired: dict[str, list[Observation]] = {}
    for (desired, _), members in found.items():
        by_desired.setdefault(desired, []).extend(members)
    return (_group(desired, SEVERAL, members) for desired, members in sorted(by_desired.items()))


def _group(desired: str, running: str, members: list[Observation]) -> Group:
    named = sorted(members, key=lambda node: (node.name, node.id))[:EXAMPLES]
    return Group(desired, running, len(members), tuple(_example(node, desired) for node in named))


def _example(node: Observation, desired: str) -> str:
    if node.refused == desired:
        return f"{node.name}: refused it, {node.refused_because or 'without a reason'}"
    return node.name
