"""The step has lasted for at least as long as the policy says."""

from __future__ import annotations

from datetime import timedelta

from reconciler.clock import iso
from reconciler.config.durations import canonical
from reconciler.config.gates import GateSpec
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Pass, Verdict, Wait


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Time since the step began or was resumed: what was before a pause says nothing of what comes after it."""
    if facts.nobody:
        return Pass("no nodes")
    return lasted(facts, spec.number("seconds"))


def lasted(facts: GateFacts, length: int) -> Verdict:
    """Whether the step has lasted for so many seconds."""
    until = facts.since + timedelta(seconds=length)
    words = canonical(length * 1000)
    if facts.now >= until:
        return Pass(f"it has lasted {words}")
    return Wait(f"it lasts {words}, until {iso(until)}", until)


GATE = Gate("soak", judge, patient=True)
