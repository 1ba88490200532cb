"""What nodes counted, in minutes: written with their heartbeats, read for gates and pages, forgotten after a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from peewee import fn

from reconciler.db.enrolled import Reporting
from reconciler.db.many import PAGE, read_many, upsert_many
from reconciler.db.measures import NodeCounter, NodeSignal
from reconciler.db.session import writing
from reconciler.db.table import EPOCH
from reconciler.fleet.signals import (
    MINUTE,
    Baseline,
    Counts,
    Signals,
    Traffic,
    baseline,
    highest,
    minute_of,
    total,
    window,
)

KEPT = timedelta(hours=24)

COUNTER = ("node", "life", "services", "at")
SIGNAL = (
    "organization", "project", "environment", "node", "digest", "minute", "requests", "failed", "observed", "buckets",
    "services", "cpu_permille", "memory_permille", "open_breakers",
)  # fmt: skip

ADDED_TO = ("node", "digest", "services", "cpu_permille", "memory_permille", "open_breakers")


@dataclass(slots=True)
class Minute:
    """What a batch adds to one minute of one node and digest."""

    node: Reporting
    digest: str
    services: dict[str, Counts]
    cpu_permille: int | None = None
    memory_permille: int | None = None
    open_breakers: int | None = None

    def add(self, services: Mapping[str, Counts]) -> None:
        for name, counts in services.items():
            self.services[name] = self.services[name] + counts if name in self.services else counts

    def see(self, cpu: int | None, memory: int | None, breakers: int | None) -> None:
        self.cpu_permille = highest((self.cpu_permille, cpu))
        self.memory_permille = highest((self.memory_permille, memory))
        self.open_breakers = highest((self.open_breakers, breakers))

    def row(self, minute: datetime) -> tuple[object, ...]:
        """As the columns of `SIGNAL` have it."""
        node, added = self.node, total(self.services.values())
        return (
            node.organization, node.project, node.environment, node.id, self.digest, minute, added.requests,
            added.failed, added.observed, (added.bounds, added.within),
            {name: counts.to_json() for name, counts in self.services.items()},
            self.cpu_permille, self.memory_permille, self.open_breakers,
        )  # fmt: skip


class Counters:
    """What the reports of one batch of heartbeats add. Used inside the transaction that writes them: made, told of each
    report by `add`, and written by `write`."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self._known: dict[str, Baseline] = {}
        self._minutes: dict[tuple[str, str], Minute] = {}
        for node, life, services, at in read_many(NodeCounter, COUNTER, "node", nodes):
            self._known[node] = Baseline(
                life, _services(orjson.loads(services)), EPOCH + timedelta(milliseconds=at)
            )

    def add(self, node: Reporting, said: Signals, runs: str, *, now: datetime) -> None:
        """Take a report in. `node` is what was known before it, `runs` the digest that it says."""
        known = self._known.get(node.id)
        counted = window(known, said, node.running, runs, now=now)
        self._known[node.id] = baseline(known, said, now=now)
        minute = self._minutes.setdefault((node.id, counted.digest), Minute(node, counted.digest, {}))
        minute.add(counted.services)
        minute.see(said.cpu_permille, said.memory_permille, said.open_breakers)

    def write(self, *, now: datetime) -> None:
        """Add everything to the minute of `now`, and remember what the next reports are compared with."""
        minute, nodes = minute_of(now), sorted({node for node, _ in self._minutes})
        for node, digest, services, *seen in read_many(
            NodeSignal, ADDED_TO, "node", nodes, 'AND "minute" = ?', NodeSignal.minute.db_value(minute)
        ):
            there = self._minutes.get((node, digest))
            if there is not None:
                there.add(_services(orjson.loads(services)))
                there.see(*seen)
        upsert_many(
            NodeSignal,
            SIGNAL,
            ("node", "minute", "digest"),
            (self._minutes[key].row(minute) for key in sorted(self._minutes)),
        )
        latest = ((node, self._known[node]) for node in nodes)
        upsert_many(
            NodeCounter,
            COUNTER,
            ("node",),
            (
                (
                    node,
                    known.life,
                    {name: counts.to_json() for name, counts in known.services.items()},
                    known.at,
                )
                for node, known in latest
            ),
        )


def traffic(nodes: Sequence[str], digest: str | None, since: datetime, until: datetime) -> Traffic:
    """What these nodes counted while they ran `digest`, or whatever they ran, when it is None. Call inside `reading`.

    A minute of which only a part lies between `since` and `until` counts in whole.
    """
    return _traffic(_rows(nodes, digest, since, until), len(set(nodes)), since, until)


def requests(nodes: Sequence[str], since: datetime, until: datetime) -> int:
    """How many requests these nodes counted in that time, whatever they ran, as `traffic` counts them: added up by the
    database, for it may be a long time. Call inside `reading`."""
    added = 0
    for part in _parts(sorted(set(nodes))):
        rows = NodeSignal.select(fn.SUM(NodeSignal.requests)).where(*_within(part, since, until))
        added += int(rows.scalar() or 0)
    return added


def traffic_by_service(
    nodes: Sequence[str], digest: str | None, since: datetime, until: datetime
) -> dict[str, Traffic]:
    """The same for each service that had any request, by name. What no service can be named for is under ""."""
    found: dict[str, list[Counts]] = {}
    reporting: dict[str, set[str]] = {}
    for row in _rows(nodes, digest, since, until):
        for name, counts in _services(row.services).items():
            found.setdefault(name, []).append(counts)
            reporting.setdefault(name, set()).add(row.node)
    result = {}
    for name in sorted(found):
        added = total(found[name])
        result[name] = Traffic(
            nodes=len(set(nodes)),
            reporting=len(reporting[name]),
            since=since,
            until=until,
            requests=added.requests,
            failed=added.failed,
            observed=added.observed,
            buckets=added.buckets,
        )
    return result


def forget_signals(*, now: datetime) -> int:
    """Delete what is older than `KEPT`; return how many minutes of nodes."""
    with writing():
        NodeCounter.delete().where(NodeCounter.at < now - KEPT).execute()
        deleted: int = NodeSignal.delete().where(NodeSignal.minute < now - KEPT).execute()
    return deleted


def _traffic(rows: Iterable[NodeSignal], nodes: int, since: datetime, until: datetime) -> Traffic:
    found = list(rows)
    added = total(map(_counts, found))
    return Traffic(
        nodes=nodes,
        reporting=len({row.node for row in found}),
        since=since,
        until=until,
        requests=added.requests,
        failed=added.failed,
        observed=added.observed,
        buckets=added.buckets,
        cpu_permille=highest(row.cpu_permille for row in found),
        memory_permille=highest(row.memory_permille for row in found),
        open_breakers=highest(row.open_breakers for row in found),
    )


def _rows(nodes: Sequence[str], digest: str | None, since: datetime, until: datetime) -> Iterator[NodeSignal]:
    for part in _parts(sorted(set(nodes))):
        query = NodeSignal.select().where(*_within(part, since, until))
        if digest is not None:
            query = query.where(NodeSignal.digest == digest)
        yield from query.iterator()


def _within(nodes: Sequence[str], since: datetime, until: datetime) -> tuple[Any, ...]:
    return NodeSignal.node.in_(nodes), NodeSignal.minute > since - MINUTE, NodeSignal.minute < until


def _counts(row: NodeSignal) -> Counts:
    bounds, within = row.buckets
    return Counts(row.requests, row.failed, row.observed, tuple(bounds), tuple(within))


def _services(document: Mapping[str, list[object]]) -> dict[str, Counts]:
    return {name: Counts.from_json(counts) for name, counts in document.items()}


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]
