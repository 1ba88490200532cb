"""A whole embedded system for one test, on free ports, with a clone, and ways to hurt it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.db.models import Bundle, Commit, Release
from reconciler.db.session import disconnect, reading
from reconciler.embedded.programs import programs
from reconciler.embedded.road import Road
from reconciler.embedded.supervisor import Program, Supervisor, python
from reconciler.embedded.system import EmbeddedSystem

POLL_SECONDS = 0.5

Change = Callable[[list[Program]], list[Program]]


class World:
    """A running system (`system`), a clone of its repository with what can be waited for (`road`)."""

    def __init__(self, system: EmbeddedSystem, road: Road) -> None:
        self.system = system
        self.road = road

    def kill(self, program: str) -> int:
        """SIGKILL a process of the system; the supervisor starts it again. Gives the killed process id."""
        killed = self.system.supervisor.process_id(program)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        return killed

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        self.road.wait(what, lambda: condition() or None)

    def bundles(self) -> list[str]:
        """Digests of all bundles, oldest first."""
        with reading():
            return [row.digest for row in Bundle.select().order_by(Bundle.id)]

    def releases(self, environment: str, digest: str) -> list[str]:
        """Subjects of the commits of an environment branch that carry this digest, as git has them, oldest first."""
        self.road.tool(["git", "fetch", "--quiet", "origin"])
        log = self.road.tool(
            [
                "git",
                "log",
                "--reverse",
                f"--grep=^Bundle: {digest}",
                "--format=%s",
                f"origin/env/{environment}",
            ]
        )
        return log.splitlines()

    def history(self, environment: str) -> list[Release]:
        """The projected history of an environment branch, oldest first."""
        with reading():
            return list(Release.select().where(Release.environment == environment).order_by(Release.height))

    def commits(self) -> dict[str, str]:
        """State of each known trunk commit."""
        with reading():
            return {row.sha: row.state for row in Commit.select()}


@contextmanager
def running(
    folder: Path,
    *,
    change: Change = lambda listed: listed,
    environ: Mapping[str, str] | None = None,
    monkeypatch: pytest.MonkeyPatch | None = None,
) -> Iterator[World]:
    """Run a world in `folder` until the block ends; `change` may replace programs, `environ` adds settings."""
    if environ and monkeypatch is not None:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
    said: list[str] = []
    system = EmbeddedSystem(folder / "system", free_ports=True, poll_seconds=POLL_SECONDS, say=said.append)
    system.supervisor = Supervisor(
        change(programs(system.layout, poll_seconds=POLL_SECONDS)), logs=system.layout.logs, say=said.append
    )
    stop = threading.Event()
    watcher = threading.Thread(target=system.run, args=(stop,))
    try:
        system.start()
        watcher.start()
        yield World(system, Road(system, folder / "clone"))
    finally:
        stop.set()
        if watcher.ident is not None:
            watcher.join()
        system.stop()
        disconnect()


def dying_workers(orders: Path) -> Change:
    """Replace the workers by ones that die when a file in `orders` says so. Two, as in the embedded system."""

    def change(listed: list[Program]) -> list[Program]:
        deadly = python("-m", "tests.e2e.dying_worker", str(orders))
        return [
            replace(program, arguments=deadly) if program.name.startswith("worker-") else program
            for program in listed
        ]

    return change
