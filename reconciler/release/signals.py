"""What was measured while a step runs, as facts that are kept with the decision: whole numbers and moments alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from reconciler.clock import iso_milliseconds, parse_iso
from reconciler.fleet.signals import Traffic
from reconciler.fleet.slo import Counted


@dataclass(frozen=True, slots=True)
class Probe:
    """One look at an address. `status` 0: there was no answer, and `trouble` says why.

    `failures` counts the bad answers in a row, this one included; a look that was forbidden counts as none.
    """

    at: datetime
    status: int
    milliseconds: int
    trouble: str = ""
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What an objective counts: since the step began, and in windows that end at `at`, by their length in seconds."""

    step: Counted
    windows: Mapping[int, Counted]


@dataclass(frozen=True, slots=True)
class Mark:
    """How many requests the nodes of each slot had counted at a moment, since one that is the same for all marks."""

    at: datetime
    requests: Mapping[str, int]


def marked(earlier: tuple[Mark, ...], newest: Mark, window: timedelta) -> tuple[Mark, ...]:
    """The marks with a new one. Of those that are older than the window the newest is kept: the window begins there."""
    old = [mark for mark in earlier if newest.at - mark.at >= window]
    return (*old[-1:], *(mark for mark in earlier if newest.at - mark.at < window), newest)


@dataclass(frozen=True, slots=True)
class Shares:
    """By slot how many nodes are heard of, and marks of what they counted, the oldest first."""

    nodes: Mapping[str, int]
    marks: tuple[Mark, ...]

    @property
    def requests(self) -> Mapping[str, int]:
        """By slot what was counted between the first mark and the last."""
        first, last = self.marks[0].requests, self.marks[-1].requests
        return {slot: max(0, last[slot] - first[slot]) for slot in last}

    def to_json(self) -> dict[str, Any]:
        """A JSON object without floats."""
        marks = [{"at": iso_milliseconds(one.at), "requests": dict(one.requests)} for one in self.marks]
        return {"nodes": dict(self.nodes), "marks": marks}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shares:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        marks = tuple(Mark(parse_iso(one["at"]), dict(one["requests"])) for one in data["marks"])
        return cls(dict(data["nodes"]), marks)


@dataclass(frozen=True, slots=True)
class StepSignals:
    """Everything measured about one step, at `at`; what nodes counted was added up at `counted_at`.

    `moved` are the nodes that were moved so far and run the new digest, since the step began; `recent` the same nodes
    in the last minutes; `control` the nodes that were not moved, in the same time as `moved`. None: nobody looked.
    `probes` are by URL, `budgets` by the objective's name. `shares` are those of a blue-green rollout.
    """

    at: datetime
    counted_at: datetime
    moved: Traffic | None = None
    recent: Traffic | None = None
    control: Traffic | None = None
    probes: Mapping[str, Probe] = field(default_factory=lambda: MappingProxyType({}))
    budgets: Mapping[str, Budget] = field(default_factory=lambda: MappingProxyType({}))
    shares: Shares | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object without floats."""
        return {
            "at": iso_milliseconds(self.at),
            "counted_at": iso_milliseconds(self.counted_at),
            **{name: _traffic_to_json(getattr(self, name)) for name in _TRAFFIC},
            "probes": {
                url: {**asdict(probe), "at": iso_milliseconds(probe.at)}
                for url, probe in sorted(self.probes.items())
            },
            "budgets": {
                name: {
                    "step": asdict(budget.step),
                    "windows": {
                        str(seconds): asdict(counted) for seconds, counted in sorted(budget.windows.items())
                    },
                }
                for name, budget in sorted(self.budgets.items())
            },
            "shares": None if self.shares is None else self.shares.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepSignals:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            at=parse_iso(data["at"]),
            counted_at=parse_iso(data["counted_at"]),
            **{name: _traffic_from_json(data[name]) for name in _TRAFFIC},
            probes={
                url: Probe(**{**probe, "at": parse_iso(probe["at"])}) for url, probe in data["probes"].items()
            },
            budgets={
                name: Budget(
                    Counted(**budget["step"]),
                    {int(seconds): Counted(**counted) for seconds, counted in budget["windows"].items()},
                )
                for name, budget in data["budgets"].items()
            },
            shares=None if data["shares"] is None else Shares.from_json(data["shares"]),
        )


_TRAFFIC = ("moved", "recent", "control")


def _traffic_to_json(traffic: Traffic | None) -> dict[str, Any] | None:
    return None if traffic is None else traffic.to_json()


def _traffic_from_json(data: Mapping[str, Any] | None) -> Traffic | None:
    return None if data is None else Traffic.from_json(data)
