"""Bundles that were rebuilt from their commits: notices and samples. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reconciler.db.evidence import Reproduction
from web.pages.attention import ORDER, Notice
from web.pages.times import short_digest
from web.pages.words import REPRODUCTIONS, state_of

CODE = "E-RPR-002"


def notices(found: Iterable[Reproduction]) -> Iterator[Notice]:
    """What needs attention: a notice for each bundle that is not, or may not be, what its commit compiles to."""
    for row in found:
        state = state_of(REPRODUCTIONS, row.outcome)
        if state.tone in ORDER:
            yield Notice(
                state.tone,
                state.icon,
                f"Bundle {short_digest(row.digest)} could not be reproduced: {state.label}",
                row.because,
                CODE,
                row.checked_at,
                f"bundles/{row.digest}",
            )


def samples(found: Iterable[Reproduction]) -> dict[str, int]:
    """Outcome → how many bundles, with a zero for each outcome that none has."""
    counts = Counter(row.outcome for row in found)
    return {key: counts[key] for key in REPRODUCTIONS}
