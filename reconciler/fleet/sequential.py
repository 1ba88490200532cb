"""Whether one group does worse than another, judged again and again while counts come in, with error rates that hold.

For each question there is an *e-value*: a number whose expectation is at most 1 while the answer "no" is true, at
every moment. So the chance that it ever reaches 1/a is at most a, however often anybody looks (Ville's inequality). It
is a likelihood ratio: what the counts say for an alternative, over what they say for the point of the "no" that is
nearest to that alternative, averaged over fixed alternatives.

Source: Turner, Ly, Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping", 2024; Turner, Grünwald, "Exact anytime-valid confidence intervals for contingency tables and beyond", 2023.
That the ratio is an e-value needs requests that do not depend on each other, and shares of the traffic that stay as
they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

EVALUATED = 24
"""Of the many alternatives so many on each side of what was seen are added up. The rest could only add to the sum."""

NEAR_ZERO = (50, 10, 4)
"""Alternatives between nothing and half the effect, as parts of the effect: most services fail rarely."""

HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Arm:
    """One group: of `trials` requests `hits` were bad."""

    trials: int
    hits: int


def worse(canary: Arm, control: Arm, effect: float) -> float:
    """Logarithm of the e-value against "the canary's share of bad requests is not larger than the control's"."""
    if not canary.trials or not control.trials:
        return 0.0
    total = canary.trials + control.trials
    terms = []
    steps = _steps(effect)
    for weight, low in _near(control.hits / control.trials, effect):
        for step in steps:
            high = low + step * effect
            if high >= 1:
                continue
            common = (control.trials * low + canary.trials * high) / total
            terms.append(
                math.log(weight / len(steps)) + _ratio(canary, high, common) + _ratio(control, low, common)
            )
    return _log_sum(terms)


def not_worse(canary: Arm, control: Arm, effect: float) -> float:
    """Logarithm of the e-value against "the canary's share of bad requests is larger by the effect, or by more"."""
    if not canary.trials or not control.trials:
        return 0.0
    pooled = (canary.hits + control.hits) / (canary.trials + control.trials)
    terms = []
    for weight, share in _near(pooled, effect):
        if share + effect >= 1:
            continue
        low = _nearest(share, effect, canary.trials, control.trials)
        terms.append(math.log(weight) + _ratio(canary, share, low + effect) + _ratio(control, share, low))
    return _log_sum(terms)


def _steps(effect: float) -> tuple[int, ...]:
    """Multiples of the effect that are alternatives: small ones, and large ones that show after few requests."""
    return tuple(2**power for power in range(12) if 2**power * effect < 1)


def _near(share: float, effect: float) -> Iterator[tuple[float, float]]:
    """(weight, share) of the fixed alternatives that are nearest to a share.

    They lie half an effect apart; small shares weigh more. All weights together are at most 1, whichever are taken.
    """
    count = math.ceil(2 / effect)
    harmonic = math.log(count + len(NEAR_ZERO)) + 1
    middle = round(share * 2 / effect)
    if middle <= EVALUATED:
        for place, part in enumerate(NEAR_ZERO, start=1):
            yield 1 / (place * harmonic), effect / part
    for index in range(max(1, middle - EVALUATED), min(count - 1, middle + EVALUATED) + 1):
        yield 1 / ((index + len(NEAR_ZERO)) * harmonic), index * effect / 2


def _nearest(share: float, effect: float, canary: int, control: int) -> float:
    """Of all pairs whose shares differ by the effect the control's share of the one that is hardest to tell from equal
    shares: where the derivative of the divergence is zero."""
    low, high = max(0.0, share - effect), share
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        other = middle + effect
        slope = control * (middle - share) / (middle * (1 - middle)) + canary * (other - share) / (
            other * (1 - other)
        )
        low, high = (middle, high) if slope < 0 else (low, middle)
    return (low + high) / 2


def _ratio(arm: Arm, alternative: float, null: float) -> float:
    """Logarithm of how much better the alternative explains an arm than the null does."""
    found = 0.0
    if arm.hits:
        found += arm.hits * math.log(alternative / null)
    if arm.trials > arm.hits:
        found += (arm.trials - arm.hits) * math.log((1 - alternative) / (1 - null))
    return found


def _log_sum(terms: Iterable[float]) -> float:
    found = list(terms)
    most = max(found, default=-math.inf)
    if most == -math.inf:
        return most
    return most + math.log(sum(math.exp(term - most) for term in found))


def log_mean(terms: Iterable[float]) -> float:
    """Logarithm of the mean of numbers that are given as logarithms: the mean of e-values is one."""
    found = list(terms)
    return _log_sum(found) - math.log(len(found))
