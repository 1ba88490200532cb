"""When a node polls, for how long it lets itself be parked, and what it does with the answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from reconciler.errors import Refused, Stalled, Transient
from reconciler.node import protocol
from reconciler.node.effects import Answer, Effect
from reconciler.node.patience import asks_for_long
from reconciler.node.sources import ControlPlaneSource
from reconciler.node.taking import take
from reconciler.node.verification import Check

if TYPE_CHECKING:
    from reconciler.node.machine import Agent

POLL_ANYWAY = 30
"""Every so many rounds a node polls although its heartbeat named no news: two mechanisms never fail alike."""


def worth_a_poll(agent: Agent, etag: str | None, *, anyway: bool) -> bool:
    """Whether there may be news; `etag` is what the answer to the heartbeat named."""
    _, state = agent.known()
    if agent.wishes.wait or anyway:
        return True
    if etag is None:
        return False
    held = state.active.etag if state.active is not None else ""
    refused = _refused(agent)
    return etag != held and not (refused and etag == refused)


def poll(agent: Agent) -> Generator[Effect, Answer, bool]:
    """Ask, and take what is offered; True when something changed that should be reported."""
    identity, state = agent.known()
    held = state.active.etag if state.active is not None else ""
    tags = tuple(tag for tag in dict.fromkeys((held, _refused(agent))) if tag)
    wait = longest_wait(agent.wishes.wait, agent.poll_seconds)
    began = agent.now()
    answer = yield from agent.ask(protocol.poll(identity, tags, wait))
    # The clock may have been set meanwhile. A control plane that does not park leaves the whole pause to be slept.
    agent.parked = min(max(0.0, (agent.now() - began).total_seconds()), float(wait))
    reply = protocol.expect(answer, 200, 204, 304)
    if reply.status != 200:
        return False
    etag = reply.headers.get("etag", "")[:200]
    check = Check(identity, state, now=agent.now())
    try:
        yield from take(agent, check, protocol.read_offer(reply), ControlPlaneSource(identity))
    except (Refused, Stalled) as refused:
        yield from agent.remember(refused, etag, check)
    except Transient as slow:
        # Who is away is not worth a word to the control plane; who keeps a node waiting for a bundle is.
        if slow.code == protocol.SLOW or asks_for_long(slow):
            yield from agent.remember(slow, etag, check)
        if not asks_for_long(slow):
            raise
    return True


def longest_wait(wished: int, poll_seconds: float) -> int:
    """Seconds to be parked: no longer than a heartbeat may be away, for the node does not report meanwhile."""
    return min(wished, max(1, int(poll_seconds)))


def _refused(agent: Agent) -> str:
    """The ETag that was refused and is not to be offered again yet; empty when there is none."""
    refusal = agent.known()[1].refusal
    return refusal.etag if refusal is not None and refusal.waits(agent.now()) else ""
