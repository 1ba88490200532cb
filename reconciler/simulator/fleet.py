"""Runs many agents in one process: each is woken when its sleep ends, and a pool of threads carries its effects out."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from reconciler.node.driver import Hands
from reconciler.node.effects import Answer, Done, Effect, Sleep
from reconciler.node.machine import Agent
from reconciler.simulator.fakeproxy import FakeProxy

THREADS = 16
"""Each carries one effect at a time, nearly always an HTTP request that takes milliseconds."""

SPREAD_SECONDS = 0.02
"""Between the first rounds of two nodes: a fleet that starts at once would also report at once, for ever."""


@dataclass(slots=True)
class SimulatedNode:
    """One agent with its fake proxy and its folder."""

    name: str
    agent: Agent
    hands: Hands
    proxy: FakeProxy
    failure: str = ""
    """What ended it, which only a mistake of ours can; empty while it lives."""


@dataclass(slots=True)
class _Life:
    node: SimulatedNode
    steps: Generator[Effect, Answer, None]
    answer: Answer | None = None
    """What the next step is sent; None before the first."""


@dataclass(slots=True)
class Fleet:
    """Nodes and the heap of their next moments. `say` gets one line for what a person should know."""

    nodes: list[SimulatedNode]
    say: Callable[[str], None]
    threads: int = THREADS
    _due: list[tuple[float, int, _Life]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _wake: threading.Condition = field(default_factory=threading.Condition)

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set; a node that is in the middle of a round ends it first."""
        now = time.monotonic()
        for number, node in enumerate(self.nodes):
            self._sleep(_Life(node, node.agent.life()), now + SPREAD_SECONDS * number)
        with ThreadPoolExecutor(min(self.threads, max(1, len(self.nodes))), "fleet") as pool:
            while not stop.is_set():
                life = self._next()
                if life is not None:
                    pool.submit(self._advance, life)
        for node in self.nodes:
            # Fake proxies end with this process, so nobody needs what was opened.
            node.hands.run.wipe()
        for control_plane in {id(n.hands.control_plane): n.hands.control_plane for n in self.nodes}.values():
            control_plane.close()

    def _next(self) -> _Life | None:
        with self._wake:
            wait = self._due[0][0] - time.monotonic() if self._due else 0.2
            if wait > 0:
                # At most a fifth of a second, because the event that stops us does not wake the condition.
                self._wake.wait(min(wait, 0.2))
            if not self._due or self._due[0][0] > time.monotonic():
                return None
            return heapq.heappop(self._due)[2]

    def _sleep(self, life: _Life, until: float) -> None:
        with self._wake:
            heapq.heappush(self._due, (until, next(self._order), life))
            self._wake.notify()

    def _advance(self, life: _Life) -> None:
        """Carry out effects of one node until it sleeps. A node is never in two threads: it is on the heap or here."""
        try:
            while True:
                effect = next(life.steps) if life.answer is None else life.steps.send(life.answer)
                if isinstance(effect, Sleep):
                    life.answer = Done()
                    self._sleep(life, time.monotonic() + effect.seconds)
                    return
                life.answer = life.node.hands.perform(effect)
        except Exception as error:  # noqa: BLE001 — one broken node must not end the others; the log tells.
            life.node.failure = f"{type(error).__name__}: {error}"
            self.say(f"{life.node.name} ended: {life.node.failure}")
