"""How fast an objective's error budget burns. Whole numbers in, whole numbers out.

A burn rate is the share of bad requests over the share that the objective allows: at 1 the budget lasts just as long as
its window. Two windows have to burn at once, the long one so that a blip is none, the short one so that what is over is
over. Source: Google, "The Site Reliability Workbook", chapter 5, "Alerting on SLOs".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from reconciler.fleet.signals import Traffic

PERIOD_DAYS = 30
"""The window of an objective for which burn rates are usually stated; for another one they scale with it."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests, and those of them that an objective calls bad."""

    requests: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A long and a short window in seconds, and the burn rate that is too fast when both have it."""

    long: int
    short: int
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Burn:
    """How a pair of windows burns, in thousandths. `limit` is what is too fast; None: too few requests to say."""

    pair: Pair
    limit: int
    long: int | None
    short: int | None

    @property
    def known(self) -> bool:
        return self.long is not None and self.short is not None

    @property
    def too_fast(self) -> bool:
        """Whether both windows burn faster than they may."""
        return self.long is not None and self.short is not None and min(self.long, self.short) > self.limit


def counted(traffic: Traffic, sli: str, faster_than_ms: int) -> Counted:
    """What an objective counts of traffic. Of a latency that lies within a bucket the slower end counts."""
    if sli == "availability":
        return Counted(traffic.requests, traffic.failed)
    good = max((count for bound, count in traffic.buckets if bound <= faster_than_ms), default=0)
    return Counted(traffic.observed, traffic.observed - good)


def rate(found: Counted, objective_ppm: int, minimum: int) -> int | None:
    """The burn rate in thousandths, rounded down; None with fewer than `minimum` requests, which say nothing.

    ValueError for an objective of all requests, which leaves no budget that could burn.
    """
    allowed = 1_000_000 - objective_ppm
    if allowed <= 0:
        raise ValueError("an objective of 100% has no budget")
    if found.requests < max(1, minimum):
        return None
    return found.bad * 1_000_000 * 1000 // (found.requests * allowed)


def burn(pair: Pair, windows: Mapping[int, Counted], *, objective_ppm: int, days: int, minimum: int) -> Burn:
    """How one pair burns. A window that nobody counted is one without requests."""
    limit = int(pair.factor * Fraction(days, PERIOD_DAYS) * 1000)
    long, short = (
        rate(windows.get(seconds, Counted()), objective_ppm, minimum) for seconds in (pair.long, pair.short)
    )
    return Burn(pair, limit, long, short)
