"""The share of failed requests on the moved nodes since the step began."""

from __future__ import annotations

from reconciler.config.gates import GateSpec
from reconciler.fleet.signals import Traffic
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.gates.reported import UNSERVED, enough, percent, reports
from reconciler.release.verdict import Fail, Pass, Verdict


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Fails as soon as enough requests say that the share is too large: more of them only cost more of them."""
    if facts.unserved:
        return Pass(UNSERVED)
    traffic = reports(facts, facts.signals.moved if facts.signals is not None else None)
    if not isinstance(traffic, Traffic):
        return traffic
    few = enough(traffic.requests, spec.number("samples"))
    if few is not None:
        return few
    most = spec.number("max-ppm")
    words = f"{percent(traffic.failed, traffic.requests)} of {traffic.requests} requests failed"
    limit = f"{percent(most, 1_000_000)} may"
    evidence = {"requests": traffic.requests, "failed": traffic.failed}
    if traffic.failed * 1_000_000 > most * traffic.requests:
        return Fail(f"{words}, {limit}", evidence)
    return Pass(f"{words}, {limit}", evidence)


GATE = Gate("error-rate", judge)
