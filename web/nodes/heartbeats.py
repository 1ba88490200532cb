"""Heartbeats: kept in memory for a moment, then written together by one task, in one transaction.

A report that was answered and not yet written is lost when the process is killed: the node says it again within one
interval, and nothing is decided from memory. `write_reports` is the only code that changes what a node said.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.db.enrolled import Reporting, locked
from reconciler.db.logged import LogCheckpoint
from reconciler.db.many import insert_many, update_many
from reconciler.db.models import Event, Node
from reconciler.db.owed import ask
from reconciler.db.session import writing
from reconciler.db.signals import Counters
from reconciler.fleet.doubts import Standing, judge
from web.nodes.reports import Report, merge
from web.nodes.setting_aside import write_apart

FLUSH_SECONDS = 0.2
"""Long enough to write many nodes at once, short enough that pages and rollouts seem immediate."""

REST = 4.0
LONGEST_REST = 4.0
"""After a write its thread rests for so many times as long as it took, and at most so long: under load fewer and larger
batches, in which a node that reported twice is written once, leave the processor to those who answer."""

RETRY_SECONDS = 2.0

MOST_PENDING = 20_000
"""Nodes whose reports may wait for the database in one process: a minute's worth of a very large fleet."""


EVENT = ("organization", "project", "kind", "subject", "message", "details", "at")


@dataclass(slots=True)
class Heartbeats:
    """What was reported and is not written yet: at most one report for each node, so memory stays bounded."""

    executor: Executor
    now: Callable[[], datetime]
    say: Callable[[str], None]
    pending: dict[str, Report] = field(default_factory=dict)
    written: int = 0
    failures: int = 0
    set_aside: int = 0
    last_write_seconds: float = 0.0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, node_id: str) -> bool:
        """Whether a report of this node has a place. One that waits already makes room for its newer self."""
        return len(self.pending) < MOST_PENDING or node_id in self.pending

    def accept(self, node_id: str, report: Report) -> None:
        """Keep a report until the next write."""
        self.pending[node_id] = merge(self.pending.get(node_id), report)
        self._arrived.set()

    async def run(self) -> None:
        """Write what arrives, until cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(max(FLUSH_SECONDS, min(REST * self.last_write_seconds, LONGEST_REST)))
            if not await self.flush():
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self) -> bool:
        """Write everything that is pending; False when the database did not take it, and then nothing is lost."""
        self._arrived.clear()
        batch, self.pending = self.pending, {}
        if not batch:
            return True
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            aside = await asyncio.shield(
                loop.run_in_executor(self.executor, write_apart, write_reports, batch, self.now())
            )
        except Exception as error:  # noqa: BLE001 — whatever the database says, the batch waits for its return.
            self.failures += 1
            self.say(
                f"heartbeats of {len(batch)} nodes wait for the database: {type(error).__name__}: {error}"
            )
            for node_id, report in batch.items():
                newer = self.pending.get(node_id)
                self.pending[node_id] = report if newer is None else merge(report, newer)
            self._arrived.set()
            return False
        self.written += len(batch) - len(aside)
        self.set_aside += len(aside)
        for node_id, words in aside.items():
            self.say(f"a heartbeat of node {node_id} cannot be written and is set aside: {words}")
        self.last_write_seconds = time.monotonic() - started
        return True


def write_reports(batch: Mapping[str, Report], now: datetime) -> None:
    """Write reports of several nodes in one transaction, with an event for each change that people care about.

    A report that is known changes nothing, nor does one that another machine seems to have sent. Nodes that are retired
    or unknown by now are left out. `changed_at` moves only when something but the time of the report changed. A
    checkpoint of the log that we did not sign is looked into by a worker. What was counted goes to its minute, once.
    """
    with writing():
        nodes = locked(sorted(batch))
        counters = Counters([node.id for node in nodes if batch[node.id].signals is not None])
        signed: dict[tuple[str, str], bool] = {}
        written = Written()
        for node in nodes:
            _write_one(node, batch[node.id], signed, counters, written, now)
        written.write()
        counters.write(now=now)


@dataclass(slots=True)
class Written:
    """What a batch changes, to be written by a few statements. `changes` has the rows of `Node` by what is new in them,
    each with the node's id last."""

    changes: dict[tuple[str, ...], list[tuple[Any, ...]]] = field(default_factory=dict)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def change(self, node: Reporting, values: Mapping[str, Any]) -> None:
        self.changes.setdefault(tuple(values), []).append((*values.values(), node.id))

    def tell(self, node: Reporting, kind: str, message: str, more: Mapping[str, Any], now: datetime) -> None:
        details = {"environment": node.environment, "name": node.name, **more}
        self.events.append((node.organization, node.project, kind, node.id, message, details, now))

    def write(self) -> None:
        for columns, rows in self.changes.items():
            update_many(Node, columns, "id", rows)
        insert_many(Event, EVENT, self.events)


