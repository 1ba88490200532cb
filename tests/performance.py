"""`make performance`: measure the node API on this machine and write `docs/performance.md`.

For one and two processes, on SQLite and on PostgreSQL: heartbeats of many nodes that are written as they come, polls
that are answered 304, and long polls that wait for a release. Everything speaks HTTP over loopback, and the load comes
from this machine too, so the numbers say as much about it as about us: the file tells both.
"""

from __future__ import annotations

import argparse
import os
import platform
import selectors
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler import clock
from reconciler.db.models import Pointer
from reconciler.db.session import connect, disconnect, writing
from reconciler.settings import read_settings
from reconciler.store import layout
from reconciler.store.choose import open_store
from tests.benchmarks import heartbeat
from tests.benchmarks.load import HOST, requests_per_second
from tests.benchmarks.servers import ROOT, gunicorn
from tests.servers.postgres import Postgres

FILE = ROOT / "docs" / "performance.md"
TICKS = os.sysconf("SC_CLK_TCK")
INTERVAL = 30
"""Seconds between two reports of a node."""

PARKED = 1_000
WAIT = 30
OTHER = "sha256:" + "cd" * 32


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the server at one moment: processor seconds that it used, and MiB that it has."""

    pid: int
    seconds: float
    mebibytes: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of request: how many a second, how long they took, what it cost each process."""

    what: str
    database: str
    workers: int
    rate: float
    p50: float
    p99: float
    busy: tuple[int, ...]
    """Percent of one processor for each process."""
    mebibytes: tuple[float, ...]
    seconds_each: float
    """Processor seconds of all processes for one request."""

    def row(self) -> str:
        busy = ", ".join(f"{one} %" for one in self.busy)
        memory = ", ".join(f"{one:.0f}" for one in self.mebibytes)
        return (
            f"| {self.what} | {self.database} | {self.workers} | {self.rate:,.0f} | {self.p50 * 1000:.1f} | "
            f"{self.p99 * 1000:.1f} | {busy} | {memory} | {self.seconds_each * 1e6:,.0f} |"
        )


@dataclass(frozen=True, slots=True)
class Released:
    """What parked polls cost, and how long it took until all of them, and 99 %, had heard of a release."""

    what: str
    database: str
    workers: int
    nodes: int
    busy: tuple[int, ...]
    mebibytes: tuple[float, ...]
    p50: float
    p99: float
    last: float

    def row(self) -> str:
        busy = ", ".join(f"{one} %" for one in self.busy)
        memory = ", ".join(f"{one:.0f}" for one in self.mebibytes)
        return (
            f"| {self.what} | {self.database} | {self.workers} | {self.nodes:,} | {busy} | {memory} | "
            f"{self.p50:.2f} | {self.p99:.2f} | {self.last:.2f} |"
        )


def processes(port: int) -> list[Process]:
    """The workers of the gunicorn that is bound to the port."""
    mark = f":{port}".encode()
    found = []
    parents = [pid for pid in _pids() if mark in _read(f"/proc/{pid}/cmdline")]
    for pid in parents:
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        if not fields or int(fields[1]) not in parents:
            continue
        memory = next(
            (
                int(line.split()[1])
                for line in _read(f"/proc/{pid}/status").splitlines()
                if line[:6] == b"VmRSS:"
            ),
            0,
        )
        found.append(Process(pid, (int(fields[11]) + int(fields[12])) / TICKS, memory / 1024))
    return sorted(found, key=lambda process: process.pid)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def measure(
    what: str, database: str, port: int, requests: Callable[[], bytes], status: int, seconds: float
) -> Measured:
    """Ask for a while, and look at the server's processes before and after."""
    times: list[float] = []
    before, began = processes(port), time.perf_counter()
    rate = requests_per_second(port, requests, status=status, seconds=seconds, times=times)
    passed, after = time.perf_counter() - began, processes(port)
    used = [new.seconds - old.seconds for old, new in zip(before, after, strict=True)]
    cuts = statistics.quantiles(times, n=100)
    return Measured(
        what, database, len(after), rate, cuts[49], cuts[98],
        tuple(round(100 * one / passed) for one in used), tuple(one.mebibytes for one in after),
        sum(used) / len(times),
    )  # fmt: skip


def polls(tokens: list[str], etag: str, wait: int = 0) -> Iterator[bytes]:
    """Whole polls of all nodes in turn, for ever."""
    prefer = f"Prefer: wait={wait}\r\n" if wait else ""
    while True:
        for number, token in enumerate(tokens):
            yield (
                f"GET /api/v1/nodes/{heartbeat.node_id(number)}/bundles/latest HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\nIf-None-Match: {etag}\r\n{prefer}\r\n"
            ).encode()


def release(environ: dict[str, str], digest: str, etag: str, sequence: int) -> float:
    """Point the nodes at a digest; the moment, by `time.perf_counter`."""
    settings = read_settings(os.environ | environ)
    connect(settings)
    scope = {"organization": "acme", "project": "shop", "environment": "dev"}
    store = open_store(settings)
    place = layout.statement("acme", "shop", digest)
    store.put(place, b"{}")
    with writing():
        Pointer.delete().execute()
        Pointer.create(
            cohort="base",
            sequence=sequence,
            digest=digest,
            envelope="{}",
            etag=etag,
            issued_at=clock.now(),
            **scope,
        )
    disconnect()
    return time.perf_counter()


