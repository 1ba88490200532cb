"""The made-up requests of a fake proxy, and its metrics in the text form of the real one.

How a route fares is written into the configuration itself, as the addresses of its targets, which belong to nobody
(RFC 5737): in 198.51.100.0/24 the last number is how many of a hundred requests are answered 500, in 203.0.113.0/24
how many times ten milliseconds each takes, and in 192.0.2.0/24 no connection succeeds. So a bundle decides, whatever
brought it there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

DEAD = ipaddress.ip_network("192.0.2.0/24")
FAILING = ipaddress.ip_network("198.51.100.0/24")
SLOW = ipaddress.ip_network("203.0.113.0/24")

BOUNDS = ("0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10")
"""Upper bounds of the real proxy's histogram, in seconds."""

LATENCY_MS = 8
"""Of a route that nobody made slow."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How the requests of a route fare."""

    dead: bool = False
    failing_permille: int = 0
    latency_ms: int = LATENCY_MS


def fate_of(targets: Iterable[str]) -> Fate:
    """The worst that any target of a route brings about."""
    dead, failing, latency = False, 0, LATENCY_MS
    for target in targets:
        host = target.rpartition(":")[0].strip("[]") or target
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            continue
        last = address.packed[-1]
        dead = dead or address in DEAD
        failing = max(failing, min(1000, last * 10)) if address in FAILING else failing
        latency = max(latency, last * 10) if address in SLOW else latency
    return Fate(dead, failing, latency)


@dataclass(slots=True)
class Load:
    """Counters of one fake proxy since its start. `failing_permille` and `latency_ms` come on top of every route's."""

    per_second: int
    failing_permille: int = 0
    latency_ms: int = 0
    _served: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Route → (requests, those answered 500)."""
    _within: dict[str, list[int]] = field(default_factory=dict)
    _unreachable: int = 0
    _owed: float = 0.0
    _failures: dict[str, int] = field(default_factory=dict)
    """Route → thousandths of a failure that are still to come."""

    def restart(self) -> None:
        """Count from zero."""
        self._served, self._within, self._unreachable, self._owed = {}, {}, 0, 0.0

    def serve(self, routes: Mapping[str, Fate], seconds: float) -> None:
        """So much time passes while these routes are live: each gets `per_second` requests."""
        self._owed += max(0.0, seconds) * self.per_second
        count = int(self._owed)
        self._owed -= count
        for route, fate in routes.items() if count else ():
            if fate.dead:
                self._unreachable += count
                continue
            thousandths = self._failures.get(route, 0) + count * min(
                1000, fate.failing_permille + self.failing_permille
            )
            failed, self._failures[route] = divmod(thousandths, 1000)
            requests, before = self._served.get(route, (0, 0))
            self._served[route] = (requests + count, before + failed)
            within = self._within.setdefault(route, [0] * len(BOUNDS))
            for index, bound in enumerate(BOUNDS):
                if fate.latency_ms + self.latency_ms <= float(bound) * 1000:
                    within[index] += count

    def text(self) -> str:
        """The metrics page."""
        lines = ["# TYPE zentinel_requests_total counter"]
        for route, (requests, failed) in sorted(self._served.items()):
            for status, count in (("200", requests - failed), ("500", failed)):
                lines.append(
                    f'zentinel_requests_total{{route="{route}",method="GET",status="{status}"}} {count}'
                )
        lines.append("# TYPE zentinel_request_duration_seconds histogram")
        for route, within in sorted(self._within.items()):
            series = [*zip(BOUNDS, within, strict=True), ("+Inf", self._served[route][0])]
            for bound, count in series:
                name = "zentinel_request_duration_seconds_bucket"
                lines.append(f'{name}{{route="{route}",method="GET",le="{bound}"}} {count}')
        lines += [
            "# TYPE zentinel_blocked_requests_total counter",
            f'zentinel_blocked_requests_total{{reason="proxy_error_502"}} {self._unreachable}',
        ]
        return "\n".join(lines) + "\n"
