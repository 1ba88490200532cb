"""What a running fleet shows of itself, and what it reports at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler.simulator.fleet import Fleet

LIVE_SECONDS = 0.5
PLAIN_SECONDS = 10.0


@dataclass(slots=True)
class Progress:
    """Shows how the fleet fares: on a terminal one line that is written over, else a line now and then."""

    fleet: Fleet
    write: Callable[[str], None]
    live: bool
    began: float = field(default_factory=time.monotonic)
    _shown_at: float = 0.0
    _requests: int = 0

    def tick(self) -> None:
        """Show it, when it is time."""
        now = time.monotonic()
        passed = now - (self._shown_at or self.began)
        if passed < (LIVE_SECONDS if self.live else PLAIN_SECONDS):
            return
        requests = self.fleet.meter.requests
        line = self.line(now - self.began, (requests - self._requests) / passed)
        self._shown_at, self._requests = now, requests
        self.write(f"\r\x1b[K{line}" if self.live else f"{line}\n")

    def say(self, line: str) -> None:
        """Something a person should know, above the line that is written over."""
        self.write(f"\r\x1b[K{line}\n" if self.live else f"{line}\n")

    def line(self, seconds: float, rate: float) -> str:
        """The fleet in one line."""
        states, running = standing(self.fleet)
        parts = [f"{count} {state}" for state, count in sorted(states.items())]
        most = ", ".join(
            f"{digest[7:15]} {100 * count // len(self.fleet.nodes)} %"
            for digest, count in running.most_common(2)
            if digest
        )
        return (
            f"{seconds:6.0f} s  {len(self.fleet.nodes)} nodes: {', '.join(parts)}  {rate:.0f} requests/s, "
            f"{self.fleet.meter.errors} errors  {most}"
        ).rstrip()


def standing(fleet: Fleet) -> tuple[Counter[str], Counter[str]]:
    """How many nodes are in which state, and how many run which digest."""
    states: Counter[str] = Counter()
    for node in fleet.nodes:
        if node.failure:
            states["ended"] += 1
        elif node.down:
            states["down"] += 1
        elif node.line.cut:
            states["cut off"] += 1
        elif node.agent.identity is None:
            states["not registered"] += 1
        elif node.agent.trouble:
            states["in trouble"] += 1
        else:
            states["well"] += 1
    return states, Counter(node.runs for node in fleet.nodes)


def report(fleet: Fleet, seconds: float) -> dict[str, Any]:
    """What the fleet saw, for programs."""
    states, running = standing(fleet)
    meter = fleet.meter
    return {
        "seconds": round(seconds, 1),
        "nodes": len(fleet.nodes),
        "states": dict(sorted(states.items())),
        "running": {digest or "nothing": count for digest, count in running.most_common()},
        "requests": meter.requests,
        "requests_per_second": round(meter.requests / seconds, 1) if seconds else 0.0,
        "milliseconds": meter.milliseconds(),
        "statuses": {str(status): count for status, count in sorted(meter.statuses.items())},
        "no_answer": dict(meter.faults.most_common()),
        "errors": meter.errors,
        "spread": meter.spread(),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""

    def listed(counts: dict[str, Any]) -> str:
        return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"

    told = [
        f"{found['nodes']} nodes for {found['seconds']:.0f} s: {listed(found['states'])}",
        f"{found['requests']} requests, {found['requests_per_second']}/s, answered in ms: "
        f"{listed(found['milliseconds'])}",
        f"statuses: {listed(found['statuses'])}; without an answer: {listed(found['no_answer'])}; "
        f"errors: {found['errors']}",
    ]
    for digest, spread in found["spread"].items():
        told.append(
            f"{digest[:19]} on {spread['nodes']} nodes, seconds after the first was offered it: "
            f"{listed(spread['seconds'])}"
        )
    return told
