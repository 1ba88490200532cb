"""One agent on a bench: paper control plane, fake proxy, real files, a clock that stands still until it is moved."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.node.driver import Hands
from reconciler.node.effects import Answer, Done, Effect, Say, Sleep
from reconciler.node.files import NodeFiles
from reconciler.node.keys import make_keys
from reconciler.node.machine import Agent, Wishes
from reconciler.node.outbox import Outbox
from reconciler.node.runfolder import RunFolder
from reconciler.simulator.fakeproxy import FakeProxy
from reconciler.simulator.temperament import TEMPERAMENTS
from tests.unit.node.publishing import PaperControlPlane


@dataclass
class Bench:
    """`start` is a start of the agent's process; what was on disk is there again."""

    home: Path
    plane: PaperControlPlane = field(default_factory=PaperControlPlane)
    temperament: str = "steady"
    seconds: float = 0.0
    said: list[Say] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    performed: list[Effect] = field(default_factory=list)
    tells: bool = False
    waf_log: Path | None = None

    def __post_init__(self) -> None:
        self.files = NodeFiles(self.home)
        self.run_folder = RunFolder(self.home.with_name(f"{self.home.name}-run"), on_disk=True)
        self.proxy = FakeProxy(self.files.link, TEMPERAMENTS[self.temperament], lambda: self.seconds)
        self.start()

    def now(self) -> datetime:
        return self.plane.now + timedelta(seconds=self.seconds)

    def start(self, *, proxy_too: bool = False) -> None:
        """The agent's process starts; with `proxy_too` the machine booted and the proxy is gone as well."""
        if proxy_too:
            self.proxy.die()
            self.run_folder.wipe()
        self.files.prepare()
        identity = self.files.identity()
        self.agent = Agent(
            Wishes("shop", "edge-1", {"region": "eu"}, "sjt_token", tells=self.tells),
            identity,
            self.files.state() if identity is not None else None,
            self.now,
            lambda: 0.5,
            make_keys,
            f"boot-{len(self.said)}-{id(self) % 997:04}",
        )
        self.hands = Hands(
            self.files,
            self.run_folder,
            self.proxy,
            self.plane,
            self.said.append,
            identity,  # type: ignore[arg-type]
        )
        if self.tells:
            self.hands.outbox = Outbox(self.home / "outbox", self.now, self.waf_log)
            self.hands.outbox.prepare()

    def run(self, steps: Any) -> Any:
        """Carry a generator out; sleeping moves the clock."""
        answer: Answer | None = None
        try:
            while True:
                effect = next(steps) if answer is None else steps.send(answer)
                self.performed.append(effect)
                if isinstance(effect, Sleep):
                    self.slept.append(effect.seconds)
                    self.seconds += effect.seconds
                    answer = Done()
                else:
                    answer = self.hands.perform(effect)
        except StopIteration as end:
            return end.value

    def cycle(self) -> bool:
        """One round."""
        return bool(self.run(self.agent.cycle()))

    def settle(self, rounds: int = 3) -> dict[str, Any]:
        """Some rounds; returns the last heartbeat."""
        for _ in range(rounds):
            self.cycle()
        return self.plane.heartbeats[-1]

    @property
    def never(self) -> threading.Event:
        return threading.Event()
