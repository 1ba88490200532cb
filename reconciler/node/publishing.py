"""Has the balancer in front told what this node is meant to get, whenever that changes, and after every start."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from reconciler.node.effects import Answer, Effect, Failed, Publish, Say

if TYPE_CHECKING:
    from reconciler.node.machine import Agent


def publish(agent: Agent) -> Generator[Effect, Answer, None]:
    """Tell the weight that holds, unless it was told: 0 while nothing was ever activated here.

    A hook that did not take it is called again in the next round.
    """
    state = agent.state
    weight = state.weight if state is not None and state.active is not None else 0
    if weight == agent.published:
        return
    answer = yield Publish(weight)
    if isinstance(answer, Failed):
        agent.published = None
        yield Say("weight-not-published", {"weight": weight, "reason": answer.words})
        return
    agent.published = weight
    yield Say("weight-published", {"weight": weight})