def _write_one(
    node: Reporting,
    report: Report,
    signed: dict[tuple[str, str], bool],
    counters: Counters,
    written: Written,
    now: datetime,
) -> None:
    judged = judge(_standing(node), report.boot_id, report.counter, report.beat, now=now)
    standing = judged.standing
    if not judged.counts:
        if standing.doubts != node.doubts:
            written.change(node, {"doubts": standing.doubts, "doubted_at": standing.since})
        return
    said = dict(report.said)
    if "labels" in said:
        said["labels"] = {**said["labels"], **node.fixed_labels}
    changes = {name: value for name, value in said.items() if getattr(node, name) != value}
    if report.signals is not None:
        counters.add(node, report.signals, changes.get("running", node.running), now=now)
    reported = {"counter": report.counter, "beat": report.beat, "reported_at": now}
    if not changes and node.boot_id == report.boot_id and standing.doubts == node.doubts:
        written.change(node, reported)
        return
    for kind, message, more in _events(node, changes):
        written.tell(node, kind, message, more, now)
    if "running" in changes:
        changes["running_since"] = now if changes["running"] else None
    if "health" in changes:
        changes["health_since"] = now
    if changes or node.boot_id != report.boot_id:
        changes["changed_at"] = now
    if "labels" in changes:
        changes["recorded_at"] = None
    if judged.cloned:
        changes["cloned_at"] = now
        written.tell(
            node, "node.cloned", f"{node.name} reports from two machines, or from an older self", {}, now
        )
    changes |= {"boot_id": report.boot_id, "boots": list(standing.boots)}
    written.change(node, {**reported, **changes, "doubts": standing.doubts, "doubted_at": standing.since})
    if changes.get("log") and not _is_signed(node.organization, changes["log"], signed):
        ask(node.organization, node.project, "log", now=now)


def _standing(node: Reporting) -> Standing:
    return Standing(node.boot_id, node.counter, node.beat, tuple(node.boots), node.doubts, node.doubted_at)


def _is_signed(organization: str, checkpoint: str, known: dict[tuple[str, str], bool]) -> bool:
    """Whether we signed this very checkpoint; `known` remembers it for the nodes of one batch, which mostly agree."""
    key = (organization, checkpoint)
    if key not in known:
        known[key] = (
            LogCheckpoint.select()
            .where(LogCheckpoint.organization == organization, LogCheckpoint.checkpoint == checkpoint)
            .exists()
        )
    return known[key]


def _events(node: Reporting, changes: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    events: list[tuple[str, str, dict[str, Any]]] = []
    refusal = changes.get("refusal")
    if refusal and _gist(refusal) != _gist(node.refusal):
        message = f"{node.name} refused: {refusal['code']} {refusal['message']}"
        events.append(("node.refused", message, {"code": refusal["code"], "digest": refusal["digest"]}))
    if changes.get("running"):
        digest = changes["running"]
        events.append(("node.activated", f"{node.name} runs {digest[:19]}", {"digest": digest}))
    if changes.get("health") == "unhealthy":
        reason = changes.get("health_reason", node.health_reason)
        events.append(("node.unhealthy", f"{node.name} is unhealthy: {reason}", {"reason": reason}))
    if changes.get("sequence", node.sequence) < node.sequence:
        words = f"{node.name} went back from sequence {node.sequence} to {changes['sequence']}"
        events.append(("node.rewound", f"{words}: it was restored from a copy, or is another machine", {}))
    if "labels" in changes:
        words = ", ".join(f"{key}={value}" for key, value in sorted(changes["labels"].items()))
        events.append(("node.relabelled", f"{node.name} has the labels {words or 'none'}", {}))
    if changes.get("health") == "healthy" and node.health == "unhealthy":
        events.append(("node.recovered", f"{node.name} is healthy again", {}))
    return events


def _gist(refusal: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """What makes two refusals the same one: a node that tries again after its back-off is no news."""
    return () if not refusal else (refusal["code"], refusal["digest"], refusal["sequence"])
