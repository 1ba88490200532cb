"""Real workers and clocks on a real Valkey: killed, starved, flushed and fed with lies, all that is owed gets done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer, PickleSerializer

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Work
from reconciler.db.owed import ask, due
from reconciler.jobs.queue import dispatch, open_queue
from reconciler.settings import Settings, read_settings
from tests.servers.process import die_with_parent

SECONDS = 60
CONFIG = """\
organization "acme" {
    name "Acme"
    keys { bundle "file:b"; pointer "file:p"; commit "file:c"; root "file:r" }
    project "shop" { repository "http://127.0.0.1:1/shop.git"; trunk "main" }
    project "blog" { repository "http://127.0.0.1:1/blog.git"; trunk "main" }
}
"""


class World:
    """An installation of processes whose flows only write down that they ran."""

    def __init__(self, database: Settings, valkey_url: str, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            **os.environ,
            "SENTINEL_HOME": str(database.home),
            "DATABASE_URL": database.database_url,
            "REDIS_URL": valkey_url,
            "PRETEND_FOLDER": str(folder),
            "PRETEND_LEASE_SECONDS": "3",
        }
        self.settings = read_settings(self.environ)
        self.settings.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.settings.config_file.write_text(CONFIG)
        self.queue = open_queue(self.settings)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, what: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{what}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.pretend_flows", what],
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.queue.close()

    def ask(self, project: str = "shop") -> None:
        ask("acme", project, "trunk", now=clock.now())

    def dispatch(self) -> None:
        moment = clock.now()
        dispatch(self.queue, due(moment), now=moment)

    def runs(self) -> list[list[str]]:
        path = self.folder / "runs"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def count(self, phase: str, kind: str) -> int:
        return len([run for run in self.runs() if run[:2] == [phase, kind]])

    def hold(self) -> None:
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def logs(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def until(self, condition: Callable[[], object], seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{self.runs()}\n{self.logs()}"
            time.sleep(0.02)

    def settled(self) -> bool:
        with session.reading():
            rows = list(Work.select())
        return bool(rows) and all(row.wanted == row.done and row.holder == "" for row in rows)


@pytest.fixture
def world(database: Settings, valkey_url: str, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "pretend"
    folder.mkdir()
    made = World(database, valkey_url, folder)
    yield made
    made.stop()


def gone(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_worker_does_what_is_owed_and_hands_on_what_that_asked_for(world: World) -> None:
    world.start("worker")
    world.ask()
    world.dispatch()
    # No clock runs: the environment is enqueued by the run of trunk that asked for it.
    world.until(lambda: world.count("end", "environment") == 1)
    world.until(world.settled)
    with session.reading():
        assert {(row.kind, row.outcome, row.reason) for row in Work.select()} == {
            ("trunk", "changed", "pretended trunk"),
            ("environment", "changed", "pretended environment"),
        }
    world.until(lambda: world.queue.keys("rq:job:*") == [], 5)


def test_a_hundred_requests_during_a_run_cause_one_more(world: World) -> None:
    world.start("worker")
    world.start("worker")
    world.start("clock")
    world.hold()
    world.ask()
    world.until(lambda: world.count("begin", "trunk") == 1)
    for _ in range(100):
        world.ask()
        world.dispatch()
    world.release()
    world.until(world.settled)
    assert world.count("begin", "trunk") == 2


def test_a_worker_that_is_killed_takes_its_child_along_and_another_does_the_work(world: World) -> None:
    victim = world.start("worker")
    world.start("clock")
    world.hold()
    world.ask()
    world.until(lambda: world.count("begin", "trunk") == 1)
    horse = int(world.runs()[0][3])
    assert horse != victim.pid
    victim.send_signal(signal.SIGKILL)
    world.until(lambda: gone(horse), 5)
    world.start("worker")
    world.release()
    world.until(lambda: world.count("end", "trunk") == 1)
    world.until(world.settled)


def test_a_child_that_is_killed_is_replaced(world: World) -> None:
    world.start("worker")
    world.start("clock")
    world.hold()
    world.ask()
    world.until(lambda: world.count("begin", "trunk") == 1)
    os.kill(int(world.runs()[0][3]), signal.SIGKILL)
    world.release()
    world.until(lambda: world.count("end", "trunk") == 1)
    world.until(world.settled)


def test_a_valkey_that_is_killed_and_comes_back_empty_loses_nothing(world: World, valkey_server: Any) -> None:
    world.start("worker")
    world.start("clock")
    world.ask()
    world.until(lambda: world.count("end", "environment") == 1)
    valkey_server.kill()
    world.ask()
    world.ask("blog")
    time.sleep(2)
    assert all(process.poll() is None for process in world.processes), world.logs()
    valkey_server.revive()
    world.until(lambda: world.count("end", "trunk") >= 3)
    world.until(world.settled)


def test_a_valkey_that_goes_away_during_a_run_harms_nothing(world: World, valkey_server: Any) -> None:
    world.start("worker")
    world.start("clock")
    world.hold()
    world.ask()
    world.until(lambda: world.count("begin", "trunk") == 1)
    valkey_server.kill()
    world.release()
    world.until(lambda: world.count("end", "trunk") == 1)
    valkey_server.revive()
    world.ask("blog")
    world.until(lambda: ["end", "trunk", "blog"] in [run[:3] for run in world.runs()])
    world.until(world.settled)


def test_a_worker_may_start_before_its_valkey(world: World, valkey_server: Any) -> None:
    valkey_server.kill()
    world.start("worker")
    world.start("clock")
    world.ask()
    time.sleep(2)
    assert all(process.poll() is None for process in world.processes), world.logs()
    valkey_server.revive()
    world.until(lambda: world.count("end", "environment") == 1)


def test_flushed_queues_are_filled_again(world: World) -> None:
    world.ask()
    world.dispatch()
    world.queue.flushall()
    world.start("worker")
    world.start("clock")
    world.until(lambda: world.count("end", "environment") == 1)


def test_two_clocks_and_two_workers_do_everything_once(world: World) -> None:
    for what in ("worker", "clock", "worker", "clock"):
        world.start(what)
    for project in ("shop", "blog"):
        world.ask(project)
    world.until(lambda: world.count("end", "environment") == 2)
    world.until(world.settled)
    time.sleep(2)
    assert world.count("begin", "trunk") == 2


@pytest.mark.parametrize("what", ["worker", "clock"])
def test_a_process_ends_when_it_is_told_to(world: World, what: str) -> None:
    process = world.start(what)
    world.until(lambda: world.queue.scard("rq:workers") == 1 or "clock-started" in world.logs())
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0, world.logs()


def test_a_worker_that_is_told_to_stop_finishes_its_job_first(world: World) -> None:
    process = world.start("worker")
    world.hold()
    world.ask()
    world.dispatch()
    world.until(lambda: world.count("begin", "trunk") == 1)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    world.release()
    assert process.wait(20) == 0, world.logs()
    assert world.count("end", "trunk") == 1


def planted(connection: redis.Redis, path: Path) -> None:
    """Jobs that whoever can write to Redis might like to have run."""
    touch = f"touch {path}"
    pickled = Queue("compile", connection=connection, serializer=PickleSerializer)
    pickled.enqueue("os.system", touch)
    plain = Queue("compile", connection=connection, serializer=JSONSerializer)
    plain.enqueue("os.system", touch)
    plain.enqueue("reconciler.jobs.entry.run", "acme", "shop", "trunk", {"not": "a text"})
    plain.enqueue("reconciler.jobs.entry.run", "acme", "shop", "trunk", "", extra=1)
    job = plain.enqueue("reconciler.jobs.entry.run", "acme", "shop", "trunk", "")
    connection.hset(job.key, "success_callback_name", "os.abort")
    job = plain.enqueue("reconciler.jobs.entry.run", "acme", "shop", "trunk", "")
    connection.hset(job.key, "data", b"\x80\x04nonsense")
    job = plain.enqueue("reconciler.jobs.entry.run", "acme", "shop", "trunk", "")
    connection.hset(job.key, "data", json.dumps(["os.system", None, [touch], {}]))
    connection.rpush("rq:queue:compile", "no-such-job")


def test_jobs_that_are_not_ours_are_deleted_and_never_run(world: World, tmp_path: Path) -> None:
    path = tmp_path / "touched"
    planted(world.queue, path)
    worker = world.start("worker")
    world.until(lambda: world.queue.llen("rq:queue:compile") == 0)
    world.ask()
    world.dispatch()
    world.until(lambda: world.count("end", "trunk") == 1)
    assert worker.poll() is None, world.logs()
    assert not path.exists()
    assert world.logs().count("foreign-job") == 7, world.logs()
