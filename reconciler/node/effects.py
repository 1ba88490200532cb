"""What the machine can ask for. Each effect names the type of what it is sent back.

A driver answers `Failed` to any effect that the world did not allow; the machine decides what that means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.fleet.signals import Signals
from reconciler.node.orders import Order, Outcome
from reconciler.node.proxy import RunningReport, TestResult
from reconciler.node.state import Identity, NodeState
from reconciler.pinned import Pinned


@dataclass(frozen=True, slots=True)
class Failed:
    """The effect did not happen, in words a person can read. `code` is that of a refusal, empty for other faults."""

    words: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The effect happened; where it names a path, this is it."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole answer. `body` is at most one byte longer than the limit asked for, so that too much is noticed."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Ask the control plane. Answer: `HttpReply` or `Failed`.

    `limit`: bytes of the answer that may be read. `seconds`: for the answer, and one more for each
    16 KiB of it that came.
    `again`: whether a connection that broke may be tried once more. `source` 0 is the control plane, a higher number a
    mirror. `elsewhere`: whether one redirect to another place is followed there, without the headers of the request.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    limit: int
    seconds: float
    again: bool = True
    source: int = 0
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait. Answer: `Done`. `idle`: between two rounds, so it may end early when the operator gives an order."""

    seconds: float
    idle: bool = False


@dataclass(frozen=True, slots=True)
class SaveIdentity:
    """Keep who this node is, mode 0600, durable when answered. Answer: `Done` or `Failed`."""

    identity: Identity = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoadIdentity:
    """Read again who this node is. Answer: `Known` or `Failed`."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who the files say that this node is, None before registration."""

    identity: Identity | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SaveState:
    """Replace the remembered state, durable when answered. Answer: `Done` or `Failed`."""

    state: NodeState


@dataclass(frozen=True, slots=True)
class Stage:
    """Write a verified bundle's files into a folder of its own, durable when answered. Answer: `Done` or `Failed`."""

    digest: str
    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepSealed:
    """Keep the sealed secrets of a staged bundle, mode 0600, durable when answered. Answer: `Done` or `Failed`."""

    digest: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept, as it was kept."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadSealed:
    """Read the kept sealed secrets of a bundle again; still sealed. Answer: `Kept` or `Failed`."""

    digest: str


@dataclass(frozen=True, slots=True)
class Render:
    """Open the kept secrets of a staged bundle and write its rendering into memory, complete or not at all.

    `rendering` and `secrets` are what the verified manifest gave; what lies on the disk has to be just that. Answer:
    `Done`, or `Failed` with the code of the refusal.
    """

    digest: str
    rendering: str
    secrets: Mapping[str, Pinned]


@dataclass(frozen=True, slots=True)
class Test:
    """Run the proxy's own check on the configuration, the rendered one if there is one.

    Answer: `TestResult` or `Failed`. `secret`: the configuration holds secrets, so what the proxy says about it is not
    passed on; its words about the staged file, which holds none, are.
    """

    __test__ = False

    digest: str
    rendering: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """Let the proxy's symlink name this staged bundle, or its rendering, atomically and durably.

    Answer: `Done` or `Failed`. None removes the symlink: there was no configuration before.
    """

    digest: str | None
    rendering: str = ""


@dataclass(frozen=True, slots=True)
class CurrentLink:
    """Which staged bundle the symlink names. Answer: `Done` with its digest as path, empty for none."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Tell the proxy to read its file again. Answer: `TestResult` or `Failed`."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Start the proxy afresh. Answer: `TestResult` or `Failed`."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Ask the proxy what is live. Answer: `RunningReport` or `Failed`."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Ask the proxy what it counted. Answer: `Measured`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the proxy counted; None when it could not be asked, which is no reason to be silent about the rest."""

    signals: Signals | None


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the balancer in front this weight. Answer: `Done`, or `Failed` when the hook did not take it."""

    weight: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Read a staged bundle again, whole, and see that it has this very digest. Answer: `Recalled` or `Failed`."""

    digest: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """The files of a staged bundle, which are those that were verified when it was staged."""

    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TakeOrder:
    """Look whether the operator of this machine left an order. Answer: `Order`, `Done` for none, or `Failed`."""


@dataclass(frozen=True, slots=True)
class EndOrder:
    """Let the operator know what came of an order, and take it away. Answer: `Done` or `Failed`."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Gather:
    """Take in what there is to tell beside heartbeats: the WAF agent's log, and what runs by state and report.

    Answer: `Done` or `Failed`.
    """

    state: NodeState
    report: RunningReport


@dataclass(frozen=True, slots=True)
class NextBatch:
    """The oldest batch that is kept for the control plane. Answer: `Batch`, `Done` for none, or `Failed`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it is sent; the same each time."""

    number: str
    kind: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndBatch:
    """Forget a batch. Answer: `Done` or `Failed`."""

    number: str


@dataclass(frozen=True, slots=True)
class Prune:
    """Remove staged bundles with their sealed secrets, and renderings, other than these. Answer: `Done` or `Failed`."""

    keep: frozenset[str]
    renderings: frozenset[str]


@dataclass(frozen=True, slots=True)
class Say:
    """Something for the log: a static name and fields. Answer: `Done`."""

    event: str
    fields: Mapping[str, Any]


Effect = (
    HttpRequest
    | Sleep
    | SaveIdentity
    | LoadIdentity
    | SaveState
    | Stage
    | KeepSealed
    | ReadSealed
    | Render
    | Test
    | Switch
    | CurrentLink
    | Reload
    | Restart
    | ReadBack
    | Measure
    | Publish
    | Recall
    | TakeOrder
    | EndOrder
    | Gather
    | NextBatch
    | EndBatch
    | Prune
    | Say
)
Answer = (
    HttpReply
    | TestResult
    | RunningReport
    | Measured
    | Kept
    | Known
    | Recalled
    | Order
    | Batch
    | Done
    | Failed
)
