"""Faults of the machine around an activation: the old or the new serves, whole, and a report says why."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ReconcilerError
from reconciler.node import process
from reconciler.node.bounded import run_bounded
from reconciler.node.process import ProcessProxy
from reconciler.node.proxy import RunningReport, TestResult
from reconciler.node.state import Refusal
from reconciler.simulator.fakeproxy import FakeProxy
from reconciler.simulator.temperament import TEMPERAMENTS
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build
from tests.unit.node.test_node_crashes import at_each_step

OLD = build("127.0.0.1:3000")
NEW = build("127.0.0.1:4000")
NEW_START = build("127.0.0.1:5000", restart_key="r2")
NEXT = build("127.0.0.1:6000")
YEAR = 365 * 86_400.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs OLD."""
    bench = Bench(tmp_path / "node")
    bench.plane.offer(OLD, sequence=5)
    assert bench.settle()["running"] == OLD.digest
    return bench


def script(folder: Path, body: str) -> str:
    path = folder / "binary"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waits for yet has."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    "held", ["", " >/dev/null 2>&1"], ids=["child holds the pipe", "child holds nothing"]
)
def test_a_test_that_hangs_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    monkeypatch.setattr(process, "TEST_SECONDS", 0.7)
    binary = script(tmp_path, f'sleep 600{held} &\necho "$! $$" > {tmp_path}/pids\necho thinking\nwait')
    proxy = ProcessProxy(binary, tmp_path / "current", 1, tmp_path / "log")
    assert proxy.test(tmp_path / "x") == TestResult(
        False, "the proxy's test did not end within 0.7 s; it said: thinking"
    )
    for pid in (tmp_path / "pids").read_text().split():
        assert gone(int(pid))


def test_a_test_whose_child_stays_is_not_waited_for(tmp_path: Path) -> None:
    binary = script(tmp_path, f'sleep 600 &\necho "$!" > {tmp_path}/pid\necho well\necho but >&2\nexit 3')
    ended = run_bounded([binary], seconds=500, limit=100)
    assert (ended.code, ended.output, ended.errors) == (3, "well", "but")
    assert gone(int((tmp_path / "pid").read_text()))


def test_nobody_is_told_what_the_agent_alone_may_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_JOIN_TOKEN", "sjt_canary")
    monkeypatch.setenv("SENTINEL_NODE_HTTP_PROXY", "http://me:canary@proxy")
    monkeypatch.setenv("SENTINEL_HARMLESS", "yes")
    ended = run_bounded(["env"], seconds=5, limit=100_000)
    assert ("canary" in ended.output, "SENTINEL_HARMLESS=yes" in ended.output) == (False, True)
    (tmp_path / "current").touch()
    proxy = ProcessProxy(script(tmp_path, "env"), tmp_path / "current", 1, tmp_path / "log")
    assert proxy.restart().ok
    while "HARMLESS" not in (tmp_path / "log").read_text():
        time.sleep(0.01)
    proxy.stop()
    assert "canary" not in (tmp_path / "log").read_text()


def test_a_test_that_talks_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TEST_SECONDS", 0.5)
    proxy = ProcessProxy(script(tmp_path, "exec yes no"), tmp_path / "current", 1, tmp_path / "log")
    result = proxy.test(tmp_path / "x")
    assert not result.ok
    assert len(result.words) < process.WORDS_LIMIT + 100


def test_a_test_that_hangs_leaves_the_old_one_and_is_reported(bench: Bench) -> None:
    words = "the proxy's test did not end within 30 s"
    bench.hands.proxy = Around(bench.proxy, "test", lambda path: TestResult(False, words))  # type: ignore[assignment]
    bench.plane.offer(NEW, sequence=6)
    bench.cycle()
    last = bench.settle(1)
    assert (last["running"], last["health"]["state"]) == (OLD.digest, "healthy")
    assert (last["refusal"]["code"], words in last["refusal"]["message"]) == ("E-NOD-021", True)


