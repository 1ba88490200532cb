"""Carries out the effects of one agent: its files, its proxy, its control plane. The machine is sent the answers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from reconciler.errors import Refused, Stalled
from reconciler.node.effects import (
    Answer,
    CurrentLink,
    Done,
    Effect,
    EndBatch,
    EndOrder,
    Failed,
    Gather,
    HttpRequest,
    KeepSealed,
    Kept,
    Known,
    LoadIdentity,
    Measure,
    Measured,
    NextBatch,
    Prune,
    Publish,
    ReadBack,
    ReadSealed,
    Recall,
    Recalled,
    Reload,
    Render,
    Restart,
    SaveIdentity,
    SaveState,
    Say,
    Sleep,
    Stage,
    Switch,
    TakeOrder,
    Test,
)
from reconciler.node.files import NodeFiles
from reconciler.node.http import ControlPlane
from reconciler.node.outbox import Outbox
from reconciler.node.protocol import clean
from reconciler.node.proxy import Proxy, TestResult
from reconciler.node.rendering import plan, render
from reconciler.node.runfolder import RunFolder
from reconciler.node.runtime import runtime_config
from reconciler.node.sealedset import decode_sealed_set, open_sealed_set
from reconciler.node.state import Identity
from reconciler.node.weights import Board

T = TypeVar("T")

TOLD = {
    "control-plane-answers": ("info", "the control plane answers again"),
    "link-made-again": ("warning", "the symlink that the proxy reads was gone and was made again"),
    "mirror-followed": ("info", "a mirror had news while the control plane was away"),
    "not-gone-back": ("error", "the proxy does not stay up, and there is no way back"),
    "order-failed": ("warning", "an order of the operator of the machine could not be carried out"),
    "proxy-silent": ("warning", "the proxy did not answer and was told to reload, or was started"),
    "rollback-ended": ("info", "the operator of the machine ended a rollback by hand"),
    "rolled-back": ("warning", "the node went back to the bundle that ran before"),
    "secrets-not-mended": ("error", "the secrets of what runs can be neither opened nor fetched again"),
    "source-failed": ("warning", "a bundle could not be had where it was offered"),
    "unconfirmed-bundle-left": (
        "warning",
        "the node left a bundle that it had not confirmed before it stopped",
    ),
}
"""What of the log is an event for the control plane, how grave it is, and in which words. Refusals and activations
are in heartbeats."""

LOOK_SECONDS = 1.0
"""So often an agent that rests looks for an order of the operator."""


class Stopped(Exception):
    """The agent was told to stop while it slept; it is between two effects, so nothing is half done."""


@dataclass(slots=True)
class Hands:
    """What one agent's effects act on. `identity` is learnt at registration."""

    files: NodeFiles
    run: RunFolder
    proxy: Proxy
    control_plane: ControlPlane
    say: Callable[[Say], None]
    identity: Identity | None = None
    board: Board = field(default_factory=Board)
    outbox: Outbox | None = None
    _called: int = 0
    _described: tuple[Any, ...] = ()

    def called(self) -> bool:
        """Whether the operator left an order since this was last asked."""
        before, self._called = self._called, self.files.ordered()
        return self._called not in (0, before)

    def perform(self, effect: Effect) -> Answer:
        """Carry out any effect but `Sleep`, which belongs to whoever owns the time."""
        match effect:
            case HttpRequest():
                return self.control_plane.ask(effect)
            case ReadBack():
                return self.proxy.running()
            case Publish():
                return self.board.publish(effect.weight)
            case Measure():
                return Measured(self.proxy.signals())
            case Reload():
                return self.proxy.reload()
            case Restart():
                return self.proxy.restart()
            case Test():
                return self._test(effect)
            case Say():
                self.say(effect)
                self._note(effect)
                return Done()
            case Sleep():
                raise RuntimeError("Sleep is for the caller")
            case _:
                try:
                    return self._write(effect)
                except (Refused, Stalled) as refused:
                    return Failed(refused.message, refused.code)
                except OSError as error:
                    return Failed(f"{type(error).__name__}: {error.strerror or error}")

    def _write(
        self,
        effect: SaveIdentity
        | LoadIdentity
        | SaveState
        | Stage
        | KeepSealed
        | ReadSealed
        | Render
        | Switch
        | CurrentLink
        | Recall
        | TakeOrder
        | EndOrder
        | Gather
        | NextBatch
        | EndBatch
        | Prune,
    ) -> Answer:
        match effect:
            case SaveState():
                self.files.save_state(effect.state)
            case SaveIdentity():
                self.files.save_identity(effect.identity)
                self.identity = effect.identity
            case LoadIdentity():
                return Known(self.files.identity())
            case Stage():
                return Done(str(self.files.stage(effect.digest, effect.files)))
            case KeepSealed():
                self.files.keep_sealed(effect.digest, effect.sealed)
            case ReadSealed():
                return Kept(self.files.sealed_of(effect.digest))
            case Render():
                self._render(effect)
            case Switch():
                self._switch(effect)
            case CurrentLink():
                return Done(self.files.linked())
            case Recall():
                return Recalled(self.files.recall(effect.digest))
            case TakeOrder():
                return self.files.order() or Done()
            case EndOrder():
                self.files.end_order(effect.outcome)
            case Gather():
                self._gather(effect)
            case NextBatch():
                return (self.outbox.next() if self.outbox is not None else None) or Done()
            case EndBatch():
                if self.outbox is not None:
                    self.outbox.end(effect.number)
            case Prune():
                self.files.prune(effect.keep)
                self.run.prune(effect.renderings | {self.files.linked_rendering()})
        return Done()

    def _note(self, said: Say) -> None:
        """Tell the control plane too what it would not learn from heartbeats."""
        if self.outbox is None or said.event not in TOLD:
            return
        severity, words = TOLD[said.event]
        details = {name: clean(str(value), 255) for name, value in said.fields.items()}
        further = "".join(f"; {name} {value}" for name, value in details.items())
        # A disk that takes no event takes no bundle either, and that is reported.
        with contextlib.suppress(OSError):
            self.outbox.note(said.event, severity, words + further, details)

    def _gather(self, effect: Gather) -> None:
        if self.outbox is None:
            return
        seen = (effect.state.active, effect.state.held, effect.report.config_id, effect.report.version)
        config = None
        if seen != self._described:
            # What is staged may be damaged; that holds up neither attacks nor events, and the next start looks again.
            with contextlib.suppress(OSError):
                config = runtime_config(self.files, self._known(), effect.state, effect.report)
        self.outbox.gather(config)
        self._described = seen

    def _render(self, effect: Render) -> None:
        identity = self._known()
        files = self.files.templates(effect.digest, identity.environment)
        needed = plan(files, identity.environment)
        if (needed.rendering, needed.secrets) != (effect.rendering, effect.secrets):
            raise Refused(
                "E-NOD-051", f"the staged bundle {effect.digest[:19]} is not the one that was verified"
            )
        values: dict[str, bytes] = {}
        if needed.secrets:
            self.run.check()
            values = open_sealed_set(
                decode_sealed_set(self.files.sealed_of(effect.digest), needed.secrets),
                identity.keys.sealing,
                project=identity.project,
                environment=identity.environment,
            )
        folder = str(self.run.folder(needed.rendering))
        self.run.place(needed.rendering, render(files, identity.environment, values, folder))
        if not self.run.is_attached(needed.rendering):
            self.run.attach(needed.rendering, self.files.folder(effect.digest))

    def _switch(self, effect: Switch) -> None:
        if effect.digest is None:
            self.files.switch(None)
            return
        if effect.rendering:
            self.run.attach(effect.rendering, self.files.folder(effect.digest))
        self.files.switch(self._config(effect.digest, effect.rendering))

    def _test(self, effect: Test) -> TestResult:
        result = self.proxy.test(self._config(effect.digest, effect.rendering))
        if result.ok or not effect.secret:
            return result
        again = self.proxy.test(self._config(effect.digest, ""))
        if not again.ok:
            return again
        return TestResult(False, "its words are not passed on, because the configuration holds secrets")

    def _config(self, digest: str, rendering: str) -> Path:
        environment = self._known().environment
        if rendering:
            return self.run.config(rendering, environment)
        return self.files.config(digest, environment)

    def _known(self) -> Identity:
        if self.identity is None:
            raise RuntimeError("a node that is not registered has no environment")
        return self.identity


def drive(steps: Generator[Effect, Answer, T], hands: Hands, stop: threading.Event) -> T:
    """Run a generator of the machine to its end, blocking. Raises `Stopped` when `stop` is set during a `Sleep`,
    and whatever the generator raises."""
    answer: Answer | None = None
    try:
        while True:
            # A generator is started with next(), which is send(None).
            effect = next(steps) if answer is None else steps.send(answer)
            if isinstance(effect, Sleep):
                _rest(effect, hands, stop)
                answer = Done()
            else:
                answer = hands.perform(effect)
    except StopIteration as end:
        result: T = end.value
        return result


def _rest(effect: Sleep, hands: Hands, stop: threading.Event) -> None:
    """Sleep; an idle sleep ends when the operator gives an order. Raises `Stopped`."""
    ends = time.monotonic() + effect.seconds
    while True:
        left = max(0.0, ends - time.monotonic())
        if stop.wait(min(left, LOOK_SECONDS) if effect.idle else left):
            raise Stopped
        if left <= LOOK_SECONDS or (effect.idle and hands.called()):
            return
