"""The ladder of a rollout: steps past, now and next, with a lamp for each node and each gate's reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.db.models import Rollout
from web.pages.times import moment
from web.pages.words import ROLLOUTS, STEPS, VERDICTS, State, state_of

MOST_LAMPS = 60
"""Beyond this many nodes a step shows a bar in proportion instead of a lamp for each node."""

LAMPS: tuple[tuple[str, str], ...] = (
    ("healthy", "run it and are healthy"),
    ("running", "run it, health not yet known"),
    ("unhealthy", "run it and are unhealthy"),
    ("refused", "refused it"),
    ("silent", "are silent"),
    ("pending", "do not run it yet"),
)
"""The kinds of lamp in the order in which they are drawn, and how a count of them reads."""


@dataclass(frozen=True, slots=True)
class Segment:
    """So many nodes of one kind; `offset` is how many were drawn before them."""

    key: str
    count: int
    offset: int
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`evidence` is what a gate made it from, by name."""

    gate: str
    state: State
    because: str
    evidence: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One batch. `counted` is False while nothing is known of its nodes yet. `weights` are those of slots, in words."""

    number: int
    nodes: int
    state: State
    since: datetime | None
    ended: datetime | None
    counted: bool
    total: int
    segments: tuple[Segment, ...]
    verdicts: tuple[Verdict, ...]
    weights: str = ""

    @property
    def lamps(self) -> tuple[str, ...] | None:
        """One kind for each node, or None when there are too many for lamps."""
        if self.total > MOST_LAMPS:
            return None
        return tuple(segment.key for segment in self.segments for _ in range(segment.count))

    @property
    def sentence(self) -> str:
        """The counts in words, for people who do not see the lamps."""
        if not self.counted:
            return f"{self.total} nodes"
        said = ", ".join(f"{segment.count} {segment.words}" for segment in self.segments if segment.count)
        return f"Of {self.total} nodes {said}." if said else "No nodes."


@dataclass(frozen=True, slots=True)
class Ladder:
    row: Rollout
    state: State
    steps: tuple[Step, ...]
    deadline: datetime | None
    on_failure: str
    commit: str
    max_unavailable: int | None
    only: str

    @property
    def current(self) -> int:
        """The number of the step that is under way, or 0."""
        return next((step.number for step in self.steps if step.state.key in ("active", "failed")), 0)


def ladder(row: Rollout) -> Ladder:
    """Read a rollout's stored view; what is missing there is shown as unknown, never as good."""
    view: Mapping[str, Any] = row.view or {}
    limit = view.get("max_unavailable")
    return Ladder(
        row=row,
        state=state_of(ROLLOUTS, row.state),
        steps=tuple(_step(number, step) for number, step in enumerate(view.get("steps") or (), 1)),
        deadline=moment(view.get("deadline")),
        on_failure=str(view.get("on_failure") or ""),
        commit=str(view.get("commit") or ""),
        max_unavailable=limit if isinstance(limit, int) else None,
        only=str(view.get("only") or ""),
    )


def _step(place: int, step: Mapping[str, Any]) -> Step:
    counts = step.get("counts")
    nodes = _count(step, "nodes")
    total = max(nodes, _count(counts, "total")) if counts else nodes
    return Step(
        number=_count(step, "number") or place,
        nodes=nodes,
        state=state_of(STEPS, str(step.get("state") or "")),
        since=moment(step.get("since")),
        ended=moment(step.get("ended")),
        counted=bool(counts),
        total=total,
        segments=_segments(counts or {}, total),
        verdicts=tuple(
            Verdict(
                str(v.get("gate") or ""),
                state_of(VERDICTS, str(v.get("verdict") or "")),
                str(v.get("because") or ""),
                tuple(sorted((v.get("evidence") or {}).items())),
            )
            for v in step.get("verdicts") or ()
        ),
        weights=", ".join(
            f"{slot} at {_count(step['weights'], slot)}" for slot in sorted(step.get("weights") or ())
        ),
    )


def _segments(counts: Mapping[str, Any], total: int) -> tuple[Segment, ...]:
    """Share the nodes out so that they add up to `total`, the bad news first where counts overlap."""
    left = total
    shares: dict[str, int] = {}
    for key in ("silent", "refused", "unhealthy", "healthy"):
        shares[key] = min(left, _count(counts, key))
        left -= shares[key]
    known = shares["unhealthy"] + shares["healthy"]
    shares["running"] = min(left, max(0, _count(counts, "running") - known))
    shares["pending"] = left - shares["running"]
    segments, offset = [], 0
    for key, words in LAMPS:
        segments.append(Segment(key, shares[key], offset, words))
        offset += shares[key]
    return tuple(segments)


def _count(values: Mapping[str, Any] | None, key: str) -> int:
    value = (values or {}).get(key)
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0
