"""Counts of one worker process, in Prometheus' text format. Only numbers: no node, project or address."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Metrics:
    """What this process did since it started."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    parked: int = 0
    turned_away: int = 0
    """Heartbeats that were not taken because too many wait for the database."""
    refreshes: int = 0
    refresh_failures: int = 0
    refresh_seconds: float = 0.0

    def text(self, gauges: dict[str, float]) -> bytes:
        """The whole page; `gauges` adds what others know, by name."""
        lines = [
            "# HELP sentinel_nodes_requests_total Answers by route and status.",
            "# TYPE sentinel_nodes_requests_total counter",
        ]
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'sentinel_nodes_requests_total{{route="{route}",status="{status}"}} {count}')
        counters = {
            "sentinel_nodes_heartbeats_turned_away_total": self.turned_away,
            "sentinel_nodes_refreshes_total": self.refreshes,
            "sentinel_nodes_refresh_failures_total": self.refresh_failures,
        }
        for name, total in counters.items():
            lines += [f"# TYPE {name} counter", f"{name} {total}"]
        values: dict[str, float] = {
            "sentinel_nodes_parked_polls": self.parked,
            "sentinel_nodes_refresh_seconds": self.refresh_seconds,
            **gauges,
        }
        for name, value in values.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value:g}"]
        return ("\n".join(lines) + "\n").encode()