def test_a_reload_that_is_ignored_for_ever_ends_in_what_served_before(bench: Bench) -> None:
    bench.proxy.temperament = TEMPERAMENTS["deaf"]
    starts = bench.proxy.starts
    bench.plane.offer(NEW, sequence=6)
    bench.cycle()
    last = bench.settle(1)
    assert (last["running"], last["health"]["state"]) == (OLD.digest, "healthy")
    assert last["refusal"]["code"] == "E-NOD-024"
    assert f"configuration {OLD.config_id} serves again" in last["refusal"]["message"]
    assert bench.files.linked() == OLD.digest
    assert bench.proxy.starts == starts, "it never stopped serving"


class Around:
    """A fake proxy of which one method is another."""

    def __init__(self, proxy: FakeProxy, name: str, method: Callable[..., Any]) -> None:
        self._proxy = proxy
        setattr(self, name, method)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy, name)


def dies_with(bench: Bench, config_id: str, *, after: int) -> None:
    """Let the proxy die whenever it has answered `after` times that it serves this configuration."""
    looks = 0

    def running() -> RunningReport:
        nonlocal looks
        report = bench.proxy.running()
        if report.config_id == config_id:
            looks += 1
            if looks > after:
                looks = 0
                bench.proxy.die()
                return bench.proxy.running()
        return report

    bench.hands.proxy = Around(bench.proxy, "running", running)  # type: ignore[assignment]


@pytest.mark.parametrize("new", [NEW, NEW_START], ids=["reload", "restart"])
def test_a_proxy_that_crashes_on_the_new_configuration_gets_the_old_one_back(bench: Bench, new: Any) -> None:
    dies_with(bench, new.config_id, after=0)
    bench.plane.offer(new, sequence=6)
    bench.cycle()
    last = bench.settle(1)
    assert (last["running"], last["health"]["state"]) == (OLD.digest, "healthy")
    assert last["refusal"]["code"] == "E-NOD-024"


def test_a_proxy_that_does_not_stay_up_gets_the_old_one_back(bench: Bench) -> None:
    dies_with(bench, NEW.config_id, after=1)
    bench.plane.offer(NEW, sequence=6)
    bench.cycle()
    assert bench.files.linked() == NEW.digest, "it took it"
    dies_with(bench, NEW.config_id, after=0)
    last = bench.settle(8)
    assert (last["running"], last["health"]["state"]) == (OLD.digest, "healthy")
    assert (last["refusal"]["code"], last["refusal"]["digest"]) == ("E-NOD-026", NEW.digest)
    assert last["sequence"] == 6
    bench.settle(40)
    assert bench.files.linked() == OLD.digest
    bench.plane.offer(NEXT, sequence=7)
    last = bench.settle(2)
    assert (last["running"], last["refusal"]) == (NEXT.digest, None)


ILL = build("192.0.2.10:80")


def test_a_proxy_that_is_unhealthy_with_it_gets_the_old_one_back(bench: Bench) -> None:
    bench.settle(1)
    bench.plane.offer(ILL, sequence=6)
    bench.cycle()
    last = bench.settle(4)
    assert (last["running"], last["health"]["state"]) == (ILL.digest, "unhealthy")
    last = bench.settle(1)
    assert (last["running"], last["health"]["state"]) == (OLD.digest, "healthy")
    assert (last["refusal"]["code"], last["refusal"]["digest"]) == ("E-NOD-026", ILL.digest)
    assert "the proxy was unhealthy (502 from routes app) with configuration" in last["refusal"]["message"]
    assert last["sequence"] == 6
    bench.settle(40)
    assert bench.files.linked() == OLD.digest, "it is not taken again"
    bench.plane.offer(NEXT, sequence=7)
    last = bench.settle(2)
    assert (last["running"], last["refusal"]) == (NEXT.digest, None)


