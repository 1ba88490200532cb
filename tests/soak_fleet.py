"""`python -m tests.soak_fleet`: real agents by the thousand over real HTTP, through a rolling rollout and an outage.

It prints one JSON line for each thing it measured, and one every 15 seconds while it waits. No request may fail, no
node may be lost, and the node API may not grow. `seconds_99` of a step is from its publication until 99 % of its nodes
reported; `milliseconds` are those of all answers but to polls that may be parked.

  --nodes 10000 --interval 30                  a rollout, an outage and everybody's return, about ten minutes
  --nodes 10000 --interval 30 --wait 30        the same with long polls, each of which holds a connection and a thread
  --nodes 50000 --interval 120 --steady 600    reports alone, after all have registered

Each of two crews has fifty nodes a second register, where the machine is quick enough. Agents and node API share it: 2
cores and 8 GB are enough for each of these, and 5 GB of disk in TMPDIR. The limit of open files is raised as far as the
system allows, and said; each node with long polls takes one here and one in the node API. `--minutes` ends it early and
says what was left out. When something does not hold the last line says what, with the requests that failed, by
status and by cause, the nodes that ended and the node API's last words.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Node
from reconciler.db.session import reading
from reconciler.fleet.cohorts import NEXT
from reconciler.fleet.ranks import rank
from reconciler.simulator.filelimit import raise_file_limit
from tests.integration.fleet_stage import Stage
from tests.performance import processes
from tests.servers.process import free_port
from tests.soak_crew import Crew, Died
from tests.unit.node.publishing import build

MOST = 10_000
INTERVAL = 30.0
CREWS = 2
"""One makes some 300 requests a second, and 10,000 nodes at an interval of 30 s need more."""

PROGRESS_SECONDS = 15.0
SPARE_FILES = 500
WORDS = 1_500
REACHES = {10: "1999999999999999", 50: "7fffffffffffffff", 100: "ffffffffffffffff"}
"""Percent of the nodes, and the rank up to which they are reached."""

GROWTH = 1.5
"""So many times of what it had when all nodes were there a process of the node API may have at the end, and 20 MiB."""

OLD, NEW = build("127.0.0.1:3000"), build("127.0.0.1:4000")


class OutOfTime(Exception):
    """There is no time for the rest, whose first part the words name."""


@dataclass(slots=True)
class Run:
    """One fleet and its node API. `ends`: the monotonic moment after which nothing is waited for any more."""

    stage: Stage
    crew: Crew
    nodes: int
    interval: float
    ends: float

    def register(self) -> list[int]:
        """Let all nodes come; the MiB of the node API's processes then."""
        began = time.monotonic()
        self.until(lambda: running(OLD.digest) == self.nodes, "all nodes registered")
        self.crew.settle()
        sizes = memory(self.stage)
        told("registered", seconds=since(began), mebibytes=sizes)
        return sizes

    def rest(self, seconds: float) -> None:
        """Nothing happens, and everybody is heard of: a node is late by a tenth of an interval at most, and by the
        batch that its report is written with. No queue grows: never more than a tenth of the nodes wait for the
        database."""
        self.until(lambda: self.late() == 0, "everybody reports in time after the registrations")
        before, began = self.crew.told().requests, time.monotonic()
        waiting, late = [0], [0]

        def is_over() -> bool:
            waiting.append(pending(self.stage))
            late.append(self.late())
            return time.monotonic() >= began + seconds

        self.until(is_over, f"{seconds:.0f} s passed", patience=seconds + 60, pause=5.0)
        seen = self.crew.told()
        told(
            "steady", seconds=since(began), requests=seen.requests - before, errors=seen.meter.errors,
            most_waiting=max(waiting), most_late=max(late), mebibytes=memory(self.stage),
            milliseconds=seen.meter.milliseconds(),
        )  # fmt: skip
        assert max(late) == 0, f"{max(late)} nodes were not heard within one and a half intervals"
        assert max(waiting) <= self.nodes / 10, f"{max(waiting)} reports waited for the database"

    def late(self) -> int:
        """How many nodes were not heard within one and a half intervals."""
        return self.nodes - heard_since(clock.now() - timedelta(seconds=1.5 * self.interval))

    def play(self) -> None:
        """A rolling rollout, an outage, everybody's return."""
        self.stage.release.pointer(NEW, sequence=2, cohort=NEXT)
        with reading():
            everybody = [row[0] for row in Node.select(Node.id).tuples()]
        for percent, reach in REACHES.items():
            self.step(percent, reach, sum(rank("r-1", node) <= reach for node in everybody))
        seen = self.crew.told()
        assert seen.meter.errors == 0, "requests failed"
        told("rollout", requests=seen.requests, errors=0, milliseconds=seen.meter.milliseconds())
        self.crew.cut(True)
        outage = time.monotonic() + 2 * self.interval
        self.until(lambda: time.monotonic() >= outage, "the outage is over")
        moment, returned = clock.now(), time.monotonic()
        self.crew.cut(False)
        self.crew.wake()
        waiting = [0]

        def all_are_back() -> bool:
            waiting.append(pending(self.stage))
            return heard_since(moment) == self.nodes

        self.until(all_are_back, "everybody was heard again")
        told(
            "return", seconds_all=since(returned), most_waiting=max(waiting), mebibytes=memory(self.stage),
            milliseconds=self.crew.told().meter.milliseconds(),
        )  # fmt: skip
        written = 3 * self.interval
        self.until(lambda: pending(self.stage) <= self.nodes / 10, "reports were written", patience=written)

    def step(self, percent: int, reach: str, meant: int) -> None:
        """Reach so many, and see that exactly those move."""
        published = time.monotonic()
        self.stage.release.rollout("r-1", reach)
        self.until(lambda: running(NEW.digest) >= 0.99 * meant, f"99 % of the {meant} nodes moved")
        most = since(published)
        self.until(lambda: running(NEW.digest) >= meant, f"all of the {meant} nodes moved")
        told("step", percent=percent, nodes=meant, seconds_99=most, seconds_all=since(published))
        with reading():
            moved = [row[0] for row in Node.select(Node.id).where(Node.running == NEW.digest).tuples()]
        beyond = [node for node in moved if rank("r-1", node) > reach]
        assert not beyond, f"{len(beyond)} nodes moved that were not reached, such as {beyond[0]}"

    def see_that_all_is_well(self, sizes: list[int]) -> None:
        """No node ended, no request failed, and the node API did not grow."""
        seen = self.crew.told()
        assert not seen.ended, f"{len(seen.ended)} nodes ended"
        assert seen.meter.errors == 0, "requests failed"
        for grown, was in zip(memory(self.stage), sizes, strict=True):
            assert grown <= GROWTH * was + 20, f"a process of the node API grew from {was} to {grown} MiB"

    def until(
        self,
        condition: Callable[[], bool],
        words: str,
        patience: float | None = None,
        pause: float = 1.0,
    ) -> None:
        """Wait for it, and say now and then how things stand. AssertionError when it takes longer than `patience`,
        `OutOfTime` when there is no time at all any more."""
        began = said = time.monotonic()
        patience = 20 * self.interval + self.nodes / 10 if patience is None else patience
        while not condition():
            now = time.monotonic()
            if now >= self.ends:
                raise OutOfTime(words)
            assert now < began + patience, f"within {patience:.0f} s it did not come to be that {words}"
            if now >= said + PROGRESS_SECONDS:
                said, seen = now, self.crew.told()
                told(
                    "waits", until=words, seconds=since(began), requests=seen.requests,
                    errors=seen.meter.errors, old=running(OLD.digest), new=running(NEW.digest),
                    waiting=pending(self.stage), mebibytes=memory(self.stage),
                )  # fmt: skip
            time.sleep(min(pause, max(0.0, self.ends - now)))


