"""`python -m tests.soak_fleet`: real agents by the thousand over real HTTP, through a rolling rollout and an outage.

It prints one JSON line for each thing it measured. No request may fail, no node may be
lost, and the node API may not grow. `make soak` plays it with as many nodes as its minutes allow.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Node
from reconciler.db.session import reading
from reconciler.fleet.cohorts import NEXT
from reconciler.fleet.ranks import rank
from reconciler.simulator.building import Group, build_fleet
from reconciler.simulator.filelimit import raise_file_limit
from reconciler.simulator.fleet import Fleet
from tests.integration.fleet_stage import Stage
from tests.performance import processes
from tests.servers.process import free_port
from tests.unit.node.publishing import build

MOST = 10_000
NODES_A_MINUTE = 200
THREADS = 32
INTERVAL = 30.0
REACHES = {10: "1999999999999999", 50: "7fffffffffffffff", 100: "ffffffffffffffff"}
"""Percent of the nodes, and the rank up to which they are reached."""

GROWTH = 1.5
"""So many times of what it had when all nodes were there a process of the node API may have at the end, and 20 MiB."""

OLD, NEW = build("127.0.0.1:3000"), build("127.0.0.1:4000")


def soak(nodes: int, interval: float, folder: Path, workers: int = 1) -> None:
    """Play it once. AssertionError says what did not hold."""
    before, limit = raise_file_limit()
    told(
        "begins", nodes=nodes, interval=interval, workers=workers, open_files=limit, open_files_before=before
    )
    stage = Stage(folder, free_port(), workers, NODE_POLL_SECONDS=str(interval))
    stop = threading.Event()
    try:
        stage.release.pointer(OLD, sequence=1)
        token = stage.release.token()
        fleet = build_fleet(
            (Group("production", nodes),), home=stage.nodes, url=stage.api.url, project="shop",
            token_of=lambda environment: token, say=print, threads=THREADS, quiet=True,
        )  # fmt: skip
        thread = threading.Thread(target=fleet.run, args=(stop,))
        began = time.monotonic()
        thread.start()
        try:
            _play(stage, fleet, nodes, interval, began)
        finally:
            stop.set()
            thread.join(60)
    finally:
        stage.api.stop()
        session.disconnect()


def _play(stage: Stage, fleet: Fleet, nodes: int, interval: float, began: float) -> None:
    patience = 20 * interval + nodes / 10
    until(lambda: len(running(OLD.digest)) == nodes, patience, "all nodes registered")
    sizes = memory(stage)
    told("registered", seconds=since(began), mebibytes=sizes)
    stage.release.pointer(NEW, sequence=2, cohort=NEXT)
    for percent, reach in REACHES.items():
        meant = {node for node in running(OLD.digest) | running(NEW.digest) if rank("r-1", node) <= reach}
        published = time.monotonic()
        stage.release.rollout("r-1", reach)
        until(lambda meant=meant: len(running(NEW.digest)) >= 0.99 * len(meant), patience, "99 % moved")  # type: ignore[misc]
        most = since(published)
        until(
            lambda meant=meant: running(NEW.digest) == meant, patience, "exactly those that were meant moved"
        )  # type: ignore[misc]
        told("step", percent=percent, nodes=len(meant), seconds_99=most, seconds_all=since(published))
    assert fleet.meter.errors == 0, dict(fleet.meter.statuses)
    told("rollout", requests=fleet.meter.requests, milliseconds=fleet.meter.milliseconds(), errors=0)
    for node in fleet.nodes:
        node.line.cut = True
    time.sleep(2 * interval)
    moment, returned = clock.now(), time.monotonic()
    for node in fleet.nodes:
        node.line.cut = False
    fleet.wake()
    until(lambda: heard_since(moment) == nodes, patience, "everybody was heard again")
    told(
        "return",
        seconds_all=since(returned),
        mebibytes=memory(stage),
        milliseconds=fleet.meter.milliseconds(),
    )
    assert [node.failure for node in fleet.nodes if node.failure] == []
    assert fleet.meter.errors == 0, dict(fleet.meter.statuses)
    assert running(NEW.digest) == {node for node in running(NEW.digest) if node}
    for grown, was in zip(memory(stage), sizes, strict=True):
        assert grown <= GROWTH * was + 20, f"a process of the node API grew from {was} to {grown} MiB"


def running(digest: str) -> set[str]:
    """The ids of the nodes that say that they run this."""
    with reading():
        return {row[0] for row in Node.select(Node.id).where(Node.running == digest).tuples()}


def heard_since(moment: Any) -> int:
    """How many nodes reported since then."""
    with reading():
        count: int = Node.select().where(Node.reported_at > moment).count()
    return count


def memory(stage: Stage) -> list[int]:
    """MiB of each process of the node API."""
    return [round(process.mebibytes) for process in processes(stage.api.port)]


def until(condition: Callable[[], bool], seconds: float, words: str) -> None:
    """Wait for it. AssertionError when it takes longer than that."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"within {seconds:.0f} s it did not come to be that {words}"
        time.sleep(0.5)


def since(moment: float) -> float:
    return round(time.monotonic() - moment, 1)


def told(what: str, **found: Any) -> None:
    """One JSON line."""
    print(json.dumps({"soak": what, **found}), flush=True)


def main() -> int:
    """Play it with what the command line says."""
    parser = argparse.ArgumentParser(description="Real agents by the thousand, over real HTTP.")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument(
        "--interval", type=float, default=INTERVAL, help="seconds between two reports of a node"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes of the node API")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak(options.nodes, options.interval, Path(folder), options.workers)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
