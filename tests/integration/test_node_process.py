"""`sentinel-node` as a program, around a process that behaves as the proxy does, against the real node API."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Event, Node
from reconciler.db.owed import ask
from reconciler.db.reported import NodeBatch, RuntimeConfig, WafEvent
from reconciler.node.process import ProcessProxy
from reconciler.node.runfolder import default_folder
from reconciler.settings import read_settings
from tests.integration.delivery_world import DeliveryWorld, Worker
from tests.integration.node_servers import ROOT, NodeApi
from tests.servers.migrated import migrated
from tests.servers.process import free_pair
from tests.unit.node.proxy_double import DEAD
from tests.unit.node.publishing import build, pinned, proxy_config
from tests.unit.node.test_node_proxy_contract import double_binary
from tests.unit.nodes_api.served import Release


class Machine:
    """A machine with an agent and a proxy."""

    def __init__(self, folder: Path, api: NodeApi, token: str) -> None:
        self.home = folder / "node"
        self.admin_port = free_pair()
        self.binary = double_binary(folder)
        self.environ = {
            **os.environ,
            "SENTINEL_CONTROL_PLANE": api.url,
            "SENTINEL_NODE_HOME": str(self.home),
            "SENTINEL_PROJECT": "shop",
            "SENTINEL_NODE_NAME": "edge-1",
            "SENTINEL_JOIN_TOKEN": token,
            "SENTINEL_PROXY_BINARY": self.binary,
            "SENTINEL_ADMIN_PORT": str(self.admin_port),
            "SENTINEL_NODE_RUN": str(default_folder(self.home, {}).parent / f"test-{folder.name}"),
        }
        self.agent: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.agent = subprocess.Popen(
            [sys.executable, "-m", "reconciler.node.main", *(arguments or ("run",))],
            cwd=ROOT, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return self.agent

    def stop_agent(self) -> str:
        assert self.agent is not None
        self.agent.send_signal(signal.SIGTERM)
        output, _ = self.agent.communicate(timeout=20)
        assert self.agent.returncode == 0, output
        return output

    @property
    def proxy(self) -> ProcessProxy:
        return ProcessProxy(self.binary, self.home / "current", self.admin_port, self.home / "proxy.log")

    @property
    def run_folder(self) -> Path:
        """Where secrets are opened: in memory, as in production."""
        return Path(self.environ["SENTINEL_NODE_RUN"])

    def live(self) -> str | None:
        return self.proxy.running().config_id


@pytest.fixture
def world(tmp_path: Path, free_port: int) -> Iterator[tuple[Release, Machine]]:
    environ = {"SENTINEL_HOME": str(tmp_path / "home"), "NODE_POLL_SECONDS": "0.3"}
    settings = read_settings(environ)
    migrated(settings)
    release = Release(settings)
    api = NodeApi(environ, free_port, tmp_path / "nodes.log")
    machine = Machine(tmp_path, api, release.token(uses=1))
    yield release, machine
    if machine.agent is not None and machine.agent.poll() is None:
        machine.agent.kill()
        machine.agent.communicate()
    machine.proxy.stop()
    shutil.rmtree(machine.run_folder, ignore_errors=True)
    api.stop()
    session.disconnect()


def until_running(digest: str) -> Node:
    deadline = time.monotonic() + 30
    while True:
        node = Node.select().first()
        if node is not None and node.running == digest and node.health == "healthy":
            found: Node = node
            return found
        assert time.monotonic() < deadline, (
            None if node is None else (node.running, node.health_reason, node.refusal)
        )
        time.sleep(0.05)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def operator(machine: Machine, *arguments: str) -> str:
    """A command that somebody on the machine gives; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.node.main", *arguments],
        cwd=ROOT, env=machine.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_agent_brings_a_process_from_bundle_to_bundle(world: tuple[Release, Machine]) -> None:
    release, machine = world
    first = build("127.0.0.1:3000", admin_port=machine.admin_port)
    second = build("127.0.0.1:4000", admin_port=machine.admin_port)
    restarted = build("127.0.0.1:5000", admin_port=machine.admin_port, restart_key="r2")
    broken = build("127.0.0.1:6000", admin_port=machine.admin_port, config=b"routes {\n")
    waf_log = machine.home.parent / "waf.log"
    attack = {"time": "2026-11-24T20:00:00Z", "rule_id": 942100, "action": "deny", "client_ip": "192.0.2.7"}
    waf_log.write_text(json.dumps(attack) + "\n")
    machine.environ["SENTINEL_NODE_WAF_LOG"] = str(waf_log)
    release.pointer(first, sequence=1)
    machine.start()
    until_running(first.digest)
    pid = (machine.home / "proxy.json").read_text()
    release.pointer(second, sequence=2)
    until_running(second.digest)
    assert (machine.home / "proxy.json").read_text() == pid, "a reload keeps the process"
    release.pointer(restarted, sequence=3)
    until_running(restarted.digest)
    assert (machine.home / "proxy.json").read_text() != pid, "another restart-key starts it afresh"
    release.pointer(broken, sequence=4)
    deadline = time.monotonic() + 15
    while Node.get().refusal is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert Node.get().refusal["code"] == "E-NOD-021"
    assert machine.live() == restarted.config_id
    # The agent goes; the proxy serves on, and the agent finds it again without a token.
    output = machine.stop_agent()
    assert "left serving" in output
    assert "Traceback" not in output
    assert machine.live() == restarted.config_id
    release.pointer(second, sequence=5)
    machine.start()
    until_running(second.digest)
    assert Node.select().count() == 1
    # The operator goes back by hand beside the agent that runs, and ends it while none does.
    assert "runs" in operator(machine, "rollback", "--because", "uploads are cut")
    node = until_running(restarted.digest)
    assert (node.refusal["code"], node.refusal["digest"]) == ("E-NOD-060", second.digest)
    assert "uploads are cut" in node.refusal["message"]
    machine.stop_agent()
    assert machine.live() == restarted.config_id
    operator(machine, "rollback", "--end")
    machine.start()
    until_running(second.digest)
    until(lambda: RuntimeConfig.get().document["bundle"] == second.digest)
    machine.stop_agent()
    # What it had to tell beside its heartbeats is in the database, once.
    assert [(e.rule, e.category, e.action, e.client) for e in WafEvent.select()] == [
        ("942100", "sqli", "blocked", "192.0.2.7")
    ]
    told = [e.details["kind"] for e in Event.select().where(Event.kind == "node.told").order_by(Event.id)]
    assert told == ["rolled-back", "rollback-ended"]
    running = RuntimeConfig.get()
    text, config_id = proxy_config("127.0.0.1:4000", machine.admin_port)
    assert running.config_id == config_id
    assert running.document["files"]["config/production/sentinel.kdl"] == hashlib.sha256(text).hexdigest()
    assert set(NodeBatch.select(NodeBatch.kind).distinct().tuples()) >= {
        ("metrics",),
        ("config",),
    }


