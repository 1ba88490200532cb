"""Starts child processes, waits until they answer, restarts what dies, and stops all in reverse order.

Children get their own session, so that Ctrl-C reaches only us, and are killed by the kernel
when we die (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import urllib3

from reconciler.errors import Stalled
from reconciler.flows.confined import die_with_parent

READY_SECONDS = 60.0
"""A cold start on two busy cores takes about eight; beyond this something is wrong."""

STOP_SECONDS = 10.0
RESTART_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
SETTLED_SECONDS = 30.0
"""A process that lived this long is restarted at once again."""

LOG_LIMIT = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """One process to run. `ready` is a URL that answers 2xx when it is up, `host:port`, or None for 'at once'."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    ready: str | None = None
    reloads: bool = True
    """Whether a change of our code concerns it."""


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    due: float | None = None
    log: IO[bytes] | None = field(default=None, repr=False)


class Supervisor:
    """Runs programs until told to stop. `say` gets one line for each thing a person should know."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        logs: Path,
        say: Callable[[str], None],
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._stop_seconds = stop_seconds
        self._children = [_Child(program) for program in programs]
        self._logs = logs
        self._say = say
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(2.0), retries=False)

    def start(self) -> None:
        """Start everything, then wait until each answers. Raises `Stalled` that names the process and its log."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for child in self._children:
            self._spawn(child)
        deadline = time.monotonic() + READY_SECONDS
        for child in self._children:
            self._await_ready(child, deadline)

    def watch(self, stop: threading.Event, changed: Callable[[], bool] = lambda: False) -> None:
        """Restart what exits, until `stop` is set. `changed` tells when our code did: then its processes restart."""
        while not stop.wait(0.3):
            if changed():
                self._say("the code changed: restarting")
                for child in self._children:
                    if child.program.reloads:
                        self._end(child)
                        self._spawn(child)
            for child in self._children:
                self._revive(child)

    def stop(self) -> None:
        """Stop all, the last started first: SIGTERM, then SIGKILL for what has not gone in time."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for child in reversed(self._children):
            self._end(child, deadline)

    def process_id(self, name: str) -> int | None:
        """The process id of a running program, or None."""
        for child in self._children:
            if child.program.name == name and child.process is not None and child.process.poll() is None:
                return child.process.pid
        return None

    def _spawn(self, child: _Child) -> None:
        path = self._logs / f"{child.program.name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        child.log = path.open("ab")
        child.process = subprocess.Popen(
            list(child.program.arguments),
            env=dict(child.program.environ),
            stdin=subprocess.DEVNULL,
            stdout=child.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(
                die_with_parent, os.getpid()
            ),  # Safe: we start children from the main thread only.
        )
        child.started = time.monotonic()
        child.due = None

    def _await_ready(self, child: _Child, deadline: float) -> None:
        while time.monotonic() < deadline:
            if child.process is not None and child.process.poll() is not None:
                raise Stalled(
                    "E-UP-001",
                    f"'{child.program.name}' ended at its start with exit code {child.process.returncode}",
                    cure=f"Read {self._logs / child.program.name}.log",
                )
            if self._answers(child.program.ready):
                return
            time.sleep(0.05)
        raise Stalled(
            "E-UP-002",
            f"'{child.program.name}' did not answer within {READY_SECONDS:.0f} s",
            cure=f"Read {self._logs / child.program.name}.log",
        )

    def _answers(self, ready: str | None) -> bool:
        if ready is None:
            return True
        if ready.startswith("http"):
            try:
                return 200 <= self._http.request("GET", ready).status < 300
            except urllib3.exceptions.HTTPError:
                return False
        host, _, port = ready.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=1.0):
                return True
        except OSError:
            return False

    def _revive(self, child: _Child) -> None:
        if child.process is None or child.process.poll() is None:
            return
        moment = time.monotonic()
        if child.due is None:
            if moment - child.started > SETTLED_SECONDS:
                child.restarts = 0
            wait = RESTART_SECONDS[min(child.restarts, len(RESTART_SECONDS) - 1)]
            child.restarts += 1
            child.due = moment + wait
            self._say(
                f"'{child.program.name}' ended with exit code {child.process.returncode}; "
                f"starting it again in {wait:g} s (see {self._logs / child.program.name}.log)"
            )
        elif moment >= child.due:
            if child.log is not None:
                child.log.close()
            self._spawn(child)

    def _end(self, child: _Child, deadline: float | None = None) -> None:
        process = child.process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(
                    max(0.1, (deadline - time.monotonic()) if deadline is not None else self._stop_seconds)
                )
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if child.log is not None:
            child.log.close()
            child.log = None
        child.process = None


def python(*arguments: str) -> tuple[str, ...]:
    """The command line that runs this interpreter with `arguments`, output unbuffered."""
    return (sys.executable, "-u", *arguments)
