"""A blue-green release on a real fleet: agents over HTTP, weights over the agent check, requests where weights say.

The balancer is a stand-in that does as HAProxy would: it asks each agent over TCP, and goes by the answers.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.joining import create_join_token
from reconciler.db.models import Node, Release
from reconciler.errors import NotYet
from reconciler.flows import environment, measuring, trunk
from reconciler.simulator.building import Group, build_fleet
from tests.integration.test_keys_fleet import System
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

CONFIG = b"""project "shop" { title "Shop"; }
environment "dev" {
    proxy-version "0.6.20"
    policy {
        strategy "blue-green"
        blue-green {
            balancer "stand-in"
            slots "slot" blue="a" green="b"
            shift 50
            bake "0s"
            hold "1s"
            traffic within=10 samples=20
        }
        gates { error-rate max="5%%" samples=20; }
        on-failure "rollback"
        min-healthy "0s"
        progress-deadline "90s"
    }
}
listener "public" { address "0.0.0.0:8080"; }
service "web" {
    path-prefix "/"
    upstream "web"
}
upstream "web" { target "127.0.0.1:%d"; }
"""


class Edge:
    """The balancer of a fleet. `follows` False: it goes on with the weights that it knows."""

    def __init__(self) -> None:
        self.follows = True
        self.known: dict[str, int] = {}

    def ask(self, name: str, address: tuple[str, int]) -> int:
        if self.follows or name not in self.known:
            with socket.create_connection(address, timeout=5) as peer:
                words = peer.makefile("rb").read().decode()
            found = re.fullmatch(r"ready (\d+)%\n", words)
            assert found or words == "drain\n", words
            self.known[name] = int(found[1]) if found else 0
        return self.known[name]


class Stage(System):
    """`edge` is in front of the fleet, which has two nodes in each slot."""

    def start(self) -> None:
        self.edge = Edge()
        token = create_join_token("acme", "shop", "dev", now=clock.now(), uses=None, expires_at=None)
        self.fleet = build_fleet(
            tuple(Group("dev", 2, labels={"slot": slot}) for slot in "ab"),
            home=self.folder / "nodes", url=self.front.url, project="shop", token_of=lambda name: token,
            say=self.log.append,
        )  # fmt: skip
        for node in self.fleet.nodes:
            (address,) = node.hands.board.serve(agent_check=("127.0.0.1", 0))
            node.proxy.weight = partial(self.edge.ask, node.name, address)
        self._thread = threading.Thread(target=self.fleet.run, args=(self._stop,))
        self._thread.start()

    def stop(self) -> None:
        for node in self.fleet.nodes if self.fleet is not None else ():
            node.hands.board.close()
        super().stop()

    def until(self, event: str, *, never: str = "") -> list[str]:
        """Let the control plane work until the branch has this event as its last; the events of this rollout.

        Meanwhile somebody always serves, and nobody serves `never` with all of its weight.
        """
        deadline = time.monotonic() + 150
        served = False
        while True:
            try:
                environment.run(self.context, "dev", lambda: None)
            except NotYet:
                trunk.run(self.context, lambda: None)
            assert self.fleet is not None
            nodes = [(node.hands.board.weight, node.runs) for node in self.fleet.nodes]
            served = served or any(weight for weight, _ in nodes)
            assert not served or any(weight for weight, _ in nodes), "nobody serves"
            assert (100, never) not in nodes, nodes
            with session.reading():
                commits = list(Release.select().order_by(Release.height))
            found = [dict(commit.trailers)["Event"] for commit in commits if commit.ours]
            if found[-1:] == [event]:
                opened = len(found) - found[::-1].index("rollout.opened") - 1
                return found[opened:]
            assert time.monotonic() < deadline, [commit.subject for commit in commits] + self.log[-10:]
            time.sleep(0.5)

    def waits(self, words: str) -> None:
        """Let the control plane work until that is what it waits for."""
        deadline = time.monotonic() + 60
        while words not in (said := environment.run(self.context, "dev", lambda: None).because):
            assert time.monotonic() < deadline, said
            time.sleep(0.3)

    def slots(self) -> dict[str, set[tuple[str, int]]]:
        """By slot what its nodes run and what they tell the balancer, once that is what they are told."""
        assert self.fleet is not None
        with session.reading():
            running = {node.name: node for node in Node.select()}
        found: dict[str, set[tuple[str, int]]] = {"a": set(), "b": set()}
        for node in self.fleet.nodes:
            row = running[node.name]
            found[row.labels["slot"]].add((row.running, node.hands.board.weight))
        return found

    def rests_at(self, wanted: dict[str, set[tuple[str, int]]]) -> None:
        deadline = time.monotonic() + 60
        while self.slots() != wanted:
            assert time.monotonic() < deadline, (self.slots(), wanted, self.log[-10:])
            environment.run(self.context, "dev", lambda: None)
            time.sleep(0.3)


@pytest.fixture
def stage(
    tmp_path: Path, git_server: GitServer, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    monkeypatch.setattr(measuring, "EVERY", timedelta(seconds=1))
    monkeypatch.setattr(measuring, "SHARE_WINDOW", timedelta(seconds=4))
    made = Stage(tmp_path, git_server, free_port)
    made.source = CONFIG
    yield made
    made.stop()


@pytest.mark.timeout(400)
def test_a_swap_and_the_way_back_of_a_bad_release(stage: Stage) -> None:
    first = stage.push(3000)
    stage.start()
    stage.until("rollout.completed")
    stage.rests_at({"a": {(first, 0)}, "b": {(first, 100)}})

    second = stage.push(4000)
    stage.edge.follows = False
    stage.waits("the balancer 'stand-in' does not follow")
    stage.edge.follows = True
    events = stage.until("rollout.completed")
    assert events == ["rollout.opened", *["rollout.advanced"] * 4, "rollout.completed"]
    stage.rests_at({"a": {(second, 100)}, "b": {(second, 0)}})

    stage.source = CONFIG.replace(b"127.0.0.1:%d", b"198.51.100.50:%d")
    bad = stage.push(5000)
    events = stage.until("rollout.rolled-back", never=bad)
    assert events == [
        "rollout.opened",
        *["rollout.advanced"] * 2,
        "rollout.turned-back",
        "rollout.rolled-back",
    ]
    stage.rests_at({"a": {(second, 100)}, "b": {(second, 0)}})
    with session.reading():
        turned = Release.select().where(Release.subject.startswith("Turn back")).get()
    words = f"blue gets all requests again, then green leaves {bad[7:19]}"
    assert turned.subject == f"Turn back rollout r-0003 in dev: {words}"
    assert "error-rate" in dict(turned.trailers)["Because"]