def test_an_agent_goes_back_by_itself_when_its_proxy_says_that_it_is_unhealthy(
    world: tuple[Release, Machine],
) -> None:
    release, machine = world
    first = build("127.0.0.1:3000", admin_port=machine.admin_port)
    ailing = build(f"{DEAD}1:4000", admin_port=machine.admin_port)
    third = build("127.0.0.1:5000", admin_port=machine.admin_port)
    release.pointer(first, sequence=1)
    machine.start()
    until_running(first.digest)
    pid = (machine.home / "proxy.json").read_text()
    release.pointer(ailing, sequence=2)
    until(lambda: Node.get().running == ailing.digest and Node.get().health == "unhealthy")
    node = until_running(first.digest)
    assert (node.refusal["code"], node.refusal["digest"]) == ("E-NOD-026", ailing.digest)
    assert "the proxy says that it is unhealthy, with status 503" in node.refusal["message"]
    assert machine.live() == first.config_id
    assert (machine.home / "proxy.json").read_text() == pid, "the proxy was never down"
    # It holds against the offer that still stands, and ends with another one.
    reported = node.reported_at
    until(lambda: Node.get().reported_at > reported)
    assert Node.get().running == first.digest
    release.pointer(third, sequence=3)
    until_running(third.digest)
    assert "Traceback" not in machine.stop_agent()


