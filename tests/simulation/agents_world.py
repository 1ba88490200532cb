"""Real agents and the real node API in one process and in virtual time: only proxies and the network are made up.

The agents' machine, protocol, verifier and files are those of `sentinel-node`; their requests go through ASGI.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.node.effects import Answer, Done, Effect, Failed, HttpReply, HttpRequest, Sleep
from reconciler.simulator.building import Group, build_fleet
from reconciler.simulator.fleet import SimulatedNode
from tests.unit.nodes_api.served import Api

TICK = 1.0
"""Virtual seconds between two looks of the node API at its database, and two writes."""


@dataclass(slots=True)
class Life:
    node: SimulatedNode
    steps: Generator[Effect, Answer, None]
    answer: Answer | None = None


@dataclass
class AgentsWorld:
    """`seconds` is the virtual time. `away`: nobody answers. `statuses` counts answers, `asked` the requests in each
    second, whether they were answered or not."""

    starts: datetime
    seconds: float = 0.0
    away: bool = False
    statuses: Counter[int] = field(default_factory=Counter)
    asked: Counter[int] = field(default_factory=Counter)
    nodes: list[SimulatedNode] = field(default_factory=list)
    lives: list[tuple[float, int, Life]] = field(default_factory=list)
    deepest: int = 0
    """The most reports that ever waited to be written."""
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def now(self) -> datetime:
        return self.starts + timedelta(milliseconds=round(self.seconds * 1000))

    def populate(self, home: Path, count: int, token: str) -> None:
        """So many agents that are to register, the first rounds of which are spread over a while."""
        fleet = build_fleet(
            (Group("production", count),), home=home, url="http://nowhere.invalid", project="shop",
            token_of=lambda environment: token, say=lambda line: None, quiet=True,
        )  # fmt: skip
        self.nodes = fleet.nodes
        for number, node in enumerate(fleet.nodes):
            node.proxy.monotonic = lambda: self.seconds
            self.push(number * 0.1, Life(node, node.agent.life()))

    def push(self, at: float, life: Life) -> None:
        heapq.heappush(self.lives, (at, next(self._order), life))

    def wake_all(self) -> None:
        """Let every node begin its next round in this very moment."""
        self.lives = [(self.seconds, number, life) for _, number, life in self.lives]
        heapq.heapify(self.lives)

    async def play(self, api: Api, until: float) -> None:
        """Let virtual time pass until then."""
        service = api.service
        service.now = service.heartbeats.now = self.now
        while self.seconds < until:
            ends = min(until, self.seconds + TICK)
            while self.lives and self.lives[0][0] <= ends:
                self.seconds, _, life = heapq.heappop(self.lives)
                await self._advance(api, life)
            self.seconds = ends
            if not self.away:
                await service.heartbeats.flush()
                await service._look()

    async def _advance(self, api: Api, life: Life) -> None:
        while True:
            effect = next(life.steps) if life.answer is None else life.steps.send(life.answer)
            if isinstance(effect, Sleep):
                life.answer = Done()
                self.push(self.seconds + effect.seconds, life)
                return
            if isinstance(effect, HttpRequest):
                life.answer = await self._ask(api, effect)
            else:
                life.answer = life.node.hands.perform(effect)

    async def _ask(self, api: Api, request: HttpRequest) -> Answer:
        self.asked[int(self.seconds)] += 1
        if self.away:
            return Failed("ConnectionRefusedError: nobody answers")
        reply = await api.ask(
            request.method, request.path, body=request.body or b"", headers=dict(request.headers)
        )
        self.statuses[reply.status] += 1
        self.deepest = max(self.deepest, len(api.service.heartbeats.pending))
        return HttpReply(reply.status, reply.headers, reply.body)