def soak(
    nodes: int,
    interval: float,
    folder: Path,
    *,
    workers: int = 1,
    wait: int = 0,
    steady: float | None = None,
    ends: float = float("inf"),
    machines: Path | None = None,
    crews: int = CREWS,
) -> None:
    """Play it once. AssertionError, after a line with all that is known, says what did not hold. `wait`: seconds that
    polls may be parked. `steady`: instead of rollout and outage let the fleet report for so many seconds. `ends`: the
    monotonic moment at which it ends, and says what was left out. `machines`: where nodes keep their files, if not in
    `folder`, where each waits for the disk of all. `crews`: processes that nodes are simulated in."""
    before, limit = raise_file_limit()
    told(
        "begins", nodes=nodes, interval=interval, workers=workers, wait=wait, open_files=limit,
        open_files_before=before,
    )  # fmt: skip
    assert not wait or limit > nodes + SPARE_FILES, (
        f"{nodes} parked polls need as many open files here and in the node API, and the system allows {limit}"
    )
    stage = Stage(folder, free_port(), workers, NODE_POLL_SECONDS=str(interval))
    try:
        stage.release.pointer(OLD, sequence=1)
        crew = Crew(nodes, crews, machines or stage.nodes, stage.api.url, stage.release.token(), wait)
        run = Run(stage, crew, nodes, interval, ends)
        try:
            sizes = run.register()
            if steady is None:
                run.play()
            else:
                run.rest(steady)
            run.see_that_all_is_well(sizes)
        except OutOfTime as left:
            told("left-out", because="the time was up", first=str(left))
            if crew.told().meter.errors:
                told("failed", because="requests failed", **what_is_known(stage, crew))
                raise AssertionError("requests failed") from None
        except Died as died:
            told("failed", because=str(died), log=last_words(stage))
            raise AssertionError(str(died)) from None
        except (AssertionError, urllib3.exceptions.HTTPError) as failed:
            told("failed", because=str(failed), **what_is_known(stage, crew))
            raise AssertionError(str(failed)) from failed
        finally:
            # Whoever is parked is let go by that.
            stage.api.stop()
            crew.stop()
    finally:
        stage.api.stop()
        session.disconnect()


