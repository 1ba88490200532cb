"""A worker that dies with SIGKILL, parent and child, right after a named step of a flow: once, then it lives.

Run as `python -m tests.e2e.dying_worker FLOW STEP MARKER`: FLOW is `trunk` or `environment`, STEP the name of a
function in that flow's STEPS, MARKER a file that says that it has died already.
"""

from __future__ import annotations

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


def deadly(step: Callable[..., Any], marker: Path) -> Callable[..., Any]:
    @functools.wraps(step)
    def then_die(*arguments: Any, **named: Any) -> Any:
        result = step(*arguments, **named)
        if not marker.exists():
            marker.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return then_die


def main(flow: str, name: str, marker: Path) -> None:
    module = importlib.import_module(f"reconciler.flows.{flow}")
    names = [step.__name__ for step in module.STEPS]
    if name not in names:
        raise SystemExit(f"{flow} has no step '{name}': {names}")
    module.STEPS = tuple(deadly(step, marker) if step.__name__ == name else step for step in module.STEPS)
    work(read_settings(os.environ), QUEUES)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
