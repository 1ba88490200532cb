"""Going back by hand: the operator of the machine wants the bundle that ran before, now and without the control plane.

The bundle before lies on the disk. It is built into its tar again and must have its digest, its secrets are compared
and opened, the proxy's test judges it; then it is switched to as any other, and a failure leaves what runs. What was
left is then held off: an offer of that very digest is refused (E-NOD-060) until

- the control plane offers another bundle, which is taken as ever,
- the operator ends it, or
- the time is up that the operator named.

The highest (epoch, sequence) seen stays as it was, so nobody can use this to bring an older pointer back. A node does
the same by itself (E-NOD-026) when its proxy does not stay up with what was activated a moment ago, or says all
the time that it is unhealthy, which it did not say before.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.clock import iso, parse_iso
from reconciler.errors import Refused
from reconciler.node.activation import Verified, activate
from reconciler.node.effects import Answer, Done, Effect, EndOrder, Failed, Recall, Recalled, Say, TakeOrder
from reconciler.node.orders import LATEST_SECONDS, Order, Outcome
from reconciler.node.protocol import clean
from reconciler.node.state import Held, Refusal
from reconciler.node.verification import describe_active, needs_of

if TYPE_CHECKING:
    from reconciler.node.machine import Agent
    from reconciler.node.proxy import RunningReport
    from reconciler.node.verification import Check

HELD_BY_ITSELF = 24 * 3600
"""Seconds for which a node does not take again what its proxy did not stay up, or well, with."""

UNHEALTHY_ROUNDS = 5
"""Reports together in which a proxy says that it is unhealthy, before its node goes back by itself. A rollout that sees
them comes first; this is for nodes whose control plane does not answer, or waits for a person."""


def heed_orders(agent: Agent) -> Generator[Effect, Answer, None]:
    """Carry out the order that the operator left, if there is a new one."""
    order = yield TakeOrder()
    if isinstance(order, Failed):
        yield Say("order-unreadable", {"reason": order.words})
    if not isinstance(order, Order) or order.id == agent.last_order:
        return
    # Where the outcome cannot be written the order stays, and is not carried out again and again.
    agent.last_order = order.id
    outcome = yield from obey(agent, order)
    told = yield EndOrder(outcome)
    if not isinstance(told, Done):
        yield Say("order-not-ended", {"order": order.id})


def obey(agent: Agent, order: Order) -> Generator[Effect, Answer, Outcome]:
    """Carry out an order; never raises for what goes wrong in it."""
    try:
        if abs((agent.now() - parse_iso(order.at)).total_seconds()) > LATEST_SECONDS:
            raise Refused("E-NOD-063", f"the order was given at {order.at}, which is too long ago")
        message = yield from (_go_back(agent, order) if order.verb == "rollback" else _end(agent))
    except Refused as refused:
        yield Say("order-failed", {"order": order.verb, "code": refused.code, "message": refused.message})
        return Outcome(order.id, refused.code, refused.message)
    return Outcome(order.id, "", message)


def refuse_what_was_left(agent: Agent, check: Check) -> None:
    """Raise `Refused` (E-NOD-060, E-NOD-026) for an offer of the bundle that was gone back from, while that holds."""
    held = agent.known()[1].held
    if held is not None and check.digest == held.left and agent.now() < parse_iso(held.until):
        raise Refused("E-NOD-060" if held.order else "E-NOD-026", words_of(held))


def words_of(held: Held) -> str:
    """Why the bundle is not taken, for reports."""
    if not held.order:
        who, why = "the node went back by itself", held.because
    else:
        who, why = "the operator of the machine went back by hand", f"because {held.because!r}"
    return (
        f"{who} from {held.left[:19]} to {held.digest[:19]} at {held.at}, {why}; it holds until another bundle is "
        f"offered, at most until {held.until}"
    )


def watch(agent: Agent, report: RunningReport) -> Generator[Effect, Answer, None]:
    """Look at what a proxy that answers says of its health; leave a bundle that was activated a moment ago when it is
    unhealthy with that, and was not before."""
    active = agent.known()[1].active
    serves = active is not None and report.config_id == active.config_id
    agent.well = serves and report.healthy
    ails = serves and not report.healthy and agent.was_well
    agent.ailing = agent.ailing + 1 if ails and agent.probation else 0
    if agent.ailing == UNHEALTHY_ROUNDS:
        yield from give_up(agent, f"was unhealthy ({clean(report.reason, 300)})")


def give_up(agent: Agent, what: str) -> Generator[Effect, Answer, None]:
    """Leave a bundle that was activated a moment ago; the proxy did `what` with it."""
    agent.probation = 0
    _, state = agent.known()
    if state.active is None or not state.previous or state.held is not None:
        return
    because = f"because the proxy {what} with configuration {state.active.config_id}"
    try:
        yield from _switch_back(agent, order="", because=because, seconds=HELD_BY_ITSELF, code="E-NOD-026")
    except Refused as refused:
        yield Say("not-gone-back", {"code": refused.code, "message": refused.message})


def _go_back(agent: Agent, order: Order) -> Generator[Effect, Answer, str]:
    if agent.identity is None or agent.state is None:
        raise Refused("E-NOD-061", "this node is not registered, so it never ran anything")
    held = agent.state.held
    if held is not None and held.order == order.id:
        return f"this node runs {held.digest[:19]} again"
    if held is not None and agent.now() < parse_iso(held.until):
        raise Refused("E-NOD-061", f"this node went back already: {words_of(held)}")
    held = yield from _switch_back(
        agent,
        order=order.id,
        because=clean(order.because, 300) or "no reason was given",
        seconds=order.seconds,
        code="E-NOD-060",
    )
    return f"this node runs {held.digest[:19]} again, until another bundle is offered, at most until {held.until}"


def _switch_back(
    agent: Agent, *, order: str, because: str, seconds: int, code: str
) -> Generator[Effect, Answer, Held]:
    """Verify the bundle before once more and switch to it. Raises `Refused`, and then what runs goes on running."""
    identity, state = agent.known()
    now = agent.now()
    if state.active is None or state.trust is None or not state.previous:
        raise Refused("E-NOD-061", "no bundle ran before the one that runs, so there is none to go back to")
    recalled = yield Recall(state.previous)
    if not isinstance(recalled, Recalled):
        words = recalled.words if isinstance(recalled, Failed) else "nothing came back"
        raise Refused("E-NOD-062", f"the bundle {state.previous[:19]} cannot be used again: {words}")
    held = Held(
        order=order,
        left=state.active.digest,
        digest=state.previous,
        at=iso(now),
        until=iso(now + timedelta(seconds=seconds)),
        because=because,
    )
    refusal = Refusal(
        code=code,
        message=words_of(held),
        digest=held.left,
        sequence=state.trust.sequence,
        at=held.at,
        etag=state.active.etag,
        tries=1,
        again_at=held.until,
    )
    active = describe_active(
        recalled.files,
        identity.environment,
        digest=state.previous,
        etag="",
        cohort=state.active.cohort,
        at=held.at,
    )
    needs = needs_of(recalled.files, identity.environment)
    verified = Verified(state.trust, active, recalled.files, held=held, refusal=refusal, needs=needs)
    agent.state = yield from activate(state, verified)
    yield Say("rolled-back", {"from": held.left[:19], "to": held.digest[:19], "until": held.until})
    return held


def _end(agent: Agent) -> Generator[Effect, Answer, str]:
    if agent.state is None or agent.state.held is None:
        return "this node did not go back by hand, so there is nothing to end"
    left = agent.state.held.left
    yield from agent.save(replace(agent.state, held=None, refusal=None))
    yield Say("rollback-ended", {"left": left[:19]})
    return f"this node takes what it is offered again, {left[:19]} too"
