"""Counters of this process, shown in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

import threading
from collections import Counter

METRICS = {
    "sentinel_webhook_deliveries_total": ("result", "Deliveries by how they were answered."),
    "sentinel_webhook_nudges_total": ("result", "Attempts to enqueue what is owed, by how they ended."),
}


class Counters:
    """Safe to use from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, metric: str, value: str) -> None:
        """Count one more of `metric` with its label set to `value`, a static name."""
        with self._lock:
            self._counts[metric, value] += 1

    def text(self) -> str:
        """All counters, sorted."""
        with self._lock:
            counts = sorted(self._counts.items())
        lines = []
        for metric, (label, meaning) in METRICS.items():
            lines += [f"# HELP {metric} {meaning}", f"# TYPE {metric} counter"]
            lines += [
                f'{metric}{{{label}="{value}"}} {count}' for (name, value), count in counts if name == metric
            ]
        return "\n".join(lines) + "\n"
