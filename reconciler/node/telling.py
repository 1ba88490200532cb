"""Tells the control plane what is kept for it: a few batches a round, after everything that matters more.

Nothing here ever holds up an activation or a heartbeat: what cannot be sent stays on the disk, and what will never be
taken is said in the log and left out.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError, Transient
from reconciler.node import protocol
from reconciler.node.effects import Answer, Batch, Done, Effect, EndBatch, Measure, Measured, NextBatch, Say
from reconciler.node.patience import Overloaded

if TYPE_CHECKING:
    from reconciler.node.machine import Agent

MOST_AT_ONCE = 4
"""Batches of one round, so that a node that was away for a day does not tell everything at once."""


def tell(agent: Agent) -> Generator[Effect, Answer, None]:
    """Send the oldest batches. Those that are not taken now are tried again, as many rounds later as was asked for."""
    if agent.rounds_of_silence > 0:
        agent.rounds_of_silence -= 1
        return
    identity, _ = agent.known()
    for _ in range(MOST_AT_ONCE):
        batch = yield NextBatch()
        if not isinstance(batch, Batch):
            return
        try:
            protocol.expect((yield from agent.ask(protocol.batch(identity, batch))), 200)
        except Transient as error:
            wait = error.retry_after if isinstance(error, Overloaded) else 0.0
            agent.rounds_of_silence = int(wait / agent.poll_seconds)
            return
        except ReconcilerError as error:
            if error.code == "E-NOD-011":
                return
            yield Say("batch-refused", {"kind": batch.kind, "code": error.code, "message": error.message})
        ended = yield EndBatch(batch.number)
        if not isinstance(ended, Done):
            return


def last_words(agent: Agent) -> Generator[Effect, Answer, None]:
    """Tell what a proxy counted before it is started afresh and counts from zero; what is not taken now is lost."""
    identity, _ = agent.known()
    measured = yield Measure()
    if isinstance(measured, Measured) and measured.signals is not None:
        name = f"m-{agent.boot_id}-{agent.counter}"
        yield from agent.ask(protocol.counters(identity, name, measured.signals))
