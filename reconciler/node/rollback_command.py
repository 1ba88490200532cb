"""`sentinel-node rollback`: the operator of the machine goes back to the bundle before, or ends that.

Where an agent runs, it is given an order and does it; where none runs, the command does it itself.
"""

from __future__ import annotations

import secrets
import threading
import time

from reconciler import clock
from reconciler.errors import Refused, Stalled
from reconciler.node.driver import Hands, drive
from reconciler.node.files import NodeFiles
from reconciler.node.machine import Agent
from reconciler.node.orders import LONGEST_REASON, Order, Outcome
from reconciler.node.returning import obey

PATIENCE_SECONDS = 120.0
"""How long an agent may take: a poll that is parked, then the proxy's test, a restart and looking at it."""


def make_order(*, end: bool, because: str, seconds: float) -> Order:
    """The order for an agent."""
    return Order(
        id=secrets.token_hex(8),
        verb="end" if end else "rollback",
        at=clock.iso(clock.now()),
        because=because.strip()[:LONGEST_REASON],
        seconds=int(seconds),
    )


def do_alone(agent: Agent, hands: Hands, order: Order) -> str:
    """Carry the order out in this process, which holds the home's lock. Raises `Refused`."""
    never = threading.Event()
    drive(agent.recover(), hands, never)
    return _said(drive(obey(agent, order), hands, never))


def have_done(files: NodeFiles, order: Order, *, patience: float = PATIENCE_SECONDS) -> str:
    """Have the agent that runs in this home carry the order out. Raises `Refused` and `Stalled`."""
    try:
        files.give_order(order)
        ends = time.monotonic() + patience
        while (outcome := files.outcome(order)) is None and time.monotonic() < ends:
            time.sleep(0.1)
        if outcome is not None:
            return _said(outcome)
        files.end_order(None)
    except OSError as error:
        raise Stalled(
            "E-NOD-064",
            f"no order could be given to the agent: {error.strerror or error}",
            cure="Run it as the user of the node; with a full disk, stop the agent and run it again",
        ) from None
    raise Stalled(
        "E-NOD-064",
        f"the agent that works in {files.home} did not heed the order within {patience:.0f} s; it was taken back",
        cure="Look at the agent's log. Stop the agent and run this again: it then goes back by itself",
    )


def _said(outcome: Outcome) -> str:
    if outcome.code:
        raise Refused(outcome.code, outcome.message)
    return outcome.message
