"""Divides the ranks of a fleet into batches, so that none takes more than its share of any failure domain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace

from reconciler.fleet.domains import OTHERS, Reaches
from reconciler.fleet.ranks import NO_REACH
from reconciler.release.state import PlannedStep
from reconciler.release.strategies.strategy import Ranks

_FINE = 1_000_000_000
"""Shares are compared as whole numbers of this: the order must not depend on how a machine rounds."""


@dataclass(slots=True)
class Divider:
    """Takes batch after batch. `percent` is the share of a domain that one batch may take; one node it always may."""

    ranks: Ranks
    percent: int
    taken: dict[str, int] = field(default_factory=dict)

    def batches(self, size: int) -> Iterator[tuple[int, Reaches]]:
        """As many batches as it takes to move `size` further nodes: how many each moves, and the reaches after it."""
        while size > 0:
            moved = self._take(size)
            if moved == 0:
                return
            size -= moved
            yield moved, self.reaches()

    def reaches(self) -> Reaches:
        """The highest ranks that were taken so far."""
        found = {OTHERS: NO_REACH}
        for domain, ranks in self.ranks.items():
            count = self.taken.get(domain, 0)
            found[domain] = ranks[count - 1] if count else NO_REACH
        return found

    def _take(self, size: int) -> int:
        room = {
            domain: min(max(1, len(ranks) * self.percent // 100), len(ranks) - self.taken.get(domain, 0))
            for domain, ranks in self.ranks.items()
        }
        if len(room) == 1:
            ((domain, most),) = room.items()
            moved = min(size, most)
            self.taken[domain] = self.taken.get(domain, 0) + moved
            return moved
        # The next node is taken where the smallest share is moved yet, so that no domain is ahead of the others.
        queue = [self._place(domain) for domain, most in room.items() if most > 0]
        heapify(queue)
        moved = 0
        while queue and moved < size:
            domain = queue[0][2]
            self.taken[domain] = self.taken.get(domain, 0) + 1
            room[domain] -= 1
            moved += 1
            if room[domain] > 0:
                heapreplace(queue, self._place(domain))
            else:
                heappop(queue)
        return moved

    def _place(self, domain: str) -> tuple[int, str, str]:
        ranks, count = self.ranks[domain], self.taken.get(domain, 0)
        return (count + 1) * _FINE // len(ranks), ranks[count], domain


def divide(ranks: Ranks, sizes: Iterable[tuple[int, int]], percent: int) -> tuple[PlannedStep, ...]:
    """The steps that move a fleet: of each size and time one, or more where a domain has no room for it at once."""
    divider = Divider(ranks, percent)
    batches = ((batch, lasts) for size, lasts in sizes for batch in divider.batches(size))
    return tuple(
        PlannedStep(number, nodes, reaches, lasts)
        for number, ((nodes, reaches), lasts) in enumerate(batches, start=1)
    )
