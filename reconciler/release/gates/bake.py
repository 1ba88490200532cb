"""The step has lasted as long as its plan says: a fault that only shows after a while has had the time to show."""

from __future__ import annotations

from datetime import timedelta

from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Pass, Verdict, Wait


def judge(facts: GateFacts) -> Verdict:
    """Counted from the step's beginning, or from when it was resumed: paused time was not watched."""
    lasts = facts.step.lasts
    end = facts.since + timedelta(seconds=lasts)
    if facts.now >= end:
        return Pass(f"lasted {lasts} s")
    left = -((facts.now - end) // timedelta(seconds=1))
    return Wait(f"{left} s of {lasts} s are left", end)


GATE = Gate("bake", judge, concerns=lambda facts: facts.step.lasts > 0)
