"""`python -m tests.soak_fleet`: real agents by the thousand over real HTTP, through a rolling rollout and an outage.

It prints one JSON line for each thing it measured. No request may fail, no node may be lost, and the node API may not
grow. `make soak` plays it with as many nodes as its minutes allow, with polls that follow reports and with long polls:
`seconds_99` of a step is from its publication until 99 % of its nodes reported.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import urllib3

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


def soak(
    nodes: int, interval: float, folder: Path, workers: int = 1, wait: int = 0, steady: float | None = None
) -> None:
    """Play it once. AssertionError says what did not hold. `wait`: seconds that polls may be parked. `steady`: instead
    of rollout and outage let the fleet report for so many seconds."""
    before, limit = raise_file_limit()
    told(
        "begins",
        nodes=nodes,
        interval=interval,
        workers=workers,
        wait=wait,
        open_files=limit,
        open_files_before=before,
    )
    stage = Stage(folder, free_port(), workers, NODE_POLL_SECONDS=str(interval))
    stop = threading.Event()
    try:
        stage.release.pointer(OLD, sequence=1)
        token = stage.release.token()
        fleet = build_fleet(
            (Group("production", nodes),), home=stage.nodes, url=stage.api.url, project="shop",
            token_of=lambda environment: token, say=print, threads=THREADS, quiet=True, wait=wait,
        )  # fmt: skip
        thread = threading.Thread(target=fleet.run, args=(stop,))
        began = time.monotonic()
        thread.start()
        try:
            sizes = _register(stage, nodes, interval, began)
            if steady is None:
                _play(stage, fleet, nodes, interval)
            else:
                _rest(stage, fleet, nodes, interval, steady)
            _see_that_all_is_well(stage, fleet, sizes)
        finally:
            stop.set()
            thread.join(60)
    finally:
        stage.api.stop()
        session.disconnect()


def _register(stage: Stage, nodes: int, interval: float, began: float) -> list[int]:
    patience = 20 * interval + nodes / 10
    until(lambda: len(running(OLD.digest)) == nodes, patience, "all nodes registered")
    sizes = memory(stage)
    told("registered", seconds=since(began), mebibytes=sizes)
    return sizes


def _rest(stage: Stage, fleet: Fleet, nodes: int, interval: float, seconds: float) -> None:
    """Nothing happens, and everybody is heard of: a node is late by a tenth of an interval at most, and by the batch
    that its report is written with. No queue grows: never more than a tenth of the nodes wait for the database."""
    before, ends = fleet.meter.requests, time.monotonic() + seconds
    waiting, late = [0], [0]
    while time.monotonic() < ends:
        time.sleep(min(5.0, max(0.1, ends - time.monotonic())))
        waiting.append(pending(stage))
        late.append(nodes - heard_since(clock.now() - timedelta(seconds=1.5 * interval)))
    told(
        "steady", seconds=seconds, requests=fleet.meter.requests - before, errors=fleet.meter.errors,
        most_waiting=max(waiting), most_late=max(late), mebibytes=memory(stage),
        milliseconds=fleet.meter.milliseconds(),
    )  # fmt: skip
    assert max(late) == 0, f"{max(late)} nodes were not heard within one and a half intervals"
    assert max(waiting) <= nodes / 10, f"{max(waiting)} reports waited for the database"


def _play(stage: Stage, fleet: Fleet, nodes: int, interval: float) -> None:
    patience = 20 * interval + nodes / 10
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
    waiting = [0]

    def all_are_back() -> bool:
        waiting.append(pending(stage))
        return heard_since(moment) == nodes

    until(all_are_back, patience, "everybody was heard again")
    told(
        "return",
        seconds_all=since(returned),
        most_waiting=max(waiting),
        mebibytes=memory(stage),
        milliseconds=fleet.meter.milliseconds(),
    )
    until(lambda: pending(stage) <= nodes / 10, 3 * interval, "what waits for the database was written")


def _see_that_all_is_well(stage: Stage, fleet: Fleet, sizes: list[int]) -> None:
    assert [node.failure for node in fleet.nodes if node.failure] == []
    assert fleet.meter.errors == 0, dict(fleet.meter.statuses)
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


def pending(stage: Stage) -> int:
    """How many reports wait for the database in the process that answers."""
    text = urllib3.request("GET", f"{stage.api.url}/metrics", timeout=30.0).data.decode()
    return round(float(text.split("\nsentinel_nodes_heartbeats_pending ")[1].split("\n")[0]))


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
    parser.add_argument("--wait", type=int, default=0, help="seconds that polls may be parked (long poll)")
    parser.add_argument("--steady", type=float, help="seconds of reports alone, without rollout and outage")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak(options.nodes, options.interval, Path(folder), options.workers, options.wait, options.steady)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
