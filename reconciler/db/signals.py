"""What nodes counted, in minutes: written with their heartbeats, read for gates and pages, forgotten after a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from reconciler.db.measures import NodeCounter, NodeSignal
from reconciler.db.models import Node
from reconciler.db.session import writing
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
ROWS_AT_ONCE = 400
"""SQLite takes at most 999 variables in one statement on old builds."""


class Counters:
    """The baselines of the nodes of one batch of heartbeats. Call inside the transaction that writes them."""

    def __init__(self, nodes: Sequence[str]) -> None:
        rows = (
            row for part in _parts(nodes) for row in NodeCounter.select().where(NodeCounter.node.in_(part))
        )
        self._known = {row.node: Baseline(row.life, _services(row.services), row.at) for row in rows}

    def add(self, node: Node, said: Signals, runs: str, *, now: datetime) -> None:
        """What a report adds to its minute. `node` is what was known before it, `runs` the digest that it says."""
        counted = window(self._known.get(node.id), said, node.running, runs, now=now)
        latest = baseline(self._known.get(node.id), said, now=now)
        known = {
            NodeCounter.life: latest.life,
            NodeCounter.services: {name: counts.to_json() for name, counts in latest.services.items()},
            NodeCounter.at: now,
        }
        NodeCounter.insert({NodeCounter.node: node.id, **known}).on_conflict(
            conflict_target=[NodeCounter.node], update=known
        ).execute()
        self._known[node.id] = latest
        _add_to_minute(node, counted.digest, minute_of(now), counted.services, said)


def _add_to_minute(
    node: Node, digest: str, minute: datetime, services: Mapping[str, Counts], said: Signals
) -> None:
    row = NodeSignal.get_or_none(
        NodeSignal.node == node.id, NodeSignal.minute == minute, NodeSignal.digest == digest
    )
    if row is None:
        row = NodeSignal(
            organization=node.organization, project=node.project, environment=node.environment, node=node.id,
            digest=digest, minute=minute,
        )  # fmt: skip
    merged = _services(row.services)
    for name, counts in services.items():
        merged[name] = merged[name] + counts if name in merged else counts
    added = total((_counts(row), *services.values()))
    row.requests, row.failed, row.observed = added.requests, added.failed, added.observed
    row.buckets = [list(bucket) for bucket in added.buckets]
    row.services = {name: counts.to_json() for name, counts in merged.items()}
    row.cpu_permille = highest((row.cpu_permille, said.cpu_permille))
    row.memory_permille = highest((row.memory_permille, said.memory_permille))
    row.open_breakers = highest((row.open_breakers, said.open_breakers))
    row.save()


def traffic(nodes: Sequence[str], digest: str | None, since: datetime, until: datetime) -> Traffic:
    """What these nodes counted while they ran `digest`, or whatever they ran, when it is None. Call inside `reading`.

    A minute of which only a part lies between `since` and `until` counts in whole.
    """
    return _traffic(_rows(nodes, digest, since, until), len(set(nodes)), since, until)


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
        query = NodeSignal.select().where(
            NodeSignal.node.in_(part), NodeSignal.minute > since - MINUTE, NodeSignal.minute < until
        )
        if digest is not None:
            query = query.where(NodeSignal.digest == digest)
        yield from query.iterator()


def _counts(row: NodeSignal) -> Counts:
    return Counts(
        row.requests, row.failed, row.observed, tuple((bound, count) for bound, count in row.buckets)
    )


def _services(document: Mapping[str, list[object]]) -> dict[str, Counts]:
    return {name: Counts.from_json(counts) for name, counts in document.items()}


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), ROWS_AT_ONCE):
        yield ids[start : start + ROWS_AT_ONCE]
