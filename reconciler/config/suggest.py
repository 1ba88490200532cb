"""Did you mean: the nearest of the names that could stand there."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from reconciler.config import limits

FEW = 12
"""More names than this are not read by anybody in a hint."""


def nearest(name: str, candidates: Collection[str]) -> str | None:
    """The candidate that a typing mistake could have turned into `name`, or None when none is near.

    Work is bounded: long names and candidates of another length are left out before anything is compared.
    """
    if not name or len(name) > limits.SUGGESTION_LENGTH:
        return None
    lowered = name.lower()
    margin = max(2, len(name) // 2)
    pool = sorted(c for c in candidates if abs(len(c) - len(name)) <= margin)
    if len(pool) > limits.SUGGESTION_CANDIDATES:
        pool = [c for c in pool if c[:1] == lowered[:1] or c[-1:] == lowered[-1:]][
            : limits.SUGGESTION_CANDIDATES
        ]
    by_lower = {c.lower(): c for c in reversed(pool)}
    found = difflib.get_close_matches(lowered, by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, candidates: Collection[str]) -> str:
    """A hint such as "did you mean 'payments'?"; else the names there are, or some of them when they are many."""
    near = nearest(name, candidates)
    if near is not None:
        return f"did you mean '{near}'?"
    if not candidates:
        return "there is none yet: write it first"
    names = sorted(candidates)
    if len(names) <= FEW:
        return "there are: " + ", ".join(names)
    return f"there are {len(names)}, such as {', '.join(names[:FEW])}"
