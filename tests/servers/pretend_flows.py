"""A real worker or clock whose flows only write down that they ran: `python -m tests.servers.pretend_flows worker`.

Each run appends a line to `runs` in PRETEND_FOLDER and waits for as long as a file `hold` is there. A run of trunk asks
for the environment `dev`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import reconciler.flows
from reconciler import clock
from reconciler.db import owed
from reconciler.flows.outcome import Outcome
from reconciler.jobs.queue import QUEUES
from reconciler.settings import read_settings


def note(line: str) -> None:
    with (Path(os.environ["PRETEND_FOLDER"]) / "runs").open("a") as file:
        file.write(line + "\n")


def run_as(kind: str, subject: str, renewed: Callable[[], None]) -> Outcome:
    note(f"begin {kind} {subject} {os.getpid()}")
    while (Path(os.environ["PRETEND_FOLDER"]) / "hold").exists():
        time.sleep(0.02)
    renewed()
    note(f"end {kind} {subject} {os.getpid()}")
    return Outcome("changed", f"pretended {kind}")


def run_trunk(context: Any, renewed: Callable[[], None]) -> Outcome:
    outcome = run_as("trunk", context.project.slug, renewed)
    owed.ask(context.organization.slug, context.project.slug, "environment", "dev", now=clock.now())
    return outcome


def run_environment(context: Any, name: str, renewed: Callable[[], None]) -> Outcome:
    return run_as("environment", name, renewed)


def plant(name: str, run: Callable[..., Outcome]) -> None:
    module = ModuleType(f"reconciler.flows.{name}")
    module.run = run  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    setattr(reconciler.flows, name, module)


def main(what: str) -> None:
    plant("trunk", run_trunk)
    plant("environment", run_environment)
    seconds = os.environ.get("PRETEND_LEASE_SECONDS")
    if seconds:
        shorten(timedelta(seconds=float(seconds)))
    settings = read_settings(os.environ)
    if what == "worker":
        from reconciler.jobs.worker import work

        work(settings, QUEUES)
    else:
        from reconciler.jobs.clock import run_clock

        run_clock(settings)


def shorten(lease: timedelta) -> None:
    """A test need not wait for a whole lease of a worker that was killed."""
    owed.LEASE = lease
    for function in (owed.claim, owed.renew):
        assert function.__kwdefaults__ is not None
        function.__kwdefaults__["lease"] = lease


if __name__ == "__main__":
    main(sys.argv[1])