def test_a_bundle_does_not_answer_for_what_ailed_the_proxy_before(bench: Bench) -> None:
    bench.settle(1)
    bench.plane.offer(ILL, sequence=6)
    bench.settle(3)
    still = build("192.0.2.11:80")
    bench.plane.offer(still, sequence=7)
    last = bench.settle(20)
    assert (last["running"], last["health"]["state"], last["refusal"]) == (still.digest, "unhealthy", None)


def test_a_proxy_that_is_unhealthy_now_and_then_or_much_later_keeps_it(bench: Bench) -> None:
    ill = False

    def running() -> RunningReport:
        report = bench.proxy.running()
        return replace(report, healthy=not ill, reason="it coughs" if ill else "")

    bench.hands.proxy = Around(bench.proxy, "running", running)  # type: ignore[assignment]
    bench.settle(1)
    bench.plane.offer(NEW, sequence=6)
    bench.settle(1)
    for ill in (True, True, True, True, False, True, True, True, True, False, False, False):  # noqa: B007
        bench.settle(1)
    ill = True
    last = bench.settle(20)
    assert (last["running"], last["health"]["state"], last["refusal"]) == (NEW.digest, "unhealthy", None)


def test_a_proxy_that_dies_long_after_speaks_against_nothing(bench: Bench) -> None:
    bench.plane.offer(NEW, sequence=6)
    bench.settle(20)
    dies_with(bench, NEW.config_id, after=0)
    last = bench.settle(8)
    assert (last["running"], last["refusal"]) == (None, None)
    assert bench.files.linked() == NEW.digest


def read_only(number: int) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_a_disk_that_is_read_only_costs_news_and_nothing_else(bench: Bench) -> None:
    bench.plane.offer(NEW, sequence=6)
    with at_each_step(read_only) as steps:
        for _ in range(3):
            bench.cycle()
        assert steps, "it tried"
        last = bench.plane.heartbeats[-1]
        assert (last["running"], last["health"]["state"]) == (OLD.digest, "healthy")
        assert (last["refusal"]["code"], "Read-only file system" in last["refusal"]["message"]) == (
            "E-NOD-025",
            True,
        )
        # The machine boots, and its disk still takes nothing.
        bench.proxy.die()
        bench.start()
        bench.run(bench.agent.recover())
        assert bench.proxy.running().config_id == OLD.config_id
        assert bench.settle(1)["running"] == OLD.digest
    bench.seconds += 3600
    assert bench.settle(3)["running"] == NEW.digest


def test_a_start_on_a_read_only_disk_leaves_what_it_cannot_remove(bench: Bench) -> None:
    (bench.files.home / "state.json.new").write_bytes(b"half")
    (bench.files.bundles / "ab.new").mkdir()
    with at_each_step(read_only):
        bench.files.prepare()
    assert (bench.files.home / "state.json.new").exists()
    bench.files.prepare()
    assert not (bench.files.home / "state.json.new").exists()


