"""Asks the addresses of `http` gates, several at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from reconciler.config.gates import GateSpec
from reconciler.egress.asking import Egress
from reconciler.errors import Refused, Transient
from reconciler.flows.context import Context
from reconciler.release.gates import http
from reconciler.release.signals import Probe

AT_ONCE = 8


def probe(
    context: Context, gates: Iterable[GateSpec], before: Mapping[str, Probe], now: datetime
) -> Mapping[str, Probe]:
    """The answer of the address of each `http` gate, by URL. `before` are the last ones of the same step.

    Raises `Stalled` E-EGR-006 as `Context.egress`.
    """
    wanted = [gate for gate in gates if gate.kind == "http"]
    if not wanted:
        return {}
    egress = context.egress()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        probes = pool.map(lambda gate: _look(egress, gate, before.get(gate.subject), now), wanted)
        return {gate.subject: probe for gate, probe in zip(wanted, probes, strict=True)}


def _look(egress: Egress, gate: GateSpec, before: Probe | None, now: datetime) -> Probe:
    """Ask the address of an `http` gate. Raises nothing: no answer is an answer."""
    failures = before.failures if before is not None else 0
    within = gate.number("within-ms")
    try:
        answer = egress.ask(gate.subject, seconds=within / 1000)
    except Refused as error:
        # Nobody was asked: that says nothing about the step, and a person may still allow it.
        return Probe(now, 0, 0, str(error), failures)
    except Transient as error:
        return Probe(now, 0, 0, str(error), failures + 1)
    well = http.good(gate, answer.status, answer.milliseconds)
    return Probe(now, answer.status, answer.milliseconds, "", 0 if well else failures + 1)
