"""Carries out the effects of one agent: its files, its proxy, its control plane. The machine is sent the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from reconciler.node.effects import (
    Answer,
    CurrentLink,
    Done,
    Effect,
    Failed,
    HttpRequest,
    Prune,
    ReadBack,
    Reload,
    Restart,
    SaveIdentity,
    SaveState,
    Say,
    Sleep,
    Stage,
    Switch,
    Test,
)
from reconciler.node.files import NodeFiles
from reconciler.node.http import ControlPlane
from reconciler.node.proxy import Proxy

T = TypeVar("T")


class Stopped(Exception):
    """The agent was told to stop while it slept; it is between two effects, so nothing is half done."""


@dataclass(slots=True)
class Hands:
    """What one agent's effects act on. `environment` is learnt at registration."""

    files: NodeFiles
    proxy: Proxy
    control_plane: ControlPlane
    say: Callable[[Say], None]
    environment: str = ""

    def perform(self, effect: Effect) -> Answer:
        """Carry out any effect but `Sleep`, which belongs to whoever owns the time."""
        match effect:
            case HttpRequest():
                return self.control_plane.ask(effect)
            case ReadBack():
                return self.proxy.running()
            case Reload():
                return self.proxy.reload()
            case Restart():
                return self.proxy.restart()
            case Test():
                return self.proxy.test(self.files.config(effect.digest, self.environment))
            case Say():
                self.say(effect)
                return Done()
            case Sleep():
                raise RuntimeError("Sleep is for the caller")
            case _:
                try:
                    return self._write(effect)
                except OSError as error:
                    return Failed(f"{type(error).__name__}: {error.strerror or error}")

    def _write(self, effect: SaveIdentity | SaveState | Stage | Switch | CurrentLink | Prune) -> Answer:
        match effect:
            case SaveState():
                self.files.save_state(effect.state)
            case SaveIdentity():
                self.files.save_identity(effect.identity)
                self.environment = effect.identity.environment
            case Stage():
                return Done(str(self.files.stage(effect.digest, effect.files)))
            case Switch():
                self.files.switch(effect.digest, self.environment)
            case CurrentLink():
                return Done(self.files.linked())
            case Prune():
                self.files.prune(effect.keep)
        return Done()


def drive(steps: Generator[Effect, Answer, T], hands: Hands, stop: threading.Event) -> T:
    """Run a generator of the machine to its end, blocking. Raises `Stopped` when `stop` is set during a `Sleep`,
    and whatever the generator raises."""
    answer: Answer | None = None
    try:
        while True:
            # A generator is started with next(), which is send(None).
            effect = next(steps) if answer is None else steps.send(answer)
            if isinstance(effect, Sleep):
                if stop.wait(effect.seconds):
                    raise Stopped
                answer = Done()
            else:
                answer = hands.perform(effect)
    except StopIteration as end:
        result: T = end.value
        return result
