"""An address gives the status that it should, within the time that it should."""

from __future__ import annotations

from datetime import timedelta

from reconciler.config.gates import GateSpec
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.signals import Probe
from reconciler.release.verdict import Fail, Pass, Verdict, Wait

FAILURES = 3
"""So many bad answers in a row fail the step; fewer may be a reload."""

STALE = timedelta(minutes=1)


def good(spec: GateSpec, status: int, milliseconds: int) -> bool:
    """Whether an answer is what the gate asks for."""
    return status == spec.number("status") and milliseconds <= spec.number("within-ms")


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Only an answer since the step began counts, and only while it is young."""
    probe = facts.signals.probes.get(spec.subject) if facts.signals is not None else None
    if probe is None or probe.at < facts.since:
        return Wait("it was not asked yet since the step began")
    if facts.now - probe.at > STALE:
        return Wait("it was not asked for more than a minute")
    evidence = {"status": probe.status, "milliseconds": probe.milliseconds, "failures": probe.failures}
    words = _words(spec, probe)
    if not probe.trouble and good(spec, probe.status, probe.milliseconds):
        return Pass(words, evidence)
    if probe.failures >= FAILURES:
        return Fail(f"{words}, {probe.failures} times in a row", evidence)
    return Wait(words, None, evidence)


def _words(spec: GateSpec, probe: Probe) -> str:
    wanted = f"{spec.number('status')} within {spec.number('within-ms')} ms wanted"
    return f"{probe.trouble or f'{probe.status} after {probe.milliseconds} ms'}, {wanted}"


GATE = Gate("http", judge)
