"""A scenario: environments, nodes, bundles with faults, and a timeline of what happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from reconciler.config.kdl import KdlValue
from reconciler.config.policy import EnvironmentPolicy

STARTS = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

NO_ARGUMENTS: Mapping[str, KdlValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Group:
    """`count` nodes of one environment that report every `every` milliseconds."""

    environment: str
    count: int
    temperament: str = "steady"
    every: int = 2000
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle does to nodes: how many of a thousand are unhealthy with it, or refuse it; and how many of a
    thousand requests fail on those that run it."""

    name: str
    unhealthy: int = 0
    refused: int = 0
    failing: int = 0


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens `at` milliseconds after the beginning: a kind of `happenings.KINDS` and its words."""

    at: int
    kind: str
    what: Mapping[str, KdlValue] = field(default_factory=lambda: NO_ARGUMENTS)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`lasts` milliseconds of trouble; after that nothing new happens, and everything has to come to rest.

    `policies` are in promotion order. `config` is the text that they were read from.
    """

    name: str
    seed: int
    starts: datetime
    lasts: int
    config: str
    policies: tuple[EnvironmentPolicy, ...]
    groups: tuple[Group, ...]
    bundles: tuple[Bundle, ...]
    timeline: tuple[Happening, ...]

    def moment(self, milliseconds: int) -> datetime:
        """A moment of virtual time as people know it, in UTC."""
        return self.starts + timedelta(milliseconds=milliseconds)