def test_a_machine_that_boots_serves_what_it_served(world: tuple[Release, Machine]) -> None:
    release, machine = world
    first = build("127.0.0.1:3000", admin_port=machine.admin_port)
    release.pointer(first, sequence=1)
    # The node API may not have seen the pointer yet when the node registers; then there is nothing to do.
    for _ in range(10):
        once = machine.start("once")
        output, _ = once.communicate(timeout=30)
        assert once.returncode == 0, output
        if machine.live() is not None:
            break
    assert machine.live() == first.config_id
    machine.proxy.stop()
    assert machine.live() is None
    boot = Node.get().boot_id
    # A port that somebody else has ends the agent, and not before the proxy serves.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failed = machine.start("--ready", f"127.0.0.1:{taken.getsockname()[1]}", "run")
        said, _ = failed.communicate(timeout=30)
    assert (failed.returncode, "E-NOD-081" in said) == (1, True), said
    assert machine.live() == first.config_id
    machine.start()
    deadline = time.monotonic() + 20
    while Node.get().boot_id == boot:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    until_running(first.digest)
    assert machine.live() == first.config_id
    machine.stop_agent()
    assert "Traceback" not in output


def processes(machine: Machine) -> dict[str, bytes]:
    """Arguments and environment of the agent and its proxy, as the kernel tells them."""
    assert machine.agent is not None
    proxy = json.loads((machine.home / "proxy.json").read_bytes())["pid"]
    return {
        f"{who} {what}": Path(f"/proc/{number}/{what}").read_bytes()
        for who, number in (("agent", machine.agent.pid), ("proxy", proxy))
        for what in ("cmdline", "environ")
    }


def test_a_process_has_its_secrets_after_a_boot_with_nobody_to_ask(
    world: tuple[Release, Machine], tmp_path: Path
) -> None:
    release, machine = world
    canary, token = b"canary-8812", machine.environ["SENTINEL_JOIN_TOKEN"].encode()
    delivery = DeliveryWorld(release.settings)
    delivery.seal("shop-key", 1, canary)
    tls = 'key-file "${secret-file:shop-key}"\n            note "${secret:shop-key}"'
    built = build(admin_port=machine.admin_port, tls=tls, secrets={"shop-key": pinned("shop-key", 1, canary)})
    release.pointer(built, sequence=1)
    ask("acme", "shop", "delivery", "production", now=clock.now())
    worker = Worker(delivery)
    try:
        machine.start()
        until_running(built.digest)
    finally:
        worker.stop()
    opened = machine.home / "current"
    assert canary in opened.read_bytes()
    assert opened.resolve().is_relative_to(machine.run_folder)
    seen = processes(machine)
    assert token in seen["agent environ"]
    assert token not in seen["proxy environ"]
    assert [what for what, content in seen.items() if canary in content] == []
    doctor = subprocess.run(
        [sys.executable, "-m", "reconciler.node.main", "doctor"],
        cwd=ROOT, env=machine.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"ok   secrets: {machine.run_folder}, in memory" in doctor.stdout
    said = machine.stop_agent()
    # The machine goes down, memory with it, and boots where nobody answers.
    machine.proxy.stop()
    shutil.rmtree(machine.run_folder)
    machine.environ["SENTINEL_CONTROL_PLANE"] = "http://127.0.0.1:9"
    agent = machine.start()
    assert agent.stdout is not None
    first_words = agent.stdout.readline()
    while "E-NOD-010" not in first_words:
        line = agent.stdout.readline()
        assert line, first_words
        first_words += line
    assert machine.live() == built.config_id
    assert canary in opened.read_bytes()
    said += first_words + machine.stop_agent()
    # Told to take the proxy along, the agent leaves nothing opened.
    agent = machine.start("run", "--stop-proxy")
    assert agent.stdout is not None
    said += agent.stdout.readline() + machine.stop_agent()
    assert not machine.run_folder.exists()
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "proxy.log" in {path.name for path in kept}
    assert [str(path) for path in kept if canary in path.read_bytes()] == []
    assert canary.decode() not in said
