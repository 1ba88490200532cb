"""Reads what a proxy counts, from its metrics in Prometheus' text form. What cannot be read is left out, never guessed.

A service has one route that is called like it, or several, called `name.1`, `name.2` and so on. The proxy names no
route for connections that failed, so those are the proxy's as a whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from reconciler.fleet.signals import (
    HIGHEST,
    MOST_BUCKETS,
    MOST_SERVICES,
    OTHERS,
    WHOLE,
    Counts,
    Signals,
    total,
)

SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,63}")
OURS = "sentinel-"
"""What the control plane adds to a configuration is called so; its routes serve no traffic of anybody."""

UNREACHABLE = frozenset({"proxy_error_502", "proxy_error_503", "proxy_error_504"})
"""Reasons for which the proxy answered by itself because a connection failed; such requests are counted nowhere else.
`proxy_error_500` is not among them: each request to a built-in handler adds one."""


class Unreadable(Exception):
    """The text is not Prometheus' text form."""


@dataclass(slots=True)
class _Route:
    """The series of one route and method."""

    requests: int = 0
    failed: int = 0
    observed: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def counts(self) -> Counts:
        bounds = tuple(sorted(self.buckets)[:MOST_BUCKETS])
        within = tuple(self.buckets[bound] for bound in bounds)
        rising = [*within, self.observed]
        if rising != sorted(rising):
            return Counts(self.requests, self.failed)
        return Counts(self.requests, self.failed, self.observed, bounds, within)


@dataclass(slots=True)
class Reader:
    """Reads one proxy again and again. A service that was named once keeps its name for as long as the proxy lives:
    which ones are counted under `OTHERS` must not change between two reports."""

    _life: str = ""
    _named: set[str] = field(default_factory=set)

    def read(self, text: str, life: str) -> Signals:
        """The counters of the proxy's start `life`. Raises `Unreadable`."""
        if life != self._life:
            self._life, self._named = life, set()
        routes: dict[tuple[str, str], _Route] = {}
        unreachable = breakers = 0
        seen = False
        for sample in _samples(text):
            value = _whole(sample.value)
            if value is None:
                continue
            match sample.name:
                case "zentinel_requests_total":
                    route = _route(routes, sample.labels)
                    route.requests += value
                    route.failed += value if sample.labels.get("status", "").startswith("5") else 0
                case "zentinel_request_duration_seconds_bucket":
                    _observe(_route(routes, sample.labels), sample.labels.get("le", ""), value)
                case "zentinel_blocked_requests_total":
                    unreachable += value if sample.labels.get("reason") in UNREACHABLE else 0
                case "zentinel_circuit_breaker_state":
                    seen, breakers = True, breakers + (value == 1)
        services = self._by_service({key[0] for key in routes}, routes)
        services[WHOLE] = Counts(unreachable, unreachable)
        return Signals(life, services, open_breakers=breakers if seen else None)

    def _by_service(
        self, names: Iterable[str], routes: Mapping[tuple[str, str], _Route]
    ) -> dict[str, Counts]:
        found: dict[str, list[Counts]] = {}
        for service in sorted({name.partition(".")[0] for name in names} - self._named):
            # One name is kept for all others, and one for the proxy as a whole.
            if SERVICE.fullmatch(service) and len(self._named) < MOST_SERVICES - 2:
                self._named.add(service)
        for (route, _), series in sorted(routes.items()):
            service = route.partition(".")[0]
            if not service.startswith(OURS):
                found.setdefault(service if service in self._named else OTHERS, []).append(series.counts())
        return {service: total(counts) for service, counts in found.items()}


def _samples(text: str) -> Iterable[Sample]:
    try:
        for family in text_string_to_metric_families(text):
            yield from family.samples
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Unreadable(str(error)[:200]) from None


def _route(routes: dict[tuple[str, str], _Route], labels: Mapping[str, str]) -> _Route:
    return routes.setdefault((labels.get("route", ""), labels.get("method", "")), _Route())


def _observe(route: _Route, bound: str, value: int) -> None:
    try:
        seconds = float(bound)
    except ValueError:
        return
    if seconds == math.inf:
        route.observed = value
    elif 0 < seconds < 1e6:
        route.buckets[max(1, round(seconds * 1000))] = value


def _whole(value: float) -> int | None:
    return int(value) if 0 <= value <= HIGHEST else None
