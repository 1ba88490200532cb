"""The supervisor keeps real child processes alive, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.embedded.supervisor import Program, Supervisor, python
from reconciler.errors import Stalled

SLEEP = python("-c", "import time; time.sleep(600)")


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process_id}/stat").read_text().split()[2] != "Z"


@pytest.fixture
def said() -> list[str]:
    return []


def supervisor(tmp_path: Path, said: list[str], *programs: Program) -> Supervisor:
    return Supervisor(programs, logs=tmp_path / "logs", say=said.append, stop_seconds=1.0)


def test_a_process_that_dies_is_started_again(tmp_path: Path, said: list[str]) -> None:
    supervised = supervisor(tmp_path, said, Program("sleeper", SLEEP, os.environ))
    supervised.start()
    stop = threading.Event()
    first = supervised.process_id("sleeper")
    assert first is not None
    watcher = threading.Thread(target=supervised.watch, args=(stop,))
    watcher.start()
    try:
        os.kill(first, signal.SIGKILL)
        eventually(lambda: supervised.process_id("sleeper") not in (None, first))
    finally:
        stop.set()
        watcher.join()
        supervised.stop()
    assert said
    assert "'sleeper' ended with exit code -9" in said[0]


def test_stopping_leaves_no_process(tmp_path: Path, said: list[str]) -> None:
    deaf = python(
        "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)",
    )
    supervised = supervisor(
        tmp_path, said, Program("sleeper", SLEEP, os.environ), Program("deaf", deaf, os.environ)
    )
    supervised.start()
    eventually(lambda: "up" in (tmp_path / "logs" / "deaf.log").read_text())
    running = [supervised.process_id("sleeper"), supervised.process_id("deaf")]
    supervised.stop()
    assert [alive(process_id) for process_id in running if process_id is not None] == [False, False]


def test_a_process_that_ends_at_its_start_is_named_with_its_log(tmp_path: Path, said: list[str]) -> None:
    broken = Program("broken", python("-c", "raise SystemExit(3)"), os.environ, ready="127.0.0.1:1")
    supervised = supervisor(tmp_path, said, broken)
    with pytest.raises(Stalled, match=r"'broken' ended at its start with exit code 3.*broken\.log"):
        supervised.start()
    supervised.stop()


def test_a_changed_code_restarts_what_it_concerns_only(tmp_path: Path, said: list[str]) -> None:
    supervised = supervisor(
        tmp_path,
        said,
        Program("ours", SLEEP, os.environ),
        Program("theirs", SLEEP, os.environ, reloads=False),
    )
    supervised.start()
    ours, theirs = supervised.process_id("ours"), supervised.process_id("theirs")
    changes = iter([True])
    stop = threading.Event()
    watcher = threading.Thread(target=supervised.watch, args=(stop, lambda: next(changes, False)))
    watcher.start()
    try:
        eventually(lambda: supervised.process_id("ours") not in (None, ours))
        assert supervised.process_id("theirs") == theirs
    finally:
        stop.set()
        watcher.join()
        supervised.stop()


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import os, threading
        from pathlib import Path
        from reconciler.embedded.supervisor import Program, Supervisor, python
        supervised = Supervisor(
            [Program("sleeper", python("-c", "import time; time.sleep(600)"), os.environ)],
            logs=Path({str(tmp_path)!r}), say=print)
        supervised.start()
        print(supervised.process_id("sleeper"), flush=True)
        threading.Event().wait()
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
        eventually(lambda: not alive(child))
