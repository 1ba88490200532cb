"""The step has lasted for as long as its plan says, such as a share of a canary: some faults need time to show."""

from __future__ import annotations

from reconciler.config.gates import GateSpec
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.gates.soak import lasted
from reconciler.release.verdict import Verdict


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Asked of steps that have a time of their own."""
    return lasted(facts, facts.step.lasts)


GATE = Gate("bake", judge, patient=True)
