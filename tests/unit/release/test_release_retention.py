"""Which bundles have to stay, as a truth table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.release.retention import YOUNG, needed, superfluous
from reconciler.release.state import BranchFiles, Completed, Ledger, Release, Rollout

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD = NOW - YOUNG - timedelta(seconds=1)


def completed(*digests: str) -> tuple[Completed, ...]:
    return tuple(Completed(digest, "c", "r", 1, NOW) for digest in digests)


def rollout(digest: str, previous: str) -> Rollout:
    return Rollout("r-1", "rolled-back", digest, previous, "c", NOW, "", ())


def test_what_an_environment_points_to_is_needed() -> None:
    ledger = Ledger(1, rollout("bad", "before"), None, completed("live", "older"))
    files = BranchFiles(release=Release("wished"), ledger=ledger)
    assert needed([files], [], keep=1) == {"wished", "bad", "before", "live"}


def test_the_last_good_ones_are_counted_once_each_and_for_each_environment() -> None:
    one = BranchFiles(ledger=Ledger(history=completed("a", "b", "a", "b", "c", "d")))
    other = BranchFiles(ledger=Ledger(history=completed("x", "y", "z")))
    assert needed([one, other], [], keep=3) == {"a", "b", "c", "x", "y", "z"}
    assert needed([one], [], keep=1) == {"a"}


def test_what_a_node_holds_is_needed_whatever_it_is() -> None:
    assert needed([], ["held", ""], keep=1) == {"held"}


def test_an_environment_that_has_said_nothing_needs_nothing() -> None:
    assert needed([BranchFiles()], [], keep=5) == frozenset()


def test_only_what_is_old_and_not_needed_may_go() -> None:
    published = {"needed": OLD, "old": OLD, "young": NOW - YOUNG, "newest": NOW}
    assert superfluous(published, frozenset({"needed"}), now=NOW) == {"old"}


def test_the_newest_stays_however_old_it_is() -> None:
    assert superfluous({"a": OLD, "b": OLD - timedelta(days=1)}, frozenset(), now=NOW) == {"b"}
    assert superfluous({}, frozenset(), now=NOW) == frozenset()
