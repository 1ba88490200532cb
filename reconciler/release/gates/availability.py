"""Of all nodes that were moved so far, no more are unavailable than the policy allows."""

from __future__ import annotations

from reconciler.config.gates import GateSpec
from reconciler.fleet.batches import merge
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Fail, Pass, Verdict, Wait


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Fails on what is known to be broken in any step so far; waits while too many of earlier steps are not healthy.

    The step itself is the heartbeat gate's to wait for.
    """
    most = facts.rules.max_unavailable
    broken = merge((facts.earlier, facts.batch)).broken
    if broken > most:
        return Fail(f"{broken} moved nodes refused it or are unhealthy, more than {most} may")
    if facts.earlier.unavailable > most:
        return Wait(
            f"{facts.earlier.unavailable} nodes of earlier batches are not healthy, more than {most} may be"
        )
    return Pass(f"{facts.earlier.unavailable + broken} of at most {most} unavailable")


GATE = Gate("availability", judge)
