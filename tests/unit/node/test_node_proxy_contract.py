"""What the agent relies on holds for both proxies: the process, around a double of the binary, and the fake one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconciler.fleet.signals import Counts
from reconciler.node.process import ProcessProxy, find_marker
from reconciler.node.proxy import Proxy, RunningReport, TestResult
from reconciler.simulator.fakeproxy import FakeProxy
from tests.servers.process import free_pair
from tests.unit.node import proxy_double
from tests.unit.node.publishing import proxy_config

ROOT = Path(__file__).resolve().parents[3]


def double_binary(folder: Path) -> str:
    """The double as one executable file, or the binary that SENTINEL_TEST_PROXY_BINARY names."""
    real = os.environ.get("SENTINEL_TEST_PROXY_BINARY")
    if real:
        return real
    script = folder / "zentinel"
    script.write_text(
        f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' '{proxy_double.__file__}' \"$@\"\n"
    )
    script.chmod(0o755)
    return str(script)


class Rig:
    """A proxy, and a way to put a configuration behind its symlink."""

    def __init__(self, proxy: Proxy, folder: Path, port: int) -> None:
        self.proxy, self.folder, self.port = proxy, folder, port
        self.link = folder / "current"

    def put(self, target: str) -> str:
        """Write a configuration, let the symlink name it; returns its config-id."""
        text, config_id = proxy_config(target, self.port)
        self.point(f"{config_id}.kdl", text)
        return config_id

    def point(self, name: str, text: bytes) -> None:
        (self.folder / name).write_bytes(text)
        fresh = self.folder / "fresh"
        fresh.symlink_to(name)
        fresh.rename(self.link)

    def await_id_after(self, config_id: str, act: Callable[[], TestResult]) -> None:
        """Do something and wait until the proxy serves this configuration."""
        assert act().ok
        assert self.await_id(config_id).config_id == config_id

    def await_id(self, config_id: str | None) -> RunningReport:
        deadline = time.monotonic() + 10
        while True:
            report = self.proxy.running()
            if report.config_id == config_id or time.monotonic() > deadline:
                return report
            time.sleep(0.02)


@pytest.fixture
def free_port() -> int:
    """A proxy takes the port behind it too."""
    return free_pair()


@pytest.fixture(params=["process", "fake"])
def rig(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> Iterator[Rig]:
    link = tmp_path / "current"
    if request.param == "fake":
        yield Rig(FakeProxy(link), tmp_path, free_port)
        return
    proxy = ProcessProxy(double_binary(tmp_path), link, free_port, tmp_path / "proxy.log")
    yield Rig(proxy, tmp_path, free_port)
    proxy.stop()


def test_nothing_runs_before_the_first_start(rig: Rig) -> None:
    report = rig.proxy.running()
    assert (report.config_id, report.healthy) == (None, False)
    assert report.reason


def test_test_judges_a_file_and_touches_nothing(rig: Rig) -> None:
    live = rig.put("127.0.0.1:3000")
    rig.proxy.reload()
    assert rig.await_id(live).config_id == live
    good, bad = rig.folder / "good.kdl", rig.folder / "bad.kdl"
    good.write_bytes(proxy_config("127.0.0.1:4000", rig.port)[0])
    bad.write_text("listeners {\n")
    assert rig.proxy.test(good).ok
    result = rig.proxy.test(bad)
    assert not result.ok
    assert "Failed to parse" in result.words
    assert not rig.proxy.test(rig.folder / "absent.kdl").ok
    assert rig.proxy.running().config_id == live


def test_reload_starts_what_does_not_run_and_shows_the_new_configuration(rig: Rig) -> None:
    first = rig.put("127.0.0.1:3000")
    assert rig.proxy.reload().ok
    assert rig.await_id(first) == RunningReport(first, True, "", rig.proxy.running().version)
    second = rig.put("127.0.0.1:4000")
    assert rig.proxy.running().config_id == first, "nothing happens by itself"
    assert rig.proxy.reload().ok
    assert rig.await_id(second).config_id == second


def test_a_bad_configuration_leaves_the_old_one_serving(rig: Rig) -> None:
    first = rig.put("127.0.0.1:3000")
    rig.proxy.reload()
    rig.await_id(first)
    rig.point("bad.kdl", b"routes {\n")
    rig.proxy.reload()
    time.sleep(0.2)
    assert rig.proxy.running().config_id == first


def test_restart_reads_the_file_behind_the_link(rig: Rig) -> None:
    first = rig.put("127.0.0.1:3000")
    rig.proxy.restart()
    assert rig.await_id(first).config_id == first
    second = rig.put("127.0.0.1:4000")
    assert rig.proxy.restart().ok
    assert rig.await_id(second).config_id == second


def test_a_configuration_without_marker_is_not_ours(rig: Rig) -> None:
    text = proxy_config("127.0.0.1:3000", rig.port)[0].split(b"filters {")[0]
    rig.point("plain.kdl", text)
    rig.proxy.restart()
    time.sleep(0.5)
    report = rig.proxy.running()
    assert (report.config_id, report.healthy) == (None, False)


def test_a_restart_on_a_bad_file_ends_the_proxy(rig: Rig) -> None:
    first = rig.put("127.0.0.1:3000")
    rig.proxy.reload()
    rig.await_id(first)
    rig.point("bad.kdl", b"routes {\n")
    rig.proxy.restart()
    assert rig.await_id(None).config_id is None


def test_what_it_counts_begins_again_with_a_start(rig: Rig) -> None:
    assert rig.proxy.signals() is None, "nothing runs"
    rig.await_id_after(rig.put("127.0.0.1:3000"), rig.proxy.reload)
    first = rig.proxy.signals()
    assert first is not None
    assert {"app", ""} >= set(first.services)
    rig.await_id_after(rig.put("127.0.0.1:4000"), rig.proxy.reload)
    second = rig.proxy.signals()
    assert second is not None
    assert second.life == first.life
    assert second.services.get("app", Counts()).requests >= first.services.get("app", Counts()).requests
    rig.await_id_after(rig.put("127.0.0.1:5000"), rig.proxy.restart)
    third = rig.proxy.signals()
    assert third is not None
    assert third.life != first.life
    assert third.memory_permille is not None
    assert 0 < third.memory_permille < 1000


@pytest.fixture
def process(tmp_path: Path, free_port: int) -> Iterator[Rig]:
    proxy = ProcessProxy(double_binary(tmp_path), tmp_path / "current", free_port, tmp_path / "proxy.log")
    yield Rig(proxy, tmp_path, free_port)
    proxy.stop()


def test_the_process_is_never_started_without_a_configuration(process: Rig) -> None:
    assert not process.proxy.reload().ok
    assert not process.proxy.restart().ok
    assert not process.link.exists(), "the binary would have written its own default there"


def test_an_agent_that_starts_again_finds_the_proxy_that_serves(process: Rig) -> None:
    first = process.put("127.0.0.1:3000")
    process.proxy.reload()
    process.await_id(first)
    again = ProcessProxy(
        double_binary(process.folder), process.link, process.port, process.folder / "proxy.log"
    )
    assert again.running().config_id == first
    second = process.put("127.0.0.1:4000")
    again.reload()
    assert process.await_id(second).config_id == second


def test_the_process_tells_what_its_health_endpoint_says(process: Rig) -> None:
    for target, reason in (
        ("127.0.0.1:3000", ""),
        ("192.0.2.1:80", "the proxy says that it is unhealthy, with status 503"),
        ("127.0.0.1:4000", ""),
    ):
        process.await_id_after(process.put(target), process.proxy.reload)
        report = process.proxy.running()
        assert (report.healthy, report.reason) == (not reason, reason)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b'{"status": "healthy"}', ""),
        (
            200,
            b'{"status": "unhealthy", "reason": "no worker"}',
            "the proxy says that it is unhealthy: no worker",
        ),
        (500, b"oops", "the proxy says that it is unhealthy, with status 500"),
        (404, b"", ""),
        (200, b"[1]", ""),
    ],
    ids=["well", "says why", "an error", "no such endpoint", "something else"],
)
def test_what_a_health_endpoint_may_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, reason: str
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            config = b'{"filters": ["sentinel-config-1"]}'
            code, said = (200, config) if self.path == "/config" else (status, body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: Any) -> None:
            """Silence."""

    monkeypatch.setattr(ProcessProxy, "_find", lambda self: os.getpid())
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        proxy = ProcessProxy("/bin/true", tmp_path / "current", server.server_port, tmp_path / "proxy.log")
        report = proxy.running()
        server.shutdown()
    assert (report.config_id, report.healthy, report.reason) == ("1", not reason, reason)


def test_a_recorded_process_that_is_somebody_else_is_left_alone(process: Rig, tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "30"])
    try:
        (tmp_path / "proxy.json").write_text(f'{{"pid": {stranger.pid}, "started": "1"}}')
        assert process.proxy.running().reason == "the proxy does not run"
        process.proxy.restart()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_the_process_tells_what_its_metrics_say(process: Rig) -> None:
    process.await_id_after(process.put("127.0.0.1:3000"), process.proxy.reload)
    signals = process.proxy.signals()
    assert signals is not None
    assert signals.services == {"": Counts(), "app": Counts(100, 3, 100, (10, 250), (60, 98))}
    assert signals.open_breakers is None, "the proxy does not say"


def say(process: Rig, *arguments: str) -> tuple[int, str, str]:
    """How the binary ends, and its words, as the notes on the real one have them."""
    assert isinstance(process.proxy, ProcessProxy)
    done = subprocess.run(
        [process.proxy.binary, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_binary_ends_and_speaks_as_the_agent_expects(process: Rig) -> None:
    good, bad = process.folder / "good.kdl", process.folder / "bad.kdl"
    good.write_bytes(proxy_config("127.0.0.1:4000", process.port)[0])
    bad.write_text("routes {\n}\n")
    code, out, err = say(process, "test", "-c", str(good))
    assert (code, f"configuration file {good} test is successful" in out, "Error" in err) == (0, True, False)
    for path in (bad, process.folder / "absent.kdl"):
        code, out, err = say(process, "test", "-c", str(path))
        assert (code, "successful" in out) == (1, False)
        assert err.startswith("Error: ")
        assert "\n\nCaused by:\n" in err
    assert not (process.folder / "absent.kdl").exists(), "a test writes no default"
    assert say(process, "test", "-c", str(bad))[2].strip()[-1500:] == process.proxy.test(bad).words
    assert say(process, "-c", str(bad))[0] == 1, "a start on a bad file"
    assert say(process, "--no-such-flag")[0] == 2


def test_a_missing_binary_is_named(tmp_path: Path) -> None:
    proxy = ProcessProxy(str(tmp_path / "absent"), tmp_path / "current", 1, tmp_path / "log")
    assert "absent" in proxy.test(tmp_path / "x").words


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"filters": ["sentinel-config-0123456789abcdef", "log"]}, "0123456789abcdef"),
        ({"filters": {"sentinel-config-0123456789abcdef": {}}}, "0123456789abcdef"),
        ({"filters": [{"id": "sentinel-config-0123456789abcdef"}]}, "0123456789abcdef"),
        ({"filters": ["sentinel-config-1", "sentinel-config-2"]}, None),
        ({"filters": []}, None),
        ({}, None),
        ([], None),
        ("x", None),
    ],
)
def test_find_marker(document: Any, found: str | None) -> None:
    assert find_marker(document) == found


def test_fake_listeners_change_at_a_restart_alone(tmp_path: Path) -> None:
    proxy = FakeProxy(tmp_path / "current")
    rig = Rig(proxy, tmp_path, 9901)
    rig.put("127.0.0.1:3000")
    proxy.reload()
    before = proxy.listeners
    rig.port = 9902
    config_id = rig.put("127.0.0.1:3000")
    proxy.reload()
    assert proxy.running().config_id == config_id
    assert proxy.listeners == before
    proxy.restart()
    assert proxy.listeners != before


@pytest.mark.parametrize(
    ("target", "healthy"),
    [
        ("192.0.2.10:80", False),
        ("192.0.3.10:80", True),
        ("192.0.2.255:8080", False),
        ("app.internal:80", True),
    ],
)
def test_fake_routes_to_the_dead_network_answer_502(tmp_path: Path, target: str, healthy: bool) -> None:
    proxy = FakeProxy(tmp_path / "current")
    Rig(proxy, tmp_path, 9901).put(target)
    proxy.reload()
    assert proxy.running().healthy is healthy
    assert proxy.running().reason == ("" if healthy else "502 from routes app")
