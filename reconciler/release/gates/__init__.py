"""Gates: whether a step may be called done. One file each, found through one explicit table.

A gate gets facts and answers Pass, Wait or Fail with a reason. Unknown or stale facts never pass. Forbidden here:
deadlines (`decide` has them), plans, and what happens after the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from reconciler.release.gates import availability, bake, heartbeat
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Verdict

__all__ = ["GATES", "Gate", "GateFacts", "judge_all"]


def table(gates: Iterable[Gate]) -> Mapping[str, Gate]:
    """The gates by name. ValueError when a name is taken twice."""
    found: dict[str, Gate] = {}
    for gate in gates:
        if gate.name in found:
            raise ValueError(f"two gates are called '{gate.name}'")
        found[gate.name] = gate
    return MappingProxyType(found)


GATES: Mapping[str, Gate] = table((heartbeat.GATE, availability.GATE, bake.GATE))


def judge_all(facts: GateFacts) -> tuple[tuple[str, Verdict], ...]:
    """What each gate says that the step concerns, in the order of the table."""
    return tuple((name, gate.judge(facts)) for name, gate in GATES.items() if gate.concerns(facts))