def what_is_known(stage: Stage, crew: Crew) -> dict[str, Any]:
    """Of what went wrong: failed requests by status and by cause, nodes that ended, why nodes say they are in trouble,
    and the last words of the node API."""
    seen = crew.told()
    return {
        "statuses": {str(status): count for status, count in sorted(seen.statuses.items())},
        "faults": dict(seen.faults),
        "ended": [len(seen.ended), *seen.ended[:3]],
        "in_trouble": [len(seen.troubles), *sorted(set(seen.troubles))[:3]],
        "log": last_words(stage),
    }


def last_words(stage: Stage) -> str:
    """What the node API wrote last into its log."""
    return (stage.nodes.parent / "nodes.log").read_text("utf-8", "replace")[-WORDS:]


def running(digest: str) -> int:
    """How many nodes say that they run this."""
    with reading():
        count: int = Node.select().where(Node.running == digest).count()
    return count


def heard_since(moment: datetime) -> int:
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


def since(moment: float) -> float:
    return round(time.monotonic() - moment, 1)


def told(what: str, **found: Any) -> None:
    """One JSON line."""
    print(json.dumps({"soak": what, **found}), flush=True)


def main() -> int:
    """Play it with what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak_fleet",
        description=(__doc__ or "").partition(": ")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument(
        "--interval", type=float, default=INTERVAL, help="seconds between two reports of a node"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes of the node API")
    parser.add_argument("--wait", type=int, default=0, help="seconds that polls may be parked (long poll)")
    parser.add_argument("--steady", type=float, help="seconds of reports alone, without rollout and outage")
    parser.add_argument("--minutes", type=float, help="end after so many and say what was left out")
    parser.add_argument(
        "--machines", type=Path, help="an empty folder for what nodes keep, such as one in /dev/shm"
    )
    parser.add_argument("--crews", type=int, default=CREWS, help="processes that nodes are simulated in")
    options = parser.parse_args()
    ends = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        try:
            soak(
                options.nodes, options.interval, Path(folder), workers=options.workers, wait=options.wait,
                steady=options.steady, ends=ends, machines=options.machines, crews=options.crews,
            )  # fmt: skip
        except AssertionError as failed:
            parser.exit(1, f"{failed}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
