"""A control plane with something published, and a fleet of simulated nodes that speak real HTTP to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from reconciler.db.models import Node
from reconciler.settings import read_settings
from reconciler.simulator.building import Group, build_fleet
from reconciler.simulator.fleet import Fleet
from tests.integration.node_servers import NodeApi
from tests.servers.migrated import migrated
from tests.unit.nodes_api.served import Release


class Stage:
    """A control plane with something published, and a fleet in a thread."""

    def __init__(self, tmp_path: Path, port: int, workers: int = 1, **environ: str) -> None:
        self.environ = {"SENTINEL_HOME": str(tmp_path / "home"), "NODE_POLL_SECONDS": "0.3", **environ}
        self.settings = read_settings(self.environ)
        migrated(self.settings)
        self.release = Release(self.settings)
        self.api = NodeApi(self.environ, port, tmp_path / "nodes.log", workers)
        self.nodes = tmp_path / "nodes"
        self.log: list[str] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.fleet: Fleet | None = None

    def start(
        self,
        groups: tuple[Group, ...],
        *,
        url: str | None = None,
        token: str | None = None,
        mirrors: tuple[str, ...] = (),
        wait: int = 0,
    ) -> Fleet:
        self._stop.clear()
        self.fleet = build_fleet(
            groups,
            home=self.nodes,
            url=url or self.api.url,
            project="shop",
            token_of=lambda environment: token,
            say=self.log.append,
            mirrors=mirrors,
            wait=wait,
        )
        self._thread = threading.Thread(target=self.fleet.run, args=(self._stop,))
        self._thread.start()
        return self.fleet

    def stop_fleet(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)
            assert not self._thread.is_alive()
        if self.fleet is not None:
            assert [node.failure for node in self.fleet.nodes if node.failure] == []

    def until(self, condition: Callable[[list[Node]], bool], seconds: float = 20.0) -> list[Node]:
        """Wait for what pages would show; returns the nodes by name."""
        deadline = time.monotonic() + seconds
        while True:
            nodes = list(Node.select().order_by(Node.name))
            if condition(nodes):
                return nodes
            said = [(n.name, n.running[:15], n.health, n.refusal) for n in nodes]
            assert time.monotonic() < deadline, f"{said}\n" + "\n".join(self.log[-20:])
            time.sleep(0.05)


def all_run(digest: str, health: str = "healthy") -> Callable[[list[Node]], bool]:
    return lambda nodes: bool(nodes) and all(n.running == digest and n.health == health for n in nodes)
