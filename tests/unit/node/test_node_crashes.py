"""An activation with secrets, cut at every step that it takes on the disk: killed there, or the disk is full there.

Whatever happens, the old bundle or the new one serves, whole, and what went wrong is in a report. The steps are counted
by a first run that nothing happens to, so a new step is among them by itself.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ReconcilerError
from tests.unit.node.bench import Bench
from tests.unit.node.test_node_secrets import GOOD, running_good, shop

NEW = shop("two", key=2, token=2, target="127.0.0.1:4000", restart_key="r2")
CHANGES = ("open", "fsync", "rename", "replace", "unlink", "mkdir", "symlink", "rmdir", "chmod", "link")
"""The calls of the operating system by which anything on the disk comes about."""

LEAST = 25
WORKERS = 4
"""The steps are shared among so many cases, so that none takes long."""


class Killed(BaseException):
    """The process ended: nothing of it runs any more, no `except Exception` and no cleaning up that matters."""


@contextmanager
def at_each_step(strike: Callable[[int], None]) -> Iterator[list[str]]:
    """Call `strike` with its number before each step on the disk; gives the names of the steps so far."""
    steps: list[str] = []
    real = {name: getattr(os, name) for name in CHANGES}

    def watched(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            reads = name == "open" and not (arguments[1] if len(arguments) > 1 else 0) & (
                os.O_WRONLY | os.O_RDWR
            )
            if not reads:
                steps.append(name)
                strike(len(steps))
            return real[name](*arguments, **options)

        return call

    try:
        for name in CHANGES:
            setattr(os, name, watched(name))
        yield steps
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def offered(folder: Path) -> Bench:
    """A node that runs the old bundle and is offered the new one."""
    bench = running_good(folder)
    bench.plane.offer(NEW, sequence=6)
    return bench


def steps_of(folder: Path) -> list[str]:
    bench = offered(folder)
    with at_each_step(lambda number: None) as steps:
        bench.cycle()
    assert bench.files.linked() == NEW.digest
    return list(steps)


def one_serves_whole(bench: Bench) -> str:
    """The digest of the bundle that serves; its configuration, its secrets and its state belong together."""
    state = bench.files.state()
    assert state is not None
    assert state.active is not None
    assert state.active.digest in (GOOD.digest, NEW.digest)
    report = bench.proxy.running()
    assert (report.config_id, report.healthy) == (state.active.config_id, True), report
    assert bench.files.linked() == state.active.digest
    config = bench.files.link.resolve()
    assert b"${secret" not in config.read_bytes()
    return state.active.digest


def test_there_are_many_steps(tmp_path: Path) -> None:
    steps = steps_of(tmp_path)
    assert len(steps) >= LEAST, steps
    assert {"open", "fsync", "rename", "mkdir", "symlink"} <= set(steps)


@pytest.mark.parametrize("proxy_too", [False, True], ids=["agent killed", "machine rebooted"])
@pytest.mark.parametrize("share", range(WORKERS))
def test_killed_at_any_step(tmp_path: Path, share: int, proxy_too: bool) -> None:
    count = len(steps_of(tmp_path / "counted"))
    for cut in range(1 + share, count + 1, WORKERS):
        bench = offered(tmp_path / f"cut-{cut}")

        def strike(number: int, cut: int = cut) -> None:
            if number == cut:
                raise Killed

        with at_each_step(strike) as steps, pytest.raises(Killed):
            bench.cycle()
        where = f"step {cut}, before {steps[-1]}"
        bench.start(proxy_too=proxy_too)
        bench.run(bench.agent.recover())
        assert one_serves_whole(bench), where
        assert bench.settle(2)["running"] == NEW.digest, where
        assert one_serves_whole(bench) == NEW.digest, where


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("share", range(WORKERS))
def test_the_disk_is_full_at_any_step(tmp_path: Path, share: int, for_good: bool) -> None:
    count = len(steps_of(tmp_path / "counted"))
    for cut in range(1 + share, count + 1, WORKERS):
        bench = offered(tmp_path / f"full-{cut}")

        def strike(number: int, cut: int = cut) -> None:
            if number == cut or (for_good and number > cut):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with at_each_step(strike) as steps:
            rounds(bench, 2)
        where = f"step {cut} of {steps}"
        last = bench.plane.heartbeats[-1]
        report = bench.proxy.running()
        assert report.healthy, where
        assert report.config_id in (GOOD.config_id, NEW.config_id), where
        if last["running"] != NEW.digest:
            assert "No space left" in last["refusal"]["message"], where
        if last["running"] is None:
            # Where not even a symlink can be made, the new one serves and is not confirmed: that is what it says.
            assert for_good, where
            assert report.config_id == NEW.config_id, where
            assert last["health"]["state"] == "unhealthy", where
        # Somebody frees space; the node tries again by itself.
        bench.seconds += 3600
        assert bench.settle(3)["running"] == NEW.digest, where
        assert one_serves_whole(bench) == NEW.digest, where


def rounds(bench: Bench, count: int) -> None:
    """Rounds as `life` has them: what goes wrong in one is no end."""
    for _ in range(count):
        try:
            bench.cycle()
        except ReconcilerError:
            continue