def parked(database: str, port: int, tokens: list[str], etag: str, publish: Callable[[], float]) -> Released:
    """Park a poll for each of many nodes, look at what that costs, release something, and wait for all answers."""
    requests = polls(tokens, etag, WAIT)
    sockets = [socket.create_connection((HOST, port)) for _ in range(PARKED)]
    selector = selectors.DefaultSelector()
    try:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
            one.sendall(next(requests))
        time.sleep(2.0)
        before, began = processes(port), time.perf_counter()
        time.sleep(3.0)
        after, passed = processes(port), time.perf_counter() - began
        published = publish()
        heard: list[float] = []
        while len(heard) < len(sockets) and time.perf_counter() < published + WAIT:
            for key, _ in selector.select(1.0):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                if one.recv(4096).startswith(b"HTTP/1.1 200 "):
                    heard.append(time.perf_counter() - published)
                selector.unregister(one)
        if len(heard) < len(sockets):
            raise SystemExit(f"only {len(heard)} of {len(sockets)} parked polls heard of the release")
        used = [new.seconds - old.seconds for old, new in zip(before, after, strict=True)]
        cuts = statistics.quantiles(heard, n=100)
        return Released(
            "long poll", database, len(after), len(sockets), tuple(round(100 * one / passed) for one in used),
            tuple(one.mebibytes for one in after), cuts[49], cuts[98], max(heard),
        )  # fmt: skip
    finally:
        selector.close()
        for one in sockets:
            one.close()


@contextmanager
def installation(database: str, folder: Path, server: Postgres | None) -> Iterator[dict[str, str]]:
    """The environment of a node API with registered nodes and something released."""
    environ = {"SENTINEL_HOME": str(folder / "home")}
    if server is not None:
        environ["DATABASE_URL"] = server.create()
    heartbeat.fill(environ)
    release(environ, heartbeat.DIGEST, "e" * 32, 1)
    yield environ


def run(seconds: float) -> tuple[list[Measured], list[Released]]:
    """Everything, one after the other."""
    measured: list[Measured] = []
    released: list[Released] = []
    with ExitStack() as stack:
        server = Postgres()
        stack.callback(server.stop)
        for database in ("SQLite", "PostgreSQL"):
            for workers in (1, 2):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                environ = stack.enter_context(
                    installation(database, folder, server if database == "PostgreSQL" else None)
                )
                flags = ("-k", "asgi", "--workers", str(workers), "--worker-connections", str(4 * PARKED))
                with gunicorn(
                    "web.nodes.app:application", *flags, environ=environ, folder=folder / "ours"
                ) as port:
                    tokens = [heartbeat.token(port, number) for number in range(heartbeat.NODES)]
                    time.sleep(2.0)
                    beats = heartbeat.heartbeats(tokens)
                    measured.append(
                        measure("heartbeat", database, port, lambda beats=beats: next(beats), 200, seconds)
                    )
                    idle = polls(tokens, f'"{"e" * 32}"')
                    measured.append(
                        measure("poll, 304", database, port, lambda idle=idle: next(idle), 304, seconds)
                    )
                    released.append(
                        parked(
                            database, port, tokens, f'"{"e" * 32}"',
                            lambda environ=environ: release(environ, OTHER, "f" * 32, 2),
                        )
                    )  # fmt: skip
                print(*(one.row() for one in measured[-2:]), released[-1].row(), sep="\n", flush=True)
    return measured, released


def document(measured: list[Measured], released: list[Released], loads: tuple[float, float]) -> str:
    """The file."""
    per_processor = {
        (one.database, one.workers): INTERVAL / one.seconds_each
        for one in measured
        if one.what == "heartbeat"
    }
    nodes = "\n".join(
        f"| {database} | {workers} | {count:,.0f} |" for (database, workers), count in per_processor.items()
    )
    return f"""# Performance of the node API

`make performance` measured this on {clock.now():%Y-%m-%d} and wrote this file. The machine has {os.cpu_count()}
processors ({platform.machine()}, Python {platform.python_version()}); its load average was {loads[0]:.1f} at the
beginning and {loads[1]:.1f} at the end. The load generator, the database and the node API share those processors. A
load average far above their number means that others had a share of them too: then rates and times are worse than the
machine could do alone, and the processor time of a request is the number to go by.

## Requests

{heartbeat.NODES} nodes with a token each over 16 connections, as fast as they are answered. A heartbeat has labels and
the counters of {heartbeat.SERVICES} services, and is written to the database as it comes. Times are in milliseconds;
processor and memory (MiB) are those of each process.

| request | database | processes | requests/s | p50 | p99 | processor | memory | µs of processor each |
|---|---|---|---|---|---|---|---|---|
{chr(10).join(one.row() for one in measured)}

## Nodes for each processor

An idle node needs one heartbeat an interval and nothing else. With an interval of {INTERVAL} s, one processor that did
nothing else would carry

| database | processes | nodes for each processor |
|---|---|---|
{nodes}

The database's own processor time is not in it. Halve it for a fleet that has to survive everybody's return at once.

## A release, and those who wait for it

{PARKED:,} polls parked with `Prefer: wait={WAIT}`; processor and memory while nothing happens; then something is
released, and the seconds until half, 99 % and all of them were answered. A node that polls after its heartbeat instead
hears of it within its interval: after {INTERVAL / 2:.0f} s in the middle, {INTERVAL * 0.99:.0f} s for 99 %.

| | database | processes | parked | processor | memory | p50 | p99 | all |
|---|---|---|---|---|---|---|---|---|
{chr(10).join(one.row() for one in released)}
"""


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Measure the node API and write docs/performance.md.")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="how long each request is measured (default 5)"
    )
    options = parser.parse_args()
    before = os.getloadavg()[0]
    measured, released = run(options.seconds)
    FILE.write_text(document(measured, released, (before, os.getloadavg()[0])))
    print(f"wrote {FILE}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
