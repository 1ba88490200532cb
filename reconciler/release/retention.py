"""Which bundles have to stay. Only what nobody can come to need again may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from reconciler.release.state import BranchFiles

YOUNG = timedelta(days=30)
"""A bundle that was published this short a time ago stays, promoted or not: somebody may be about to promote it."""


def needed(environments: Iterable[BranchFiles], held: Iterable[str], *, keep: int) -> frozenset[str]:
    """The digests that may be asked for: what nodes hold, what environments wish, pin, run, roll out or go back to, and
    the
    last `keep` of each that completed."""
    found = set(held)
    for files in environments:
        if files.release is not None:
            found.add(files.release.digest)
        found.update(pin.digest for pin in files.pins)
        ledger = files.ledger
        if ledger is None:
            continue
        if ledger.rollout is not None:
            found |= {ledger.rollout.digest, ledger.rollout.previous}
        found.update(standing.pin.digest for standing in ledger.pins)
        completed: dict[str, None] = {}
        for entry in ledger.history:
            completed.setdefault(entry.digest)
        found.update(list(completed)[:keep])
    return frozenset(digest for digest in found if digest)


def superfluous(
    published: Mapping[str, datetime], needed: frozenset[str], *, now: datetime, young: timedelta = YOUNG
) -> frozenset[str]:
    """Of the published bundles (digest → when), those that are neither needed nor young. The newest always stays."""
    newest = max(published, key=lambda digest: (published[digest], digest), default="")
    return frozenset(
        digest
        for digest, moment in published.items()
        if digest not in needed and digest != newest and now - moment > young
    )
