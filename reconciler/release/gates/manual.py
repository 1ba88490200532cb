"""A person has said go for this step."""

from __future__ import annotations

from reconciler.config.gates import GateSpec
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.paths import GATES
from reconciler.release.verdict import Pass, Verdict, Wait


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """An empty step needs a go as well: whoever wrote `manual` wants to be asked."""
    if facts.go is None:
        how = (
            f"a person has to say go: sentinelctl approve ENVIRONMENT --step {facts.step.number} "
            f"(it writes a file in {GATES}/)"
        )
        if facts.said is None:
            return Wait(how)
        return Wait(
            f"the go of {facts.said.by or 'somebody'} was for another bundle or an earlier try; {how}"
        )
    said = f": {facts.go.why}" if facts.go.why else ""
    return Pass(f"{facts.go.by or 'somebody'} said go{said}")


GATE = Gate("manual", judge, patient=True)