def test_a_proxy_is_started_although_its_log_cannot_be_written(tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(tmp_path)
    proxy = ProcessProxy(script(tmp_path, "exec sleep 600"), link, 1, tmp_path / "missing" / "proxy.log")
    try:
        assert proxy.restart() == TestResult(True)
        assert proxy.running().reason == "the proxy's admin listener on port 1 does not answer"
    finally:
        proxy.stop()


@pytest.mark.parametrize("off", [YEAR, -YEAR], ids=["a year ahead", "a year behind"])
@pytest.mark.parametrize("boot", [False, True], ids=["while it runs", "at a boot"])
def test_a_clock_that_is_wrong_by_a_year(bench: Bench, off: float, boot: bool) -> None:
    bench.plane.offer(build(config=b"listeners {\n"), sequence=6)
    bench.settle(2)
    bench.seconds += off
    if boot:
        bench.start(proxy_too=True)
        bench.run(bench.agent.recover())
    assert bench.proxy.running().config_id == OLD.config_id
    bench.plane.offer(NEW, sequence=7)
    for _ in range(3):
        try:
            bench.cycle()
        except ReconcilerError:
            continue
    last = bench.settle(1)
    assert last["health"]["state"] == "healthy"
    assert bench.files.linked() == last["running"]
    if off > 0:
        assert last["running"] == OLD.digest
        assert last["refusal"]["code"].startswith("E-VER-"), "the pointer has long expired by this clock"
    else:
        assert last["running"] == NEW.digest, (
            "what is signed and not lower is believed whatever the clock says"
        )
    # The clock is set right.
    bench.seconds -= off
    bench.seconds += 3600
    assert bench.settle(3)["running"] == NEW.digest


def test_a_refusal_does_not_wait_for_a_clock_that_went_back(bench: Bench) -> None:
    bench.plane.offer(build(config=b"listeners {\n"), sequence=6)
    bench.settle(2)
    refusal = bench.agent.state.refusal  # type: ignore[union-attr]
    assert isinstance(refusal, Refusal)
    assert refusal.waits(bench.now())
    bench.seconds -= YEAR
    assert not refusal.waits(bench.now())


def versioned(bench: Bench, words: str) -> None:
    """Let the proxy say that it has this version."""
    bench.hands.proxy = Around(  # type: ignore[assignment]
        bench.proxy, "running", lambda: replace(bench.proxy.running(), version=words)
    )


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("zentinel 0.6.19", False),
        ("zentinel 0.6.20", True),
        ("zentinel 0.10.0", True),
        ("zentinel v0.6.21-rc1 (abc)", True),
        ("", True),
        ("nightly", True),
    ],
)
def test_a_bundle_for_a_newer_proxy_is_refused_before_anything_is_touched(
    bench: Bench, words: str, taken: bool
) -> None:
    versioned(bench, words)
    needs = build("127.0.0.1:4000", proxy_version="0.6.20")
    bench.plane.offer(needs, sequence=6)
    bench.cycle()
    last = bench.settle(1)
    assert last["running"] == (needs.digest if taken else OLD.digest)
    assert last["versions"].get("proxy", "") == words
    if not taken:
        assert last["refusal"]["code"] == "E-NOD-027"
        assert "0.6.20 or newer, and this node has zentinel 0.6.19" in last["refusal"]["message"]
        assert not bench.files.folder(needs.digest).exists()
        # The proxy is updated, and the node goes on by itself.
        versioned(bench, "zentinel 0.6.20")
        bench.seconds += 3600
        assert bench.settle(2)["running"] == needs.digest


def test_a_bundle_for_a_newer_agent_is_refused_before_anything_is_touched(bench: Bench) -> None:
    taken = build("127.0.0.1:4000", agent_version="0.1.0")
    bench.plane.offer(taken, sequence=6)
    assert bench.settle(2)["running"] == taken.digest
    needs = build("127.0.0.1:5000", agent_version="0.2.0")
    bench.plane.offer(needs, sequence=7)
    last = bench.settle(2)
    assert last["running"] == taken.digest
    assert last["refusal"]["code"] == "E-NOD-028"
    assert (
        "for agents of version 0.2.0 or newer, and this is sentinel-node/0.1.0" in last["refusal"]["message"]
    )
    assert not bench.files.folder(needs.digest).exists()


def test_a_binary_that_is_replaced_says_its_new_version(tmp_path: Path) -> None:
    proxy = ProcessProxy(
        script(tmp_path, "echo zentinel 0.6.19; echo more"), tmp_path / "current", 1, tmp_path / "log"
    )
    assert proxy.running().version == "zentinel 0.6.19"
    script(tmp_path, "echo zentinel 0.6.20-longer")
    assert proxy.running().version == "zentinel 0.6.20-longer"
    script(tmp_path, "exit 1")
    assert proxy.running() == RunningReport(None, False, "the proxy does not run", "")
