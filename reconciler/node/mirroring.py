"""A round without the control plane: what a mirror has for the cohort that this node was last told to be in.

Only a newer pointer is of interest: whoever serves an old one is passed over without a word, and what is wrong with a
newer one is a refusal like any other, after which the next mirror is asked.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import peek_pointer
from reconciler.clock import parse_iso
from reconciler.errors import ReconcilerError, Refused
from reconciler.node import protocol
from reconciler.node.effects import Answer, Effect, HttpReply, Say
from reconciler.node.sources import MirrorSource, mirrors_of
from reconciler.node.taking import accept_root, take
from reconciler.node.verification import Check

if TYPE_CHECKING:
    from reconciler.node.machine import Agent

Steps = Generator[Effect, Answer, bool]


def ask_mirrors(agent: Agent) -> Steps:
    """Ask each mirror in turn until one has something newer that is accepted; whether one had.

    A node that the control plane never put into a cohort asks nobody: which one it is in only an authenticated answer
    may say.
    """
    if agent.identity is None or agent.state is None or agent.state.trust is None:
        return False
    for mirror in mirrors_of(agent.identity, agent.wishes.mirrors):
        check = Check(agent.identity, agent.state, now=agent.now())
        try:
            if (yield from _ask(agent, mirror, check)):
                yield Say("mirror-followed", {"mirror": mirror.number, "digest": check.digest[:19]})
                return True
        except Refused as refused:
            yield from agent.remember(refused, "", check)
        except ReconcilerError as error:
            yield Say("mirror-trouble", {"mirror": mirror.number, "message": str(error)})
    return False


def _ask(agent: Agent, mirror: MirrorSource, check: Check) -> Steps:
    _, state = agent.known()
    trust = state.trust
    if trust is None:
        return False
    reply = yield mirror.pointer(trust.cohort)
    if not isinstance(reply, HttpReply) or reply.status != 200:
        return False
    claimed = peek_pointer(reply.body, limit=LIMITS.pointer)
    if claimed.epoch == trust.epoch and claimed.issued <= parse_iso(trust.issued):
        return False
    refusal = state.refusal
    if refusal is not None and refusal.sequence == claimed.sequence and refusal.waits(agent.now()):
        return False
    while True:
        root = yield mirror.root(check.root_version + 1)
        if not isinstance(root, HttpReply) or root.status != 200:
            break
        yield from accept_root(agent, check, root.body)
    statement = b""
    if claimed.digest != trust.digest:
        answer = yield mirror.statement(claimed.digest)
        statement = protocol.expect(answer, 200).body
    offer = protocol.Offer("", trust.cohort, reply.body, statement, check.root_version)
    yield from take(agent, check, offer, mirror)
    return True
