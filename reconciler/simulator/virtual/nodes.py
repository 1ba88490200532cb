"""Nodes in virtual time: what one runs, what it says it runs, and what the control plane's database knows of it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from reconciler.fleet.versions import UNKNOWN, Versions
from reconciler.simulator.virtual.scenario import Bundle, Group
from reconciler.simulator.virtual.temperaments import DAY, TEMPERAMENTS

NEVER = -1


class Node:
    """One node. `runs` and `well` are the truth; everything from `reported_at` on is what was reported.

    `told` is the digest of the pointer that it took last, `seen` the highest sequence. While `settled` is what its
    environment has published, a report changes nothing but its moment. `weight` is what it publishes, `balanced` what
    the balancer in front took over from it, and `wanted` the weight of its pointer. What it does by itself is in
    milliseconds of virtual time, or `NEVER`; what was reported is as `Observation` has it.
    """

    __slots__ = (
        "balanced",
        "changes_at",
        "changes_to",
        "down_until",
        "environment",
        "every",
        "group",
        "health",
        "health_since",
        "id",
        "labels",
        "name",
        "refused",
        "refused_sequence",
        "registered_at",
        "reported_at",
        "reports",
        "running",
        "running_since",
        "runs",
        "seen",
        "settled",
        "temperament",
        "told",
        "unreachable_until",
        "wanted",
        "weight",
        "well",
    )

    def __init__(self, identity: str, group: Group, registered_at: datetime) -> None:
        self.id = identity
        self.name = identity
        self.environment = group.environment
        self.labels = dict(group.labels)
        self.group = group
        self.temperament = TEMPERAMENTS[group.temperament]
        self.every = group.every
        self.registered_at = registered_at
        self.down_until = 0
        self.unreachable_until = 0
        self.runs = ""
        self.well = True
        self.told = ""
        self.seen = 0
        self.weight = 0
        self.wanted = 0
        self.balanced = 0
        self.settled: object = None
        self.changes_at = NEVER
        self.changes_to = ""
        self.reports = 0
        self.reported_at: datetime | None = None
        self.running = ""
        self.running_since: datetime | None = None
        self.health = "unknown"
        self.health_since: datetime | None = None
        self.refused = ""
        self.refused_sequence = 0

    @property
    def versions(self) -> Versions:
        """They are not played."""
        return UNKNOWN

    @property
    def truthful(self) -> bool:
        """Whether it can be expected to run what it is told, for good."""
        kind = self.temperament
        return not (kind.lies or kind.flaps or kind.restores or kind.skew > DAY)

    @property
    def alive_at(self) -> datetime:
        """The newest sign of life, as `Observation` has it."""
        return self.registered_at if self.reported_at is None else max(self.reported_at, self.registered_at)

    @property
    def refused_because(self) -> str:
        """Why it refused what it refused."""
        return "E-VER-099 no" if self.refused else ""

    @property
    def health_reason(self) -> str:
        """Nothing: it does not know."""
        return ""

    def take(self, sequence: int, digest: str, weight: int, bundle: Bundle | None, now: int) -> None:
        """Take a pointer that says something new: refuse it, or change to what it names.

        One with a lower sequence than it has seen is no pointer for it: it keeps what it has. A lower weight holds at
        once, a higher one when it runs what the pointer names.
        """
        if sequence < self.seen:
            return
        kind = self.temperament
        if kind.skew > DAY or (
            bundle is not None and chosen(self.id, bundle.name, "refuses", bundle.refused)
        ):
            if digest != self.runs:
                self.refused, self.refused_sequence = digest, sequence
                self.changes_at = NEVER
            self.seen = sequence
            if kind.skew <= DAY:
                self.weight = weight if digest == self.runs else min(self.weight, weight)
            return
        self.seen, self.wanted = sequence, weight
        self.weight = min(self.weight, weight)
        if digest == self.told:
            if self.changes_at == NEVER:
                self.weight = weight
            return
        self.told = digest
        self.changes_to, self.changes_at = digest, now + kind.activation

    def work(self, bundle: Bundle | None, now: int) -> None:
        """Finish a change that is due. `bundle` is what it changes to."""
        self.changes_at = NEVER
        if self.temperament.lies:
            return
        self.runs = self.changes_to
        self.weight = self.wanted
        self.well = bundle is None or not chosen(self.id, bundle.name, "unhealthy", bundle.unhealthy)

    def is_settled(self, answer: tuple[int, str, int] | None) -> bool:
        """Whether the same answer changes nothing more, and the next report says what this one said."""
        kind = self.temperament
        if kind.flaps or kind.restores or self.changes_at != NEVER:
            return False
        if answer is None or answer == (self.seen, self.told, self.weight):
            return True
        sequence, digest, _ = answer
        # It refuses once more what it refused, under the same sequence, and its weight is as low as it was told.
        refuses = (self.refused, self.refused_sequence) == (digest, sequence)
        return refuses and self.seen == sequence and not kind.lies

    def report(self, now: datetime) -> None:
        """Say what it runs and how it is. What is said lands in the database at once."""
        kind = self.temperament
        said = self.told if kind.lies else self.runs
        self.reports += 1
        if kind.restores and self.reports % kind.restores == 0:
            self.seen, self.told, self.runs, said = 0, "", "", ""
            self.weight = 0
        if said != self.running:
            self.running, self.running_since = said, now
            if said and said == self.refused:
                self.refused, self.refused_sequence = "", 0
        well = self.well
        if kind.flaps and self.reports // kind.flaps % 2:
            well = False
        health = "unknown" if not said else "healthy" if well else "unhealthy"
        if health != self.health:
            self.health, self.health_since = health, now
        self.reported_at = now


def chosen(node: str, bundle: str, what: str, permille: int) -> bool:
    """Whether a node is one of so many of a thousand; the same answer whenever it is asked."""
    if permille in (0, 1000):
        return permille == 1000
    drawn = hashlib.sha256(f"{node}\n{bundle}\n{what}".encode()).digest()
    return int.from_bytes(drawn[:4]) % 1000 < permille
