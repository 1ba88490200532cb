"""The error budget of an objective does not burn too fast, by long and short windows at once."""

from __future__ import annotations

from fractions import Fraction

from reconciler.config.durations import canonical, seconds
from reconciler.config.gates import GateSpec
from reconciler.config.kinds.alert import PAIRS
from reconciler.fleet.slo import Burn, Pair, burn, rate
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Fail, Pass, Verdict, Wait

WINDOWS = tuple(
    Pair(seconds(long), seconds(short), Fraction(factor)) for long, short, factor in PAIRS["critical"]
)


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Fails when windows burn too fast and the step itself does; a fire from before is waited for, not blamed on it."""
    if facts.nobody:
        return Pass("no nodes")
    budget = facts.signals.budgets.get(spec.subject) if facts.signals is not None else None
    if budget is None:
        return Wait("nobody has counted its requests yet")
    objective, minimum = spec.number("objective-ppm"), spec.number("samples")
    burns = [
        burn(pair, budget.windows, objective_ppm=objective, days=spec.number("days"), minimum=minimum)
        for pair in WINDOWS
    ]
    fast = [one for one in burns if one.too_fast]
    own = rate(budget.step, objective, minimum)
    evidence = {"requests": budget.step.requests, "bad": budget.step.bad}
    for one in burns:
        for name, value in ((one.pair.long, one.long), (one.pair.short, one.short)):
            evidence |= {f"burn-{canonical(name * 1000)}-permille": value} if value is not None else {}
    if fast:
        words = "; ".join(_words(one) for one in fast)
        if own is not None and own > fast[0].limit:
            return Fail(f"{words}; since the step began {own / 1000:g} times as fast as it lasts", evidence)
        return Wait(
            f"{words}; it burned before the step already, or the step has seen too little", None, evidence
        )
    if not any(one.known for one in burns):
        return Wait(
            f"{spec.values['service']} had fewer than {minimum} requests in every pair of windows: no data is not "
            "the same as healthy",
            None,
            evidence,
        )
    if own is None:
        return Wait(
            f"{budget.step.requests} of at least {minimum} requests since the step began", None, evidence
        )
    return Pass("; ".join(_words(one) for one in burns if one.known), evidence)


def _words(one: Burn) -> str:
    long, short = canonical(one.pair.long * 1000), canonical(one.pair.short * 1000)
    return (
        f"burns {(one.long or 0) / 1000:g} in {long} and {(one.short or 0) / 1000:g} in {short}, "
        f"{one.limit / 1000:g} may"
    )


GATE = Gate("slo", judge)
