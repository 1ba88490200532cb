"""The moved nodes do not do worse than those that are not moved, in the same time: of failures, and of slow answers.

Better, same, worse, or not enough data; `reconciler.fleet.sequential` has the test. A release that does as well as what
was before is called worse at most as often as `alpha` says, in each step and however often it is looked at; one that is
worse by the effect passes at most as often as `beta` says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.config.gates import GateSpec
from reconciler.fleet.sequential import Arm, log_mean, not_worse, worse
from reconciler.fleet.signals import Traffic
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.gates.reported import UNSERVED, percent, reports
from reconciler.release.verdict import Fail, Pass, Verdict, Wait

MOST = 10**9
"""Evidence is cut here; what is beyond says no more."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: e-values as logarithms. `words` are the counts."""

    worse: float
    not_worse: float
    better: float
    words: str


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Compares since the step began. Nodes have to be left that were not moved, or the step says why there are none."""
    if facts.unserved:
        return Pass(UNSERVED)
    signals = facts.signals
    moved = reports(facts, signals.moved if signals is not None else None)
    if not isinstance(moved, Traffic):
        return moved
    control = signals.control if signals is not None else None
    if control is None or control.nodes == 0:
        if facts.alone:
            return Pass(facts.alone)
        return Wait(
            "no node is left that runs what was before: there is nobody to compare with; make batches smaller"
        )
    if control.reporting == 0:
        return Wait(f"none of the {control.nodes} nodes that are not moved reports what its proxy measures")
    least = spec.number("samples")
    seen = {
        "moved-requests": moved.requests,
        "moved-failed": moved.failed,
        "control-requests": control.requests,
        "control-failed": control.failed,
    }
    fewest = min(moved.requests, control.requests, moved.observed, control.observed)
    if fewest < least:
        return Wait(
            f"not enough data: {moved.requests} requests to moved nodes and {control.requests} to the others "
            f"({moved.observed} and {control.observed} with a known time); at least {least} each",
            None,
            seen,
        )
    failures = _failures(moved, control, spec)
    slow = _slow(moved, control, spec)
    if slow is None:
        return Wait("the histograms of the two groups have no bound in common", None, seen)
    return _verdict(failures, slow, spec, seen)


def _verdict(failures: Compared, slow: Compared, spec: GateSpec, seen: Mapping[str, int]) -> Verdict:
    # Two questions are asked, so each may err half as often.
    bad, good = (
        math.ceil(2_000_000 / spec.number("alpha-ppm")),
        math.ceil(1_000_000 / spec.number("beta-ppm")),
    )
    evidence = {
        **seen,
        "failures-worse": _number(failures.worse),
        "failures-not-worse": _number(failures.not_worse),
        "slow-worse": _number(slow.worse),
        "slow-not-worse": _number(slow.not_worse),
        "worse-from": bad,
        "not-worse-from": good,
    }
    words = f"{failures.words}; {slow.words}"
    for found, what in ((failures, "failures"), (slow, "slow answers")):
        if found.worse >= math.log(bad):
            return Fail(
                f"worse, by {what} (evidence {_number(found.worse)}, {bad} is enough): {words}", evidence
            )
    for found, what in ((failures, "failures"), (slow, "slow answers")):
        if found.not_worse < math.log(good):
            return Wait(
                f"not enough data on {what} (evidence {_number(found.not_worse)} of {good}): {words}",
                None,
                evidence,
            )
    verdict = "better" if max(failures.better, slow.better) >= math.log(bad) else "same"
    return Pass(f"{verdict}: {words}", evidence)


def _failures(moved: Traffic, control: Traffic, spec: GateSpec) -> Compared:
    effect = spec.number("effect-ppm") / 1_000_000
    one, two = Arm(moved.requests, moved.failed), Arm(control.requests, control.failed)
    return Compared(
        worse(one, two, effect),
        not_worse(one, two, effect),
        worse(two, one, effect),
        f"{_share(one)} failed, {_share(two)} on nodes that are not moved",
    )


def _slow(moved: Traffic, control: Traffic, spec: GateSpec) -> Compared | None:
    """At every bound of the histograms at once: worse when it is on average over the bounds, not worse when at each."""
    effect = spec.number("slower-ppm") / 1_000_000
    others = dict(control.buckets)
    bounds = [
        (
            bound,
            Arm(moved.observed, moved.observed - count),
            Arm(control.observed, control.observed - others[bound]),
        )
        for bound, count in moved.buckets
        if bound in others
    ]
    if not bounds:
        return None
    bound, one, two = max(bounds, key=lambda found: _difference(found[1], found[2]))
    return Compared(
        log_mean(worse(canary, base, effect) for _, canary, base in bounds),
        min(not_worse(canary, base, effect) for _, canary, base in bounds),
        log_mean(worse(base, canary, effect) for _, canary, base in bounds),
        f"{_share(one)} took more than {bound} ms, {_share(two)} there",
    )


def _difference(one: Arm, two: Arm) -> float:
    return one.hits / one.trials - two.hits / two.trials


def _share(arm: Arm) -> str:
    return f"{percent(arm.hits, arm.trials)} of {arm.trials}"


def _number(logarithm: float) -> int:
    """Evidence as a whole number: how many times better one side explains what was seen."""
    return MOST if logarithm >= math.log(MOST) else int(math.exp(logarithm))


GATE = Gate("canary", judge)
