"""What proxies count, and what it amounts to: requests, failures and latencies, of one report or of many nodes.

Counters rise from the start of a proxy; their differences are what was counted in between. Everything is a whole number
or a fraction, so that what is kept with a decision is exact. Percentiles come from histograms that were added up, never
from other percentiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from operator import add, sub
from typing import Any, NamedTuple

from reconciler.clock import iso_milliseconds, parse_iso

MOST_SERVICES = 96
"""Services in one report, so that it fits into a body. What is beyond them is counted under `OTHERS`."""

MOST_BUCKETS = 16
WHOLE = ""
"""The service under which stands what no service can be named for, such as connections that failed."""

OTHERS = "others"
LONGEST_GAP = timedelta(minutes=5)
"""Between two reports. What was counted in a longer time says nothing about any minute, and is left out."""

HIGHEST = 2**48
"""Of any counter: more than a proxy can count, and little enough to be added up."""

MINUTE = timedelta(minutes=1)


class Counts(NamedTuple):
    """Requests. `failed` are those of `requests` that were answered 5xx or could not be passed on.

    `observed` is of how many the latency is known; `within` how many of those took at most as many milliseconds as
    stand in the same place of `bounds`. Both rise. What took longer than the last bound is in `observed` alone.
    A tuple, since each report of each node makes dozens of them.
    """

    requests: int = 0
    failed: int = 0
    observed: int = 0
    bounds: tuple[int, ...] = ()
    within: tuple[int, ...] = ()

    @property
    def buckets(self) -> tuple[tuple[int, int], ...]:
        """Each bound with its count."""
        return tuple(zip(self.bounds, self.within, strict=True))

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]
        """Both together. Bounds that only one of them has say nothing about the sum, and are left out."""
        bounds, within = _sum(self, other)
        return Counts(
            self.requests + other.requests,
            self.failed + other.failed,
            self.observed + other.observed,
            bounds,
            within,
        )

    def to_json(self) -> list[Any]:
        """A short JSON form, for there are many of them. JSON knows tuples as lists."""
        return [self.requests, self.failed, self.observed, self.bounds, self.within]

    @classmethod
    def from_json(cls, data: list[Any]) -> Counts:
        """What `to_json` gave. Raises TypeError or ValueError for anything else."""
        requests, failed, observed, bounds, within = data
        return cls(requests, failed, observed, tuple(bounds), tuple(within))


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Signals:
    """What a node reports of its proxy: counters by service since `life` began, and how things are now.

    `life` names one start of the proxy. `cpu_permille` and `memory_permille` are of the machine. None: not known.
    """

    life: str
    services: Mapping[str, Counts]
    cpu_permille: int | None = None
    memory_permille: int | None = None
    open_breakers: int | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The counters that a node reported last, and when."""

    life: str
    services: Mapping[str, Counts]
    at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted between two reports, by service, and the digest that ran; "" when nobody can tell."""

    digest: str
    services: Mapping[str, Counts]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What `nodes` nodes counted from `since` to `until`, of which only `reporting` said anything.

    The fields of `Counts` are sums. `cpu_permille`, `memory_permille` and `open_breakers` are the highest of any node,
    None when none said.
    """

    nodes: int
    reporting: int
    since: datetime
    until: datetime
    requests: int = 0
    failed: int = 0
    observed: int = 0
    buckets: tuple[tuple[int, int], ...] = ()
    cpu_permille: int | None = None
    memory_permille: int | None = None
    open_breakers: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object without floats."""
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            "since": iso_milliseconds(self.since),
            "until": iso_milliseconds(self.until),
            "buckets": [list(bucket) for bucket in self.buckets],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Traffic:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            **{name: data[name] for name in _NUMBERS},
            since=parse_iso(data["since"]),
            until=parse_iso(data["until"]),
            buckets=tuple((bound, count) for bound, count in data["buckets"]),
        )


_NUMBERS = (
    "nodes", "reporting", "requests", "failed", "observed", "cpu_permille", "memory_permille", "open_breakers",
)  # fmt: skip


def window(before: Baseline | None, said: Signals, ran: str, runs: str, *, now: datetime) -> Window:
    """What a report adds to the one before. `ran` and `runs` are the digests of that report and of this one.

    The same report again adds nothing. The first one of a node adds nothing either, nor one after `LONGEST_GAP`: since
    when its counters rise, nobody knows. A proxy that started since then counted all it has with what runs now. A
    counter that fell without a start adds nothing: the report was overtaken by a newer one.
    """
    if before is None or now - before.at > LONGEST_GAP:
        return Window(runs, {})
    if before.life != said.life:
        return Window(
            runs,
            {name: counts for name, counts in said.services.items() if counts.requests or counts.observed},
        )
    grown = {
        name: difference(before.services.get(name, NOTHING), counts) for name, counts in said.services.items()
    }
    return Window(
        runs if ran == runs else "",
        {name: counts for name, counts in grown.items() if counts.requests or counts.observed},
    )


def baseline(before: Baseline | None, said: Signals, *, now: datetime) -> Baseline:
    """What the next report is compared with. Within one life of a proxy no counter of it ever falls or goes away."""
    if before is None or before.life != said.life:
        return Baseline(said.life, said.services, now)
    services = dict(before.services) if len(before.services) <= 2 * MOST_SERVICES else {}
    for name, counts in said.services.items():
        known = before.services.get(name)
        if known is None or counts.requests + counts.observed >= known.requests + known.observed:
            services[name] = counts
    return Baseline(said.life, services, now)


def difference(older: Counts, newer: Counts) -> Counts:
    """What was counted between two states of one counter; nothing when any part of it fell."""
    requests, failed = newer.requests - older.requests, newer.failed - older.failed
    observed, within = newer.observed - older.observed, newer.within
    if older.observed:
        if older.bounds != newer.bounds:
            return NOTHING
        within = tuple(map(sub, within, older.within))
    if min(requests, failed, observed, *within) < 0:
        return NOTHING
    return Counts(requests, failed, observed, newer.bounds, within)


def total(counts: Iterable[Counts]) -> Counts:
    """All of them together."""
    return sum(counts, start=NOTHING)


def merge(traffic: Iterable[Traffic]) -> Traffic:
    """The traffic of several sets of nodes, none of which is in two, as that of one set. ValueError for none at all."""
    parts = tuple(traffic)
    if not parts:
        raise ValueError("nothing to merge")
    counts = total(map(_counts, parts))
    return Traffic(
        nodes=sum(part.nodes for part in parts),
        reporting=sum(part.reporting for part in parts),
        since=min(part.since for part in parts),
        until=max(part.until for part in parts),
        requests=counts.requests,
        failed=counts.failed,
        observed=counts.observed,
        buckets=counts.buckets,
        cpu_permille=highest(part.cpu_permille for part in parts),
        memory_permille=highest(part.memory_permille for part in parts),
        open_breakers=highest(part.open_breakers for part in parts),
    )


def highest(values: Iterable[int | None]) -> int | None:
    """The highest of those that are known, None when none is."""
    return max((value for value in values if value is not None), default=None)


def error_share(traffic: Traffic) -> Fraction | None:
    """Which share of the requests failed; None without requests."""
    return Fraction(traffic.failed, traffic.requests) if traffic.requests else None


def error_permille(traffic: Traffic) -> int | None:
    """The share of failed requests in permille, rounded up so that a failure never reads as none."""
    return -(-traffic.failed * 1000 // traffic.requests) if traffic.requests else None


def percentile(traffic: Traffic, percent: int | Fraction) -> int | None:
    """Milliseconds within which so many percent of the requests were answered, as a bound of a bucket: never too low.

    None when nothing was observed, and when the answer is beyond the last bucket. ValueError unless 0 < percent <= 100.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"there is no percentile {percent}")
    wanted = traffic.observed * Fraction(percent) / 100
    return next((bound for bound, count in traffic.buckets if count >= wanted > 0), None)


def minute_of(moment: datetime) -> datetime:
    """The beginning of its minute."""
    return moment.replace(second=0, microsecond=0)


def _counts(part: Traffic) -> Counts:
    bounds, within = tuple(bound for bound, _ in part.buckets), tuple(count for _, count in part.buckets)
    return Counts(part.requests, part.failed, part.observed, bounds, within)


def _sum(one: Counts, other: Counts) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if not one.observed:
        return other.bounds, other.within
    if not other.observed:
        return one.bounds, one.within
    if one.bounds == other.bounds:
        return one.bounds, tuple(map(add, one.within, other.within))
    there = dict(other.buckets)
    shared = [(bound, count + there[bound]) for bound, count in one.buckets if bound in there]
    return tuple(bound for bound, _ in shared), tuple(count for _, count in shared)
