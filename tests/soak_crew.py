"""A simulated fleet in several processes: in one, some 300 requests a second are all that the interpreter can make."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import threading
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from reconciler.simulator.building import Group, build_fleet
from reconciler.simulator.counting import Meter
from reconciler.simulator.filelimit import raise_file_limit
from reconciler.simulator.fleet import Fleet

THREADS = 4
"""With more of them they wait for each other and for the interpreter: 16 make two thirds of what 4 make."""

STACK_BYTES = 512 * 1024
"""Of a thread: thousands wait for the answers to parked polls."""

ENDS_WITHIN = 90.0


class Died(Exception):
    """A part of the fleet ended by itself; nothing is known of its nodes any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a part of the fleet has seen so far."""

    requests: int
    statuses: Counter[int]
    faults: Counter[str]
    took: Counter[int]
    ended: list[str]
    troubles: list[str]

    @property
    def meter(self) -> Meter:
        """The same as a meter, which knows errors and percentiles."""
        return Meter(time.monotonic, self.requests, self.statuses, self.faults, _took=self.took)


@dataclass(frozen=True, slots=True)
class Part:
    """What a process is to run. `wait`: seconds that polls may be parked."""

    prefix: str
    nodes: int
    home: Path
    url: str
    token: str
    wait: int


class Crew:
    """The parts of one fleet. They run from the beginning until `stop`."""

    def __init__(self, nodes: int, count: int, home: Path, url: str, token: str, wait: int) -> None:
        # A fork would take threads and open databases along.
        context = multiprocessing.get_context("spawn")
        self._parts: list[tuple[Any, Connection]] = []
        for number in range(count):
            share = nodes // count + (number < nodes % count)
            ours, theirs = context.Pipe()
            part = Part(f"sim-{number + 1}", share, home, url, token, wait)
            process = context.Process(target=run, args=(part, theirs), daemon=True)
            process.start()
            theirs.close()
            self._parts.append((process, ours))

    def cut(self, cut: bool) -> None:
        """Let nothing of any node through, or everything again."""
        self._order("cut", cut)

    def wake(self) -> None:
        """Let every node begin its next round now."""
        self._order("wake", None)

    def settle(self) -> None:
        """Say that all nodes are there."""
        self._order("settle", None)

    def told(self) -> Told:
        """What all parts have seen together."""
        parts: list[Told] = self._order("tell", None)
        return Told(
            sum(part.requests for part in parts),
            sum((part.statuses for part in parts), Counter()),
            sum((part.faults for part in parts), Counter()),
            sum((part.took for part in parts), Counter()),
            [words for part in parts for words in part.ended],
            [words for part in parts for words in part.troubles],
        )

    def stop(self) -> None:
        """End every part."""
        for _, connection in self._parts:
            # One that ended by itself has nobody to hear it.
            with contextlib.suppress(OSError):
                connection.send(("stop", None))
        for process, connection in self._parts:
            process.join(ENDS_WITHIN)
            process.kill()
            connection.close()

    def _order(self, order: str, value: Any) -> list[Any]:
        for process, connection in self._parts:
            try:
                connection.send((order, value))
            except OSError:
                raise self._died(process) from None
        told = []
        for process, connection in self._parts:
            try:
                told.append(connection.recv())
            except (EOFError, OSError):
                raise self._died(process) from None
        return told

    @staticmethod
    def _died(process: Any) -> Died:
        process.join(ENDS_WITHIN)
        return Died(f"the process {process.name} that simulates nodes ended with {process.exitcode}")


def run(part: Part, connection: Connection) -> None:
    """One process of a crew: does what it is told, until it is told to stop or nobody is there to tell it."""
    raise_file_limit()
    threading.stack_size(STACK_BYTES)
    fleet = build_fleet(
        (Group("production", part.nodes),), home=part.home, url=part.url, project="shop",
        token_of=lambda environment: part.token, say=print, prefix=part.prefix, threads=THREADS, quiet=True,
        wait=part.wait,
    )  # fmt: skip
    stop = threading.Event()
    thread = threading.Thread(target=fleet.run, args=(stop,))
    thread.start()
    try:
        while True:
            order, value = connection.recv()
            if order == "stop":
                break
            connection.send(obey(fleet, order, value))
    except EOFError:
        pass
    finally:
        stop.set()
        thread.join(ENDS_WITHIN)


def obey(fleet: Fleet, order: str, value: Any) -> Told | None:
    """Carry an order out."""
    if order == "cut":
        for node in fleet.nodes:
            node.line.cut = value
    elif order == "wake":
        fleet.wake()
    elif order == "settle":
        # A collector that looks at everything of so many agents again and again stops all of them meanwhile.
        gc.freeze()
    else:
        return tell(fleet)
    return None


def tell(fleet: Fleet) -> Told:
    """What this part has seen."""
    statuses, faults, took = fleet.meter.counts()
    return Told(
        fleet.meter.requests,
        statuses,
        faults,
        took,
        [f"{node.name}: {node.failure}" for node in fleet.nodes if node.failure],
        [str(node.agent.trouble) for node in fleet.nodes if node.agent.trouble],
    )
