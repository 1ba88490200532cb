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
from reconciler.node.effects import Answer, Done, Effect, HttpRequest, Sleep
from reconciler.node.machine import Agent
from reconciler.node.protocol import PARKS
from reconciler.simulator.counting import Meter
from reconciler.simulator.fakeproxy import FakeProxy
from reconciler.simulator.image import Image
from reconciler.simulator.line import Line

THREADS = 16
"""Each carries one effect at a time, nearly always an HTTP request that takes milliseconds."""

SPREAD_SECONDS = 0.02
"""Between the first rounds of two nodes: a fleet that starts at once would also report at once, for ever."""


@dataclass(slots=True)
class SimulatedNode:
    """One agent with its fake proxy and its folder. `boot` makes agent and hands anew from the folder."""

    name: str
    environment: str
    agent: Agent
    hands: Hands
    proxy: FakeProxy
    line: Line
    boot: Callable[[], tuple[Agent, Hands]]
    image: Image | None = None
    """What its machine is set back to again and again; None for nearly all."""
    failure: str = ""
    """What ended it, which only a mistake of ours can; empty while it lives."""
    crashed: bool = False
    down: bool = False
    """Whether it is down; it is as soon as what it is doing when it crashes is done."""
    runs: str = ""

    def restart(self) -> None:
        """Make agent and hands anew, after a crash or on another image of the machine."""
        self.agent, self.hands = self.boot()


@dataclass(slots=True)
class _Life:
    node: SimulatedNode
    steps: Generator[Effect, Answer, None]
    answer: Answer | None = None
    """What the next step is sent; None before the first."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a scenario does to the fleet, so many seconds after its beginning."""

    at: float
    words: str
    do: Callable[[Fleet], None]


@dataclass(slots=True)
class Fleet:
    """Nodes and the heap of their next moments. `say` gets one line for what a person should know."""

    nodes: list[SimulatedNode]
    say: Callable[[str], None]
    meter: Meter
    threads: int = THREADS
    events: tuple[Event, ...] = ()
    """In the order in which they happen."""
    _due: list[tuple[float, int, _Life]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _pool: ThreadPoolExecutor | None = None
    _parked: ThreadPoolExecutor | None = None

    def run(self, stop: threading.Event, tick: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set; a node that is in the middle of a round ends it first. `tick` is called at least
        five times a second."""
        began = time.monotonic()
        coming = list(self.events)
        for number, node in enumerate(self.nodes):
            self._sleep(_Life(node, node.agent.life()), began + SPREAD_SECONDS * number)
        # A parked poll holds a thread that does nothing; where none is parked this pool never starts one.
        with (
            ThreadPoolExecutor(min(self.threads, max(1, len(self.nodes))), "fleet") as pool,
            ThreadPoolExecutor(max(1, len(self.nodes)), "parked") as parked,
        ):
            self._pool, self._parked = pool, parked
            while not stop.is_set():
                while coming and began + coming[0].at <= time.monotonic():
                    event = coming.pop(0)
                    self.say(event.words)
                    event.do(self)
                tick()
                life = self._next()
                if life is not None:
                    pool.submit(self._advance, life)
            with self._wake:
                self._parked = None
        for node in self.nodes:
            # Fake proxies end with this process, so nobody needs what was opened.
            node.hands.run.wipe()
        for plane in {id(node.line.plane): node.line.plane for node in self.nodes}.values():
            plane.close()

    def crash(self, node: SimulatedNode) -> None:
        """Take a machine down, once what it is doing is done."""
        with self._wake:
            node.crashed = True

    def heal(self, node: SimulatedNode) -> None:
        """Join a node to the control plane again, and start its machine if it is down."""
        node.line.cut = False
        with self._wake:
            node.crashed, was_down = False, node.down
            node.down = False
        if was_down:
            node.restart()
            self._sleep(_Life(node, node.agent.life()), time.monotonic())

    def wake(self) -> None:
        """Let every node that sleeps begin its next round now."""
        now = time.monotonic()
        with self._wake:
            self._due = [(now, number, life) for _, number, life in self._due]
            heapq.heapify(self._due)
            self._wake.notify()

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
        node = life.node
        try:
            if self._went_down(node):
                life.steps.close()
                return
            while True:
                effect = next(life.steps) if life.answer is None else life.steps.send(life.answer)
                if isinstance(effect, Sleep):
                    life.answer = Done()
                    self._note(node)
                    if effect.idle and node.image is not None and node.image.turn():
                        life.steps.close()
                        node.restart()
                        life = _Life(node, node.agent.life())
                    self._sleep(life, time.monotonic() + effect.seconds)
                    return
                if isinstance(effect, HttpRequest) and PARKS in effect.headers:
                    self._part(life, effect)
                    return
                life.answer = node.hands.perform(effect)
        except Exception as error:  # noqa: BLE001 — one broken node must not end the others; the log tells.
            self._fail(node, error)

    def _part(self, life: _Life, request: HttpRequest) -> None:
        """Ask apart from the threads that work; nobody is parked any more once the fleet ends."""
        with self._wake:
            if self._parked is not None:
                self._parked.submit(self._park, life, request)

    def _park(self, life: _Life, request: HttpRequest) -> None:
        """Wait for the answer to a poll that may be parked, and go on where effects are carried out."""
        try:
            life.answer = life.node.hands.perform(request)
        except Exception as error:  # noqa: BLE001 — as in `_advance`.
            self._fail(life.node, error)
            return
        if self._pool is not None:
            self._pool.submit(self._advance, life)

    def _fail(self, node: SimulatedNode, error: Exception) -> None:
        node.failure = f"{type(error).__name__}: {error}"
        self.say(f"{node.name} ended: {node.failure}")

    def _went_down(self, node: SimulatedNode) -> bool:
        with self._wake:
            if not node.crashed:
                return False
            node.crashed, node.down = False, True
        node.proxy.die()
        return True

    def _note(self, node: SimulatedNode) -> None:
        state = node.agent.state
        active = state.active if state is not None else None
        if active is not None and active.digest != node.runs:
            node.runs = active.digest
            self.meter.activated(active.etag, active.digest)
