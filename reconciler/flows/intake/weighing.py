"""Which moves of a reference no delivery told of. Pure, and the order of deliveries does not matter.

A reference that goes from one commit to another leaves the first and arrives at the second. Every move that was told
does so too. Where more moves arrive than leave, one that leaves was not told of, and the other way round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

Step = tuple[str, str]
"""From one commit id to another, empty where the reference does not exist."""


def untold(before: str, after: str, told: Sequence[Step], still: Iterable[Step] = ()) -> list[Step]:
    """The steps that nobody told of, of a reference that stood at `before` and stands at `after` now.

    `told` are the steps of the deliveries since, in the order of their arrival; `still` are steps that were missing
    before. Of those, what has been told of by now is gone from the answer, and what is left keeps its place.
    """
    # Where one arrives without leaving: +1, where one leaves without having arrived: -1.
    balance: Counter[str] = Counter()
    balance[before] += 1
    balance[after] -= 1
    missing = list(still)
    for left, reached in told:
        balance[left] -= 1
        balance[reached] += 1
    for left, reached in missing:
        balance[left] += 1
        balance[reached] -= 1
    found = []
    for left, reached in missing:
        if balance[left] > 0 and balance[reached] < 0:
            balance[left] -= 1
            balance[reached] += 1
            found.append((left, reached))
    # What was missing before surrounds what was told late.
    order = [left for left, _ in missing] + [before, *chain.from_iterable(told)]
    order += [reached for _, reached in missing] + [after]
    places = list(dict.fromkeys(order))
    ends = [place for place in places for _ in range(balance[place])]
    starts = [place for place in places for _ in range(-balance[place])]
    return found + list(zip(ends, starts, strict=True))
