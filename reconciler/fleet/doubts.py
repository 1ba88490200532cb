"""Whether two machines report as one node, or one came back as an older self of its own.

Every start of an agent has a new boot id, and within one its counter only rises. So a boot id that was followed by
another one, or a counter that was followed by a higher one, comes back only from a copied home, from a machine that was
restored from a snapshot, or from a report that was late. Reports that overtake each other on the way to the database
are only a few counts apart; later ones are rare, and more than a few are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

KEPT_BOOTS = 8
OVERTAKEN = 3
"""So many counts a report may be behind: two were sent at once, or two processes wrote them."""

LATE = 2
"""So many strange reports within `SPAN` may have been late ones."""

SPAN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of a node's reports. `beat` tells its last report from another with the same counter; `boots`
    are boot ids before the present one, the newest last. `since` is when the first of `doubts` strange ones came."""

    boot_id: str
    counter: int
    beat: str
    boots: tuple[str, ...] = ()
    doubts: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """`counts`: whether the report says something new. `cloned`: whether this report is the one too many."""

    counts: bool
    standing: Standing
    cloned: bool = False


def judge(known: Standing, boot_id: str, counter: int, beat: str, *, now: datetime) -> Judged:
    """What a report is to be taken for.

    The same report again is nothing, nor is one that was overtaken. A strange one does not count, until there are too
    many: then the node is one that came back older, and would be silent for ever, or two, of which each is as good as
    the other.
    """
    if boot_id == known.boot_id and counter > known.counter:
        return Judged(True, _now_at(known, boot_id, counter, beat))
    overtaken = known.counter - OVERTAKEN <= counter < known.counter
    again = counter == known.counter and beat == known.beat
    if boot_id == known.boot_id and (overtaken or again):
        return Judged(False, known)
    if boot_id != known.boot_id and boot_id not in known.boots:
        return Judged(True, _now_at(known, boot_id, counter, beat))
    fresh = known.since is not None and now - known.since <= SPAN
    doubts, since = (known.doubts + 1, known.since) if fresh else (1, now)
    standing = Standing(known.boot_id, known.counter, known.beat, known.boots, doubts, since)
    if doubts <= LATE:
        return Judged(False, standing)
    return Judged(True, _now_at(standing, boot_id, counter, beat), cloned=doubts == LATE + 1)


def _now_at(known: Standing, boot_id: str, counter: int, beat: str) -> Standing:
    boots: Sequence[str] = known.boots
    if known.boot_id and boot_id != known.boot_id:
        boots = [*(boot for boot in boots if boot not in (boot_id, known.boot_id)), known.boot_id][
            -KEPT_BOOTS:
        ]
    return Standing(boot_id, counter, beat, tuple(boots), known.doubts, known.since)
