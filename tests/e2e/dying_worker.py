"""A worker that dies with SIGKILL, parent and child, right after a step of a flow, whenever somebody orders it.

Run as `python -m tests.e2e.dying_worker FOLDER`. A file `trunk.NAME` or `environment.NAME` in that folder, NAME being a
function in that flow's STEPS, is an order to die after that step. Whoever dies removes it first: each order is for one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.jobs.worker import QUEUES, work
from reconciler.settings import read_settings

FLOWS = ("trunk", "environment")


def order(folder: Path, flow: str, step: str) -> Path:
    """Order one worker to die after this step; the file is gone once one did."""
    names = [one.__name__ for one in importlib.import_module(f"reconciler.flows.{flow}").STEPS]
    if step not in names:
        raise LookupError(f"{flow} has no step '{step}': {names}")
    path = folder / f"{flow}.{step}"
    path.touch()
    return path


def deadly(step: Callable[..., Any], order: Path) -> Callable[..., Any]:
    @functools.wraps(step)
    def then_die(*arguments: Any, **named: Any) -> Any:
        result = step(*arguments, **named)
        with contextlib.suppress(FileNotFoundError):
            order.unlink()
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return then_die


def main(folder: Path) -> None:
    for flow in FLOWS:
        module = importlib.import_module(f"reconciler.flows.{flow}")
        module.STEPS = tuple(deadly(step, folder / f"{flow}.{step.__name__}") for step in module.STEPS)
    work(read_settings(os.environ), QUEUES)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
