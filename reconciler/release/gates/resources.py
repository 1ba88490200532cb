"""What the machines of moved nodes use now, at most: CPU and memory, one gate each."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.config.gates import GateSpec
from reconciler.fleet.signals import Traffic
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.gates.reported import HOW, reports
from reconciler.release.verdict import Pass, Verdict, Wait


def _judge(name: str, used: Callable[[Traffic], int | None]) -> Callable[[GateFacts, GateSpec], Verdict]:
    def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
        """Too much is waited for, not failed at once: a start takes more than what comes after it."""
        traffic = reports(facts, facts.signals.recent if facts.signals is not None else None)
        if not isinstance(traffic, Traffic):
            return traffic
        highest, most = used(traffic), spec.number("max-permille")
        if highest is None:
            return Wait(f"no moved node says how much {name} it uses; {HOW}")
        where = f"on {traffic.reporting} node{'s' if traffic.reporting != 1 else ''}"
        words = f"at most {highest / 10:g}% of {name} {where}, {most / 10:g}% may"
        evidence = {"permille": highest}
        return Pass(words, evidence) if highest <= most else Wait(words, None, evidence)

    return judge


CPU = Gate("cpu", _judge("CPU", lambda traffic: traffic.cpu_permille))
MEMORY = Gate("memory", _judge("memory", lambda traffic: traffic.memory_permille))
