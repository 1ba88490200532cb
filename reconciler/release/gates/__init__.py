"""Gates: whether a step may be called done. One file each, found through one explicit table.

A gate gets facts and answers Pass, Wait or Fail with a reason. Unknown or stale facts never pass. Forbidden here:
deadlines (`decide` has them), plans, and what happens after the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.config.gates import GateSpec
from reconciler.release.gates import (
    availability,
    bake,
    canary,
    error_rate,
    heartbeat,
    http,
    latency,
    manual,
    resources,
    slo,
    soak,
    traffic,
)
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Verdict

__all__ = ["ALWAYS", "GATES", "Gate", "GateFacts", "Judged", "judge_all"]


def table(gates: Iterable[Gate]) -> Mapping[str, Gate]:
    """The gates by name. ValueError when a name is taken twice."""
    found: dict[str, Gate] = {}
    for gate in gates:
        if gate.name in found:
            raise ValueError(f"two gates are called '{gate.name}'")
        found[gate.name] = gate
    return MappingProxyType(found)


GATES: Mapping[str, Gate] = table(
    (
        heartbeat.GATE,
        availability.GATE,
        bake.GATE,
        error_rate.GATE,
        latency.GATE,
        resources.CPU,
        resources.MEMORY,
        http.GATE,
        slo.GATE,
        canary.GATE,
        soak.GATE,
        manual.GATE,
        traffic.GATE,
    )
)

ALWAYS = (heartbeat.GATE, availability.GATE)
"""What every step is judged by, whatever the policy says."""

TIMED = (bake.GATE,)
"""What a step is judged by that has a time of its own."""

SHIFTED = (traffic.GATE,)
"""What a step is judged by that has weights."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate says of a step. `label` is its name with what it is about."""

    label: str
    verdict: Verdict
    patient: bool


def judge_all(facts: GateFacts) -> tuple[Judged, ...]:
    """What each gate says: those that every step has, or one with a time or weights, then those of the plan in its
    order.

    Where a person is asked, a step may have been well for days until they speak, and what is read of a single minute
    fails nothing then: with few requests in it, or shares that are off by chance, it waits for the next one.
    """
    person = any(spec.kind == manual.GATE.name for spec in facts.rules.gates)
    asked = (
        *ALWAYS,
        *(TIMED if facts.step.lasts else ()),
        *(SHIFTED if facts.step.weights is not None else ()),
    )
    every = (
        Judged(
            gate.name, gate.judge(facts, GateSpec(gate.name)), gate.patient or (person and gate in SHIFTED)
        )
        for gate in asked
    )
    return (*every, *(_judged(facts, spec) for spec in facts.rules.gates))


def _judged(facts: GateFacts, spec: GateSpec) -> Judged:
    gate = GATES[spec.kind]
    return Judged(spec.label, gate.judge(facts, spec), gate.patient)
