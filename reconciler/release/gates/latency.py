"""A percentile of how long the moved nodes took to answer since the step began, from one histogram of all of them."""

from __future__ import annotations

from fractions import Fraction

from reconciler.config.gates import GateSpec
from reconciler.fleet.signals import Traffic
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.gates.reported import UNSERVED, enough, reports
from reconciler.release.verdict import Fail, Pass, Verdict, Wait


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """A histogram says between which two bounds the percentile lies; a limit between them cannot be judged."""
    if facts.unserved:
        return Pass(UNSERVED)
    traffic = reports(facts, facts.signals.moved if facts.signals is not None else None)
    if not isinstance(traffic, Traffic):
        return traffic
    few = enough(traffic.observed, spec.number("samples"))
    if few is not None:
        return few
    over, within = bounds(traffic, spec.number("percentile"))
    most = spec.number("max-ms")
    seen = f"of {traffic.observed} requests; {most} ms may"
    evidence = {
        "requests": traffic.observed,
        "over-ms": over,
        **({} if within is None else {"within-ms": within}),
    }
    if within is not None and within <= most:
        return Pass(f"within {within} ms {seen}", evidence)
    if over >= most:
        return Fail(f"above {over} ms {seen}", evidence)
    between = f"above {over} ms" if within is None else f"between {over} and {within} ms"
    return Wait(
        f"{between} {seen}: the histogram cannot tell; choose one of its bounds as the limit",
        None,
        evidence,
    )


def bounds(traffic: Traffic, percentile: int) -> tuple[int, int | None]:
    """The bounds that the percentile lies between: above the first, and within the second; None: there is no such."""
    wanted, over = traffic.observed * Fraction(percentile, 100), 0
    for bound, count in traffic.buckets:
        if count >= wanted:
            return over, bound
        over = bound
    return over, None


GATE = Gate("latency", judge)
